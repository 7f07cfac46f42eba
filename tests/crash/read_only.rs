//! A data directory that becomes read-only, as the kernel does it to a disk with errors, or is so
//! from the start: never a second history, and reading goes on as far as it can.

use cairn_tests::cairnd::Data;
use cairn_tests::volume::Volume;
use cairn_tests::wait::until;

use crate::load::{Load, data_in};

/// RocksDB sets some 70 MiB aside for the write-ahead log of each store.
const VOLUME_MIB: u64 = 400;

#[test]
fn a_disk_that_breaks_under_load_stops_adding_and_nothing_else() {
    let Some(volume) = Volume::mount(VOLUME_MIB) else {
        return;
    };
    let data = data_in(volume.path());
    let server = data.serve();
    let mut client = server.client();
    let mut breaks = true;
    let mut history = Load::new(0).run(&data, &server, |load| {
        load.wait_for_more(500);
        load.may_refuse();
        breaks = volume.break_writes();
        if !breaks {
            return;
        }
        for log in ["/logs/builds/add", "/api/v2/log/entries"] {
            until("adding is refused", || {
                let body = cairn_tests::request::Signer::new(8).body("one more");
                let answer = client.post(log, body);
                (answer.status == 503).then_some(())
            });
        }
        server.says("takes no more entries until it is reopened");
        let health = client.get("/healthz").expect(503);
        assert!(
            !health.text().contains("\"writable\":true"),
            "{}",
            health.text()
        );
        load.wait_for_audits(20);
    });
    if !breaks {
        return;
    }
    server.stop();
    volume.repair();
    history.check_reopened(&data);
    let server = data.serve();
    history.extend(Load::new(1).run(&data, &server, |load| load.wait_for_more(200)));
    server.kill();
    history.check_reopened(&data);
}

#[test]
fn health_knows_of_a_broken_disk_before_any_write() {
    let Some(volume) = Volume::mount(VOLUME_MIB) else {
        return;
    };
    let data = Data::init_in(volume.path(), "raw", "log.example.org");
    let server = data.serve();
    let mut client = server.client();
    client.get("/healthz").expect(200);
    // Once this is published, a log that nobody adds to writes nothing for minutes.
    client.post("/logs/log/add?wait=published", "x").expect(200);
    if !volume.break_writes() {
        return;
    }
    until("health is bad", || {
        (client.get("/healthz").status == 503).then_some(())
    });
    server.says("nothing can be written");
    let stderr = server.stderr();
    assert!(!stderr.contains("takes no more entries"), "{stderr}");
    client.get("/logs/log/checkpoint").expect(200);
    server.kill();
    volume.repair();
    data.serve().client().get("/healthz").expect(200);
}

#[test]
fn a_read_only_copy_is_checked_and_exported_and_not_served() {
    let Some(volume) = Volume::mount(VOLUME_MIB) else {
        return;
    };
    let data = data_in(volume.path());
    let server = data.serve();
    let history = Load::new(0).run(&data, &server, |load| load.wait_for_more(300));
    server.stop();
    volume.set_read_only(true);
    let refused = data.serve_refused();
    for words in ["Read-only file system", data.path().to_str().unwrap()] {
        assert!(refused.contains(words), "no {words:?} in {refused}");
    }
    data.fsck();
    let to = tempfile::tempdir().unwrap();
    let copy = to.path().join("copy");
    data.done(&["export", "--log", "builds", "--to", copy.to_str().unwrap()]);
    volume.set_read_only(false);
    history.check_reopened(&data);
}
