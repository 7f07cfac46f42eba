//! A flood of wrong signatures, more than can be checked: reads are answered, right signatures get
//! through between the wrong ones, and a kill in the middle of it is like any other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use cairn_tests::http::Request;
use cairn_tests::request::Signer;
use rustix::process::Signal;
use serde_json::Value;

use crate::load::{Load, data};

/// Clients that send one wrong signature after the other, and those that send many at a time.
const SINGLE_CLIENTS: usize = 24;
const BATCH_CLIENTS: usize = 4;
const BATCH: usize = 256;

/// How many of them are answered before the server is killed.
const ANSWERS_MIN: usize = 1000;

/// The signature of another text.
fn wrong() -> Value {
    let signer = Signer::new(9);
    let mut wrong = signer.request("a file");
    let other = signer.request("another");
    wrong["hashedRekordRequestV002"]["signature"]["content"] =
        other["hashedRekordRequestV002"]["signature"]["content"].clone();
    wrong
}

#[test]
fn a_flood_of_wrong_signatures_keeps_nobody_from_reading_or_adding() {
    let data = data().set("verify_queue_count_max", "32");
    let server = data.serve();
    let single = Request::post("/api/v2/log/entries", wrong().to_string());
    let batch = Value::from(vec![wrong(); BATCH]).to_string();
    let batch = Request::post("/api/v2/log/entries/batch", batch);
    let (ends, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    let flood = |request: &Request| {
        let mut client = server.client();
        while !ends.load(Ordering::SeqCst) {
            match client.try_send(request) {
                // Refused on its merits, or because too many wait.
                Ok(answer) => assert!(matches!(answer.status, 400 | 503), "{}", answer.text()),
                Err(error) => assert!(ends.load(Ordering::SeqCst), "not answered: {error}"),
            }
            answers.fetch_add(1, Ordering::SeqCst);
        }
    };
    let history = Load::new(0).run(&data, &server, |load| {
        thread::scope(|scope| {
            for _ in 0..SINGLE_CLIENTS {
                scope.spawn(|| flood(&single));
            }
            for _ in 0..BATCH_CLIENTS {
                scope.spawn(|| flood(&batch));
            }
            cairn_tests::wait::until("the flood is answered", || {
                (answers.load(Ordering::SeqCst) >= ANSWERS_MIN).then_some(())
            });
            load.wait_for_more(300);
            load.wait_for_audits(20);
            ends.store(true, Ordering::SeqCst);
            load.may_end();
            server.signal(Signal::KILL);
        });
    });
    server.kill();
    history.check_reopened(&data);
}
