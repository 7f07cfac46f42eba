//! SIGKILL under load, again and again: nothing that was acknowledged is lost or moved, and no
//! checkpoint that anybody saw is contradicted.

use cairn_tests::environment;
use cairn_tests::remote::RemoteLog;
use cairn_tests::seeded::Random;
use rustix::process::{Pid, Signal, kill_process};

use crate::load::{Load, check, data};

#[test]
fn a_killed_server_keeps_what_it_acknowledged() {
    let mut random = Random::from_environment(1);
    let rounds = environment::number("CAIRN_ROUNDS", 5);
    let data = data();
    let logs = ["rekor", "builds"];
    let vkeys = logs.map(|name| data.vkey(name));
    let mut seen: Vec<Vec<u8>> = Vec::new();
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        let kill_after = 20 + random.below(400);
        eprintln!("round {round} of CAIRN_ROUNDS={rounds}: killed after {kill_after} answers");
        let server = data.serve();
        let remote: Vec<_> = logs
            .iter()
            .zip(&vkeys)
            .map(|(name, vkey)| RemoteLog::new(server.client(), name, vkey.clone()))
            .collect();
        // The checkpoints seen before the last crash are extended by those after it.
        for (log, bytes) in remote.iter().zip(&seen) {
            log.check_extends(&log.open(bytes), &log.checkpoint());
        }
        check(&data, &server, &acknowledged);
        data.fsck();
        let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
        let new = Load::run(&server, round, |load| {
            load.wait_for(kill_after);
            seen = remote.iter().map(|log| log.fetch("checkpoint")).collect();
            kill_process(pid, Signal::KILL).unwrap();
        });
        assert!(!new.is_empty());
        acknowledged.extend(new);
        server.kill();
        data.fsck();
    }
    let server = data.serve();
    check(&data, &server, &acknowledged);
    server.stop();
    data.fsck();
    eprintln!("{} entries were acknowledged", acknowledged.len());
}
