//! Checking a log over HTTP: a right one, and one with each kind of planted difference.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use engine::UnfinishedEntry;
use http::StatusCode as HttpStatus;
use tokio::net::TcpListener;

use super::*;
use crate::app::LogKind;
use crate::testing::{TestLog, TestServer};

/// More than two full bundles, so that there is a second tile level and an edge.
const ENTRIES_COUNT: u32 = 600;

/// What a server makes of a resource: its path, and the log's true answer.
type Tamper = fn(&str, Vec<u8>) -> Option<Vec<u8>>;

/// Checks a log whose server passes every answer through `tamper`.
async fn check(tamper: Tamper) -> anyhow::Result<u64> {
    let logs = TestServer::new([TestLog::new("log", LogKind::Raw)]).app;
    let log = logs.log("log").unwrap();
    let open = log.open().unwrap();
    let entries = (0..ENTRIES_COUNT).map(|i| UnfinishedEntry::new(Bytes::from(i.to_string())));
    for ticket in open.add_many(entries.collect()).unwrap() {
        ticket.published().await.unwrap();
    }
    let routes = Router::new()
        .fallback(serve)
        .with_state((open.reader(), tamper));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let app = TestServer::new([]).app;
    let server = crate::serve::connection::Server::new(&Arc::clone(&app), routes, 64);
    let serving = tokio::spawn(server.run(listener, stopped));
    let key = log.verifier.clone().unwrap();
    let checked = tokio::task::spawn_blocking(move || check_blocking(&url, &key))
        .await
        .unwrap();
    stop.send(true).unwrap();
    serving.await.unwrap();
    checked
}

fn check_blocking(url: &str, key: &VerifierKey) -> anyhow::Result<u64> {
    let remote = RemoteLog::new(url)?;
    let checkpoint = remote.checkpoint(key)?;
    Ok(remote.check(&checkpoint, &mut |_| ())?.size.get())
}

async fn serve(
    State((reader, tamper)): State<(engine::Reader, Tamper)>,
    request: Request,
) -> Response {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let truth = match ResourcePath::parse(&path).unwrap() {
        ResourcePath::Checkpoint => Some(reader.published().checkpoint.to_vec()),
        ResourcePath::Tile(tile) => reader.tile(tile).unwrap().map(|bytes| bytes.to_vec()),
        ResourcePath::Entries(bundle) => reader
            .bundle(bundle)
            .unwrap()
            .map(|stored| stored.plain().unwrap().to_vec()),
    };
    match truth.and_then(|bytes| tamper(&path, bytes)) {
        Some(bytes) => bytes.into_response(),
        None => HttpStatus::NOT_FOUND.into_response(),
    }
}

#[track_caller]
fn assert_names(checked: anyhow::Result<u64>, words: &[&str]) {
    let shown = format!("{:#}", checked.unwrap_err());
    for word in words {
        assert!(shown.contains(word), "{shown} does not name {word}");
    }
}

#[tokio::test]
async fn a_right_log_passes() {
    assert_eq!(
        check(|_, bytes| Some(bytes)).await.unwrap(),
        u64::from(ENTRIES_COUNT)
    );
}

#[tokio::test]
async fn a_changed_entry_is_named() {
    let checked = check(|path, mut bytes| {
        if path == "tile/entries/001" {
            bytes[2] ^= 1;
        }
        Some(bytes)
    });
    assert_names(checked.await, &["tile/0/001", "256"]);
}

#[tokio::test]
async fn a_changed_tile_is_named() {
    let checked = check(|path, mut bytes| {
        if path == "tile/1/000.p/2" {
            bytes[40] ^= 1;
        }
        Some(bytes)
    });
    assert_names(checked.await, &["tile/1/000.p/2"]);
}

#[tokio::test]
async fn a_missing_bundle_is_named() {
    let checked = check(|path, bytes| (path != "tile/entries/000").then_some(bytes));
    assert_names(checked.await, &["tile/entries/000", "404"]);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    let checked = check(|path, mut bytes| {
        if path.starts_with("tile/0/") {
            bytes.resize(1 << 20, 0);
        }
        Some(bytes)
    });
    assert_names(checked.await, &["tile/0/000", "more than 8192 bytes"]);
}

#[tokio::test]
async fn a_checkpoint_of_another_key_is_refused() {
    let checked = check(|path, mut bytes| {
        if path == "checkpoint" {
            let at = bytes.len() - 10;
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        }
        Some(bytes)
    });
    assert_names(checked.await, &["not signed as --vkey says"]);
}
