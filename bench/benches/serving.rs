//! Tiles over HTTP, from `cairnd` and from a bare hyper server.
//!
//! Machine: the sketch is for two virtual cores of an AMD EPYC, client and server both on them. The
//! log is in the temporary directory, see the crate's header.
//! Data: a raw log of 65536 entries of 256 bytes in a running `cairnd`; its 256 full level-0 tiles
//! of 8 KiB are asked for in turn on 32 kept-alive connections, one request at a time on each.
//! Sketch: disk none, network the loopback. CPU: a request is one read, one write and a wake-up on
//! either side, some 20 us, of which the server has half. That is what hyper alone takes; a cached
//! tile, the limits, the request's id and its count add a few more.
//!
//! Plain alternative: a hyper server with two threads and no settings that answers every request
//! with the same 8 KiB and the headers that hyper itself writes. It is a process of its own, as
//! `cairnd` is: in the client's it would be spared some of the cost of changing between the two.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "it measures real time, and a wrong answer may end it in a panic"
)]

use std::convert::Infallible;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use bytes::Bytes;
use cairn_tests::cairnd::Data;
use cairn_tests::http::Client;
use criterion::{Criterion, Throughput};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const TILES: u64 = 256;
const TILE_LEN_BYTES: usize = 256 * 32;
const ENTRIES_PER_REQUEST: u64 = 1024;
const CONNECTIONS: u64 = 32;

/// Makes this program the bare server.
const BARE_SERVER: &str = "bare-server";

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some(BARE_SERVER) {
        return serve_bare();
    }
    let data = Data::init("raw", "bench.example/raw");
    let cairnd = data.serve();
    fill(cairnd.client());
    let bare = BareServer::start()?;
    let client = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("serving");
    group.throughput(Throughput::Elements(1));
    for (name, address) in [
        ("bare hyper: 8 KiB", bare.address),
        ("cairnd: tile", cairnd.address()),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| client.block_on(ask(address, count)));
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}

/// Logs enough entries for all tiles.
fn fill(mut client: Client) {
    for first in (0..TILES * 256).step_by(usize::try_from(ENTRIES_PER_REQUEST).unwrap_or(1)) {
        let mut batch = Vec::new();
        for entry in bench::entries(first, ENTRIES_PER_REQUEST) {
            tiles::append_entry(&mut batch, &entry).expect("the entries are short");
        }
        let answer = client.post("/logs/log/add-batch?wait=published", batch);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// A running server of nothing but 8 KiB, ended when dropped.
struct BareServer {
    process: Child,
    address: SocketAddr,
}

impl BareServer {
    fn start() -> anyhow::Result<BareServer> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(BARE_SERVER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().context("stdout is a pipe")?;
        let mut address = String::new();
        BufReader::new(stdout).read_line(&mut address)?;
        Ok(BareServer {
            address: address.trim_end().parse()?,
            process,
        })
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        // The end of its input ends it, too, should this fail.
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// Serves 8 KiB on two threads and prints where, until the input ends.
fn serve_bare() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _best_effort = stream.set_nodelay(true);
            let tile = Bytes::from_static(&[0x5a; TILE_LEN_BYTES]);
            let service = service_fn(move |_| {
                let tile = Full::new(tile.clone());
                async move { Ok::<_, Infallible>(http::Response::new(tile)) }
            });
            let serving = hyper::server::conn::http1::Builder::new();
            tokio::spawn(serving.serve_connection(TokioIo::new(stream), service));
        }
    });
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

/// The time that so many requests take on all connections together.
async fn ask(address: SocketAddr, count: u64) -> Duration {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address)
            .await
            .expect("the server listens");
        stream.set_nodelay(true).expect("it is a TCP connection");
        connections.push(stream);
    }
    let began = Instant::now();
    let asking: JoinSet<()> = (0_u64..)
        .zip(connections)
        .map(|(number, stream)| {
            let share = count / CONNECTIONS + u64::from(number < count % CONNECTIONS);
            ask_on(stream, number, share)
        })
        .collect();
    asking.join_all().await;
    began.elapsed()
}

/// Asks for one tile after another and reads them.
async fn ask_on(mut stream: TcpStream, first: u64, count: u64) {
    let mut answer = vec![0; 2 * TILE_LEN_BYTES];
    for number in first..first + count {
        let tile = number % TILES;
        let request = format!("GET /logs/log/tile/0/{tile:03} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("the server reads");
        let mut len = 0;
        // Nobody but these two servers answers, so the head is known to be short, and the body to
        // have the length of a tile.
        while body_len(&answer[..len]) != Some(TILE_LEN_BYTES) {
            let read = stream
                .read(&mut answer[len..])
                .await
                .expect("the server answers");
            assert!(
                read > 0,
                "the answer ended early: {}",
                answer[..len].escape_ascii()
            );
            len += read;
        }
        assert!(
            answer.starts_with(b"HTTP/1.1 200 OK\r\n"),
            "{}",
            answer[..len].escape_ascii()
        );
    }
}

/// How much of the body is there, if the head is.
fn body_len(answer: &[u8]) -> Option<usize> {
    let head_len = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    Some(answer.len() - head_len)
}
