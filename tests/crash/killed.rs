//! SIGKILL at random instants under full load, again and again: nothing that was acknowledged is
//! lost or moved, and no checkpoint that anybody saw is contradicted.

use std::thread;

use cairn_tests::environment;
use cairn_tests::seeded::Random;
use rustix::process::Signal;

use crate::history::History;
use crate::load::{Load, data};

/// Answers of one round, at most.
const ANSWERS_MAX: u64 = 3000;
/// Turns that others get between an answer and the kill, at most: some milliseconds.
const TURNS_MAX: u64 = 5000;

#[test]
fn a_killed_server_keeps_what_it_acknowledged() {
    let mut random = Random::from_environment(1);
    let rounds = environment::number("CAIRN_ROUNDS", 5);
    let data = data();
    let mut history = History::default();
    for round in 0..rounds {
        let (answers, turns) = (1 + random.below(ANSWERS_MAX), random.below(TURNS_MAX));
        eprintln!("round {round} of CAIRN_ROUNDS={rounds}: killed {turns} turns after {answers}");
        let server = data.serve();
        history.check(&data, &server);
        let new = Load::new(round).run(&data, &server, |load| {
            load.wait_for_more(answers);
            for _ in 0..turns {
                thread::yield_now();
            }
            load.may_end();
            server.signal(Signal::KILL);
        });
        history.extend(new);
        server.kill();
        data.fsck();
    }
    history.check_reopened(&data);
    let (entries, checkpoints) = (history.acknowledged.len(), history.seen.len());
    eprintln!("{entries} entries were acknowledged, {checkpoints} checkpoints seen");
}
