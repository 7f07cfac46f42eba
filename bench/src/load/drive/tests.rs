//! A server that stalls, in simulated time.

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use crate::load::workload::{Content, RawEntries};

use super::*;

const ENTRY_LEN_BYTES: usize = 16;

fn run(rate: Option<f64>, end: Duration) -> Arc<Run> {
    let target = Target::parse("http://log.example").unwrap();
    let entries = RawEntries::new(0, ENTRY_LEN_BYTES, None);
    Arc::new(Run {
        path: "/add".parse().unwrap(),
        content_type: HeaderValue::from_static("application/octet-stream"),
        requests: Requests::to(&target).unwrap(),
        target,
        schedule: Schedule::new(end, rate, 1),
        workload: Arc::new(Workload::new(Content::Raw(entries), 0, 0)),
        key: LogKey::Unknown,
        totals: Arc::default(),
        turn: AtomicU64::new(0),
        used_up: AtomicBool::new(false),
        begin: OnceLock::new(),
        gate: Barrier::new(1),
        threads: 1,
    })
}

/// Answers requests with indices from 0 on; the first one late.
async fn serve(mut stream: DuplexStream, stall: Duration) {
    let mut got = Vec::new();
    let mut index = 0;
    loop {
        // The body is the end of the request, and has this length.
        let head = got.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(len) = head.map(|at| at + 4 + ENTRY_LEN_BYTES)
            && got.len() >= len
        {
            got.drain(..len);
            if index == 0 {
                sleep(stall).await;
            }
            let body = index.to_string();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).await.unwrap();
            index += 1;
        } else if stream.read_buf(&mut got).await.unwrap() == 0 {
            return;
        }
    }
}

/// A run over one connection to a server that keeps the first request for `stall`.
fn measure(rate: Option<f64>, end: Duration, stall: Duration) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        let (ours, theirs) = duplex(1 << 16);
        tokio::task::spawn_local(serve(theirs, stall));
        let connection = Connection::over(TokioIo::new(ours)).await.unwrap();
        send_all(&run(rate, end), Instant::now(), vec![connection]).await
    })
}

#[test]
fn what_waits_behind_a_stall_has_waited_since_its_time() {
    let second = Duration::from_secs(1);
    let seen = measure(Some(10.0), 2 * second, second);
    assert_eq!((seen.sent, seen.entries, seen.errors.sum()), (20, 20, 0));
    // Sent at 0 and answered at 1 s; the ten that were due meanwhile had to wait: 0.9 s, 0.8 s ...
    let intended: Vec<Duration> = seen.placed.iter().map(|placed| placed.intended).collect();
    assert_eq!(intended[3], Duration::from_millis(300));
    let latency = |percent| seen.latencies.percentile_ms(percent).unwrap();
    for (percent, wanted) in [(100.0, 1000.0), (95.0, 900.0), (75.0, 500.0), (55.0, 100.0)] {
        let found = latency(percent);
        assert!(
            (wanted..=wanted + 2.0).contains(&found),
            "p{percent}: {found}"
        );
    }
    assert!(latency(50.0) < 2.0);
}

#[test]
fn a_closed_loop_sends_as_fast_as_it_is_answered() {
    let second = Duration::from_secs(1);
    let seen = measure(None, second / 2, second);
    assert_eq!((seen.sent, seen.entries), (1, 1));
    // Answered after the end: it counts, but not to the throughput.
    assert_eq!(seen.entries_in_time, 0);
    assert_eq!(seen.placed[0].index, 0);
}

#[test]
fn an_answer_that_never_comes_is_an_error() {
    let seen = measure(None, Duration::from_secs(1), Duration::from_hours(1));
    assert_eq!((seen.sent, seen.returned, seen.entries), (1, 0, 0));
    assert_eq!(seen.errors.failed, 1);
}
