//! A disk that fills up under load: `/healthz` says so beforehand, adds end in a clear refusal,
//! reads go on, and once there is room again everything that was acknowledged is there.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use cairn_tests::cairnd::Data;
use cairn_tests::http::Client;
use cairn_tests::request::Signer;
use cairn_tests::volume::Volume;
use cairn_tests::wait::until;
use rustix::fs::{FallocateFlags, fallocate};

use crate::history::History;
use crate::load::{Load, data_in};

/// RocksDB sets some 70 MiB aside for the write-ahead log of each store.
const VOLUME_MIB: u64 = 400;
/// What is left for the load: less than the tenth below which a volume counts as low.
const LEFT_MIB: u64 = 5;
const PADDING_LEN: usize = 8000;

/// Fills the disk, with `ballast` and then under load. Gives what was acknowledged and seen until
/// the server was stopped.
fn fill(volume: &Volume, ballast: &Path, data: &Data) -> History {
    let server = data.serve();
    let mut client = server.client();
    client.get("/healthz").expect(200);
    let len = volume.free_len_bytes() - (LEFT_MIB << 20);
    let file = File::create(ballast).unwrap();
    fallocate(&file, FallocateFlags::empty(), 0, len).unwrap();
    until("the server sees that little is left", || {
        let health = client.get("/healthz").expect(200);
        health.text().contains("MiB are left").then_some(())
    });
    let history = Load::new(0).padded(PADDING_LEN).run(data, &server, |load| {
        load.may_refuse();
        server.says("the log takes no more entries until it is reopened");
        server.says("No space left on device");
        for path in ["/logs/builds/add", "/api/v2/log/entries"] {
            check_stops(&mut client, path, ballast);
        }
        let health = client.get("/healthz").expect(503);
        assert!(health.text().contains("\"writable\":false"));
        load.wait_for_audits(20);
    });
    server.stop();
    history
}

/// Makes `ballast` take what is left of the disk.
fn fill_up(ballast: &Path) {
    let mut rest = File::options().append(true).open(ballast).unwrap();
    let filled = io::copy(&mut io::repeat(0), &mut rest).unwrap_err();
    assert_eq!(filled.kind(), io::ErrorKind::StorageFull);
}

/// Waits until adding at `path` is refused for good, in words for whoever asked.
fn check_stops(client: &mut Client, path: &str, ballast: &Path) {
    let refused = until("adding is refused", || {
        // A log that was stopped frees the block that lets the other one go on.
        fill_up(ballast);
        let answer = client.post(path, Signer::new(8).body("one more"));
        (answer.status == 503).then_some(answer)
    });
    let wanted = "takes no entries until its operator reopens it";
    assert!(refused.text().contains(wanted), "{}", refused.text());
    assert_eq!(refused.header("retry-after"), Some("60"));
}

#[test]
fn a_full_disk_stops_adding_and_nothing_else() {
    let Some(volume) = Volume::mount(VOLUME_MIB) else {
        return;
    };
    let data = data_in(volume.path());
    let ballast = volume.path().join("ballast");
    let mut history = fill(&volume, &ballast, &data);
    assert!(!history.acknowledged.is_empty());

    // What was set aside is free again, so the disk has to be filled once more.
    fill_up(&ballast);
    let refused = data.serve_refused();
    assert!(refused.contains("No space left on device"), "{refused}");
    data.fsck();

    fs::remove_file(&ballast).unwrap();
    history.check_reopened(&data);
    let server = data.serve();
    history.extend(Load::new(1).run(&data, &server, |load| load.wait_for_more(200)));
    server.kill();
    history.check_reopened(&data);
}
