//! Ten thousand connections that say nothing, or nothing more: they cost little, the others are
//! served meanwhile, and whoever found no room is served once there is some. That idle connections
//! are given up in time is tested where fewer of them make it quick.

use std::io::{BufReader, Write as _};
use std::net::TcpStream;

use cairn_tests::announce;
use cairn_tests::cairnd::Server;
use cairn_tests::http::{Client, connect, read_response};
use cairn_tests::wait::until;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::load::{Load, data};

const IDLE_COUNT: usize = 10_000;
/// Room for the load and its auditors beside the idle ones.
const CONNECTIONS_MAX: usize = IDLE_COUNT + 20;
/// Connections for which there is no room at first.
const WAITING_COUNT: usize = 100;
/// Files that a process with all of these connections may have open besides.
const OTHER_FILES: usize = 1000;

const ASK: &[u8] = b"GET /checkpoint HTTP/1.1\r\nhost: x\r\n\r\n";

/// Memory that one idle connection may take.
const CONNECTION_KIB_MAX: u64 = 32;

/// Lets this process, and the servers that it starts, open enough files; `false`, loudly, if the
/// system does not allow that.
fn allow_files() -> bool {
    let wanted = u64::try_from(CONNECTIONS_MAX + WAITING_COUNT + OTHER_FILES).unwrap();
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let enough = limit.maximum.is_none_or(|maximum| maximum >= wanted)
        && setrlimit(Resource::Nofile, raised).is_ok();
    if !enough {
        announce(&format!(
            "SKIPPED: needs {wanted} open files, see `ulimit -Hn`"
        ));
    }
    enough
}

fn ask(mut stream: TcpStream) -> TcpStream {
    stream.write_all(ASK).unwrap();
    let mut reader = BufReader::new(stream);
    let answer = read_response(&mut reader, false).expect("everybody is answered");
    answer.expect(200);
    reader.into_inner()
}

/// Open connections, as the server counts them.
fn connections(metrics: &mut Client) -> usize {
    let text = metrics.get("/metrics").expect(200).text().to_owned();
    let mut lines = text.lines();
    let number = lines.find_map(|line| line.strip_prefix("cairn_http_connections "));
    number.unwrap().parse().unwrap()
}

fn connect_all(server: &Server, count: usize) -> Vec<TcpStream> {
    (0..count)
        .map(|_| connect(server.address()).unwrap())
        .collect()
}

#[test]
fn ten_thousand_idle_connections_keep_nobody_from_being_served() {
    if !allow_files() {
        return;
    }
    let data = data()
        .set("connections_max", &CONNECTIONS_MAX.to_string())
        // However long it takes to open all of them.
        .set("header_timeout_ms", "3600000");
    let server = data.serve_with(&["--metrics-listen", "127.0.0.1:0"]);
    let metrics = server.line("metrics on http://");
    let metrics = metrics.strip_suffix("/metrics").unwrap().parse().unwrap();
    let mut metrics = Client::new(metrics);
    let before_kib = server.resident_kib();
    let history = Load::new(0).run(&data, &server, |load| {
        let silent = connect_all(&server, IDLE_COUNT / 2);
        let spoke = connect_all(&server, IDLE_COUNT / 2);
        let spoke: Vec<TcpStream> = spoke.into_iter().map(ask).collect();
        until("all are open at once", || {
            (connections(&mut metrics) >= IDLE_COUNT).then_some(())
        });
        let grown_kib = server.resident_kib().saturating_sub(before_kib);
        let grown_max = CONNECTION_KIB_MAX * u64::try_from(IDLE_COUNT).unwrap();
        assert!(
            grown_kib < grown_max,
            "{grown_kib} KiB for idle connections"
        );
        let waiting = connect_all(&server, WAITING_COUNT);
        load.wait_for_more(300);
        load.wait_for_audits(20);
        drop((silent, spoke));
        for stream in waiting {
            ask(stream);
        }
        until("the idle ones are forgotten", || {
            (connections(&mut metrics) < IDLE_COUNT / 100).then_some(())
        });
        load.wait_for_more(1);
    });
    server.kill();
    history.check_reopened(&data);
}
