//! Tests of the line, on a log in memory.

use super::*;
use crate::testing::TestServer;
use crate::verify_pool::Answer;

fn log() -> (TestServer, Log) {
    let server = TestServer::rekor();
    let served = server.app.log("rekor").unwrap();
    let log = served.open().unwrap().clone();
    (server, log)
}

fn entry(number: usize) -> UnfinishedEntry {
    UnfinishedEntry::new(Bytes::from(format!("entry {number}")))
}

fn add(entrance: &Entrance, log: &Log, entry: UnfinishedEntry) -> Answer<Result<Logged, Refusal>> {
    let (teller, answer) = Teller::new();
    entrance.add(log, entry, teller);
    answer
}

#[tokio::test]
async fn each_is_told_of_its_own_entry_and_a_head_that_covers_it() {
    let (_server, log) = log();
    let line = WaitingLine::default();
    let entrance = line.entrance();
    // Twice: the second time all of them are known.
    for again in [false, true] {
        let answers: Vec<_> = (0..300)
            .map(|number| add(&entrance, &log, entry(number)))
            .collect();
        for (number, answer) in answers.into_iter().enumerate() {
            let logged = answer.wait().await.unwrap().unwrap();
            assert_eq!(logged.leaf, format!("entry {number}"));
            assert_eq!(logged.place.duplicate, again);
            assert!(logged.head.size.contains(logged.place.index));
            let stored = log.reader().entry(logged.place.index).unwrap().unwrap();
            assert_eq!(stored, logged.leaf);
        }
    }
}

#[tokio::test]
async fn who_has_gone_does_not_hold_up_the_others() {
    let (_server, log) = log();
    let line = WaitingLine::default();
    for number in 0..20 {
        drop(add(&line.entrance(), &log, entry(number)));
    }
    let last = add(&line.entrance(), &log, entry(20));
    assert_eq!(last.wait().await.unwrap().unwrap().leaf, "entry 20");
}

#[tokio::test]
async fn what_the_log_does_not_take_is_told_at_once() {
    let (_server, log) = log();
    let line = WaitingLine::default();
    let large = UnfinishedEntry::new(Bytes::from(vec![0; tiles::ENTRY_LEN_BYTES_MAX + 1]));
    let refused = add(&line.entrance(), &log, large).wait().await.unwrap();
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, Refusal::RekorEntryTooLarge { .. }),
        "{refused}"
    );
    log.close();
    let refused = add(&line.entrance(), &log, entry(1)).wait().await.unwrap();
    assert_eq!(refused.unwrap_err(), Refusal::ShuttingDown);
}

#[tokio::test]
async fn a_full_line_refuses_before_anything_is_logged() {
    let (_server, log) = log();
    let (end, mut front) = mpsc::channel(1);
    let entrance = Entrance(end);
    let first = add(&entrance, &log, entry(1));
    let refused = add(&entrance, &log, entry(2)).wait().await.unwrap();
    assert_eq!(refused.unwrap_err(), Refusal::PoolFull);
    let waiting = front.recv().await.unwrap();
    let (place, _) = waiting.ticket.published().await.unwrap();
    assert_eq!(place.index.get(), 0);
    assert_eq!(log.status().committed.size.get(), 1);
    // Whoever drops the line leaves nobody without an answer.
    drop((waiting, front));
    assert_eq!(first.wait().await.unwrap_err(), Refusal::Internal);
    let refused = add(&entrance, &log, entry(3)).wait().await.unwrap();
    assert_eq!(refused.unwrap_err(), Refusal::Internal);
}
