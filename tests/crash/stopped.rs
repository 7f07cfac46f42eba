//! SIGSTOP under load: the server goes on where it was. As long as it stands, nobody else may take
//! its place, however dead it looks.

use cairn_tests::environment;
use cairn_tests::seeded::Random;
use rustix::process::Signal;

use crate::load::{Load, data};

#[test]
fn a_stopped_server_goes_on_and_nobody_takes_its_place() {
    let mut random = Random::from_environment(6);
    let rounds = environment::number("CAIRN_ROUNDS", 5);
    let data = data();
    let server = data.serve();
    let history = Load::new(0).run(&data, &server, |load| {
        for round in 0..rounds {
            let answers = 1 + random.below(1000);
            eprintln!("round {round} of CAIRN_ROUNDS={rounds}: stopped after {answers}");
            load.wait_for_more(answers);
            server.pause();
            let refused = data.serve_refused();
            let holder = format!("process {} ", server.pid());
            assert!(refused.contains(&holder), "{refused}");
            // Whoever only reads is welcome.
            data.fsck();
            server.resume();
            load.wait_for_more(1);
        }
        // A server that stands still dies like any other, and then its place is free.
        server.pause();
        load.may_end();
        server.signal(Signal::KILL);
    });
    server.kill();
    history.check_reopened(&data);
}
