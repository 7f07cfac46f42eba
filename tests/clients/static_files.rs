//! `publish_dir`: plain files kept current by a running server and hosted by nginx, which is all
//! that a reader needs.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use cairn_tests::cairnd::{Data, workspace};
use cairn_tests::http::{Client, Request};
use cairn_tests::remote::RemoteLog;
use cairn_tests::wait::until;

use crate::peers::{Running, check_audited, check_verified, peer};
use crate::verifier::{head, raw_batch};

/// Starts nginx on the files in `dir`, on a port that was free a moment ago; tries another if it is
/// not any more. `None` if nginx is not there.
fn nginx(dir: &Path, run: &Path) -> Option<(Running, SocketAddr)> {
    let program = peer("nginx")?;
    let template = fs::read_to_string(workspace().join("tests/independent/nginx.conf")).unwrap();
    for _ in 0..10 {
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let text = template
            .replace("DIR", dir.to_str().unwrap())
            .replace("PORT", &free.port().to_string())
            .replace("RUN", run.to_str().unwrap());
        let config = run.join("nginx.conf");
        fs::write(&config, text).unwrap();
        let mut command = Command::new(&program);
        command
            .args(["-e", "stderr", "-p"])
            .arg(run)
            .arg("-c")
            .arg(&config);
        let mut running = Running(command.stderr(Stdio::null()).spawn().unwrap());
        let serving = until("nginx answers or ends", || {
            if running.0.try_wait().unwrap().is_some() {
                return Some(false);
            }
            let answer = Client::new(free).try_send(&Request::get("/checkpoint"));
            answer
                .is_ok_and(|answer| answer.status == 200)
                .then_some(true)
        });
        if serving {
            return Some((running, free));
        }
    }
    panic!("nginx found no free port");
}

#[test]
fn nginx_hosts_a_log_that_a_running_server_keeps_current() {
    let published = tempfile::tempdir().unwrap();
    let public = published.path().join("public");
    let data = Data::init("raw", "log.example.org")
        .set("publish_dir", &format!("{:?}", public.to_str().unwrap()))
        .set("publish_dir_interval_ms", "20");
    let server = data.serve();
    let vkey = data.vkey("log").to_string();
    let log = RemoteLog::new(server.client(), "log", data.vkey("log"));
    let copied = |size: u64| {
        until("the copy is current", || {
            let bytes = fs::read(public.join("checkpoint")).ok()?;
            (log.open(&bytes).size().get() == size).then_some(())
        });
    };
    copied(0);
    let run = tempfile::tempdir().unwrap();
    let Some((_nginx, address)) = nginx(&public, run.path()) else {
        return;
    };
    let url = format!("http://{address}/");
    let mut size = 0;
    for count in [1, 254, 1, 1, 300] {
        server
            .client()
            .send(&raw_batch("/logs/log/add-batch", size, count))
            .expect(200);
        size += count;
        copied(u64::from(size));
        check_verified(&vkey, &url, &[]);
        let (found, root_hash) = head(&log);
        check_audited(&vkey, &url, found, &root_hash);
    }
    let gzip = Request::get("/tile/entries/000").header("accept-encoding", "gzip");
    let answer = Client::new(address).send(&gzip).expect(200);
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    // A server that starts again goes on where it was.
    server.stop();
    let server = data.serve();
    server
        .client()
        .send(&raw_batch("/logs/log/add-batch", size, 5))
        .expect(200);
    copied(u64::from(size + 5));
    check_verified(&vkey, &url, &[]);
}
