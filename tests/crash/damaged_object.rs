//! One damaged object on disk: it is named, the log takes no more entries, and everything else can
//! still be read.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cairn_tests::cairnd::{Data, said};
use cairn_tests::wait::until;
use engine::{Log, LogConfig, UnfinishedEntry, hashing_pool};
use tiles::{Ed25519NoteSigner, KeyName, Origin};

const ORIGIN: &str = "log.example.org";

/// Three full bundles and a bit, moved to the cold store as the log of a large server would be.
pub(crate) fn tiered() -> (Data, PathBuf) {
    let data = Data::init("raw", ORIGIN);
    let pem = fs::read_to_string(data.path().join("keys/log.pem")).unwrap();
    let base64: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = STANDARD.decode(base64).unwrap();
    let name = KeyName::new(ORIGIN).unwrap();
    let signer = Ed25519NoteSigner::from_pkcs8_der(name, &der).unwrap();
    let origin = Origin::new(ORIGIN).unwrap();
    let mut config = LogConfig::new(origin, "raw", Arc::new(signer), hashing_pool().unwrap());
    config.limits.hot_entries = 0;
    let log = Log::open(&data.store("log"), &config).unwrap();
    let entry = |n| UnfinishedEntry::new(Bytes::from(format!("entry {n}")));
    for ticket in log.add_many((0..800).map(entry).collect()).unwrap() {
        ticket.published_blocking().unwrap();
    }
    let cold = data.store("log").join("cold");
    let last = cold.join("tile/entries/002");
    until("full bundles are moved", || last.exists().then_some(()));
    log.close();
    (data, cold)
}

/// Damages the file of an object of a tiered log, then reads the log over HTTP.
fn check(object: &str, damage: impl FnOnce(&Path)) {
    let (data, cold) = tiered();
    damage(&cold.join(object));
    let server = data.serve();
    let mut client = server.client();
    client.get("/logs/log/tile/entries/000").expect(200);
    let refused = client.get(&format!("/logs/log/{object}")).expect(500);
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    server.says(object);
    let refused = client.post("/logs/log/add", "more").expect(503);
    assert_eq!(refused.header("retry-after"), Some("60"));
    for other in [
        "checkpoint",
        "tile/0/002",
        "tile/entries/002",
        "tile/entries/003.p/32",
    ] {
        client.get(&format!("/logs/log/{other}")).expect(200);
    }
    let health = client.get("/healthz").expect(503);
    assert!(
        health.text().contains("\"writable\":false"),
        "{}",
        health.text()
    );
    server.stop();
    let checked = data.run(&["fsck"]);
    assert_eq!(
        checked.status.code(),
        Some(1),
        "{object}: {}",
        said(&checked)
    );
    assert!(
        said(&checked).contains(object),
        "{object}: {}",
        said(&checked)
    );
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn one_damaged_object_stops_adding_and_nothing_else() {
    check("tile/entries/001", flip);
    check("tile/0/001", flip);
}

#[test]
fn one_lost_object_stops_adding_and_nothing_else() {
    check("tile/entries/001", |path| fs::remove_file(path).unwrap());
    check("tile/0/001", |path| fs::write(path, "").unwrap());
}
