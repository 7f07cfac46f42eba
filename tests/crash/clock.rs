//! The wall clock of a running server jumps, ahead and back: batch times never go back with it, so
//! adds are refused until it is right, and nothing else changes.

use cairn_tests::wait::until;
use cairn_tests::wall_clock::WallClock;

use crate::load::{Load, data};

const HOUR_MS: i64 = 3_600_000;

#[test]
fn a_clock_that_jumps_delays_adds_and_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let clock = WallClock::new(dir.path());
    let data = data();
    let server = clock.serve(&data);
    let mut client = server.client();
    let mut history = Load::new(0).run(&data, &server, |load| {
        load.wait_for_more(300);
        // Ahead: the log follows.
        clock.set_ahead(HOUR_MS);
        load.wait_for_more(300);
        // Back: adds wait, then are refused, and whoever asks learns why. Reads go on.
        clock.set_ahead(0);
        server.says("ms behind the last batch, of ");
        client.get("/healthz").expect(503);
        load.wait_for_audits(20);
        // Right again, by the log's time.
        clock.set_ahead(HOUR_MS);
        load.wait_for_more(300);
        until("health is good", || {
            (client.get("/healthz").status == 200).then_some(())
        });
    });
    server.kill();

    // A start with a clock that is behind the log: all can be read, and adding resumes in time.
    clock.set_ahead(0);
    history.check_reopened(&data);
    let server = clock.serve(&data);
    let refused = server.client().post("/logs/builds/add", "too early");
    assert!(
        refused
            .expect(500)
            .text()
            .contains("it was not sequenced; send it again")
    );
    clock.set_ahead(2 * HOUR_MS);
    history.extend(Load::new(1).run(&data, &server, |load| load.wait_for_more(300)));
    server.kill();
    history.check_reopened(&data);
}
