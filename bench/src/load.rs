//! The load tool: a server under load, measured from outside.
//!
//! Drives any server that speaks Rekor v2 (`POST /api/v2/log/entries`), takes raw entries one by
//! one (`POST /add`, answered with the index) or in batches (`POST /add-batch`), issues
//! certificates as Fulcio does, or timestamps (RFC 3161). So that a number means something:
//!
//! - requests are signed, and connections open, before the clock starts;
//! - on an open loop a request's latency counts from when it should have been sent;
//! - every answer is checked, but after the clock has stopped;
//! - what one signature check costs on this machine is measured in the same run.
//!
//! The tool shares the machine with the server it measures, so it does little for each request: a
//! prepared body on a kept-alive HTTP/1.1 connection, one thread for all connections by default.
//!
//! Not here: TLS, and starting a server.

mod answers;
mod args;
mod audit;
mod chart;
mod check;
mod connection;
mod drive;
mod errors;
mod latency;
mod log_key;
mod measure;
mod number;
mod progress;
mod recorder;
mod report;
mod schedule;
mod service;
mod signing;
mod target;
mod timeline;
mod verification;
mod watch;
mod workload;

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Resource, getrlimit, setrlimit};
use sigstore::trusted_root::TrustedRoot;

use self::chart::Chart;
use self::check::Checked;
use self::connection::Requests;
use self::drive::{Run, route};
use self::errors::Errors;
use self::log_key::LogKey;
use self::measure::{Measured, measure};
use self::number::{float, rounded};
use self::report::{Report, percentiles};
use self::schedule::Schedule;
use self::service::{CertificateRequests, ServiceRequests, TimestampRequests, read_trusted_root};
use self::signing::SignedRequests;
use self::verification::VerifyTimes;
use self::workload::{Content, RawEntries, Workload};

pub use self::args::Args;
use self::args::Kind;

/// Requests that are signed for each second of a run flat out: more than servers of this size take.
const SIGNED_PER_SECOND: u32 = 20_000;

/// Requests that are signed for a run flat out, at most: 150 MB of memory.
const SIGNED_COUNT_MAX: u32 = 1_000_000;

/// Files that are open besides the connections.
const OTHER_FILES: u64 = 64;

/// Runs the tool. Whether everything that was answered is right, and anything was.
///
/// # Errors
/// Whatever kept the run from taking place.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    let key = match &args.public_key {
        Some(path) => LogKey::read_pem(path)?,
        None => args.vkey.clone().unwrap_or(LogKey::Unknown),
    };
    raise_file_limit(args.connections());
    check::preflight(args.kind, &args.url, &key)?;
    let verify = verification::measure()?;
    let seed = random_seed()?;
    let trusted = args.trusted_root.as_deref().map(read_trusted_root);
    let content = content(args, seed, trusted.transpose()?)?;
    let run = prepare(args, Workload::new(content, seed, args.duplicates), key)?;
    let mut measured = measure(args, &run)?;
    let checked = check::check(&run, &mut measured)?;
    let report = report(args, &run, &measured, &checked, verify);
    if let Some(path) = &args.chart {
        chart(args, &report, &measured, &checked).write(path)?;
    }
    tell(args, &report, &checked.errors)?;
    Ok(report.unverified == 0 && report.entries > 0)
}

fn prepare(args: &Args, workload: Workload, key: LogKey) -> anyhow::Result<Arc<Run>> {
    let end = Duration::from_secs(args.seconds.into());
    let (resource, content_type) = route(args.kind);
    let threads = args.threads.min(args.connections());
    let parties = usize::try_from(threads)? + 1;
    Ok(Arc::new(Run {
        path: args.url.path(resource).parse()?,
        content_type: http::HeaderValue::from_static(content_type),
        requests: Requests::to(&args.url)?,
        target: args.url.clone(),
        schedule: Schedule::new(end, args.rate, args.entries_per_request()),
        workload: Arc::new(workload),
        key,
        totals: Arc::default(),
        turn: AtomicU64::new(0),
        used_up: AtomicBool::new(false),
        begin: OnceLock::new(),
        gate: Barrier::new(parties),
        threads,
    }))
}

fn content(args: &Args, seed: u64, trusted: Option<TrustedRoot>) -> anyhow::Result<Content> {
    match args.kind {
        Kind::RekorV2 => signed(args, seed),
        Kind::Raw | Kind::RawBatch => {
            let len = usize::try_from(args.entry_bytes)?;
            let batch_size = (args.kind == Kind::RawBatch).then_some(args.batch_size);
            Ok(Content::Raw(RawEntries::new(seed, len, batch_size)))
        }
        Kind::Certificate => {
            let token = args.identity_token.as_deref();
            let token = token.context("certificates need an --identity-token")?;
            let requests = CertificateRequests::prepare(token, trusted)?;
            Ok(Content::Service(ServiceRequests::Certificates(requests)))
        }
        Kind::Timestamp => {
            let requests = TimestampRequests::new(seed, trusted.as_ref())?;
            Ok(Content::Service(ServiceRequests::Timestamps(requests)))
        }
    }
}

fn signed(args: &Args, seed: u64) -> anyhow::Result<Content> {
    let count = args.prepare.unwrap_or_else(|| signed_count(args));
    let progress = progress::bar("signing", count.into());
    let requests = SignedRequests::prepare(&args.keys, seed, count, &progress);
    progress.finish_and_clear();
    requests.map(Content::Signed)
}

/// Enough for a schedule; flat out, enough for most servers.
fn signed_count(args: &Args) -> u32 {
    let seconds = args.seconds;
    let flat_out = seconds.saturating_mul(SIGNED_PER_SECOND);
    let schedule = |rate| Schedule::new(Duration::from_secs(seconds.into()), Some(rate), 1);
    let wanted = match args.rate {
        None => flat_out.min(SIGNED_COUNT_MAX),
        // One more for the rounding of the last time.
        Some(rate) => u32::try_from(schedule(rate).unsent(0).count() + 1).unwrap_or(u32::MAX),
    };
    wanted.max(1)
}

/// Different in each run, so that no run sends what an earlier one logged.
fn random_seed() -> anyhow::Result<u64> {
    let mut seed = [0; 8];
    aws_lc_rs::rand::fill(&mut seed).context("no randomness")?;
    Ok(u64::from_be_bytes(seed))
}

/// Each connection is an open file. Where the limit cannot be raised, connecting will say so.
fn raise_file_limit(connections: u32) {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = u64::from(connections) + OTHER_FILES;
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        let _connecting_says_so = setrlimit(Resource::Nofile, limit);
    }
}

fn report(
    args: &Args,
    run: &Run,
    measured: &Measured,
    checked: &Checked,
    verify: VerifyTimes,
) -> Report {
    let seen = &measured.seen;
    let per_entry = |amount: f64| (seen.entries > 0).then(|| rounded(amount / float(seen.entries)));
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let answered = percentiles(&seen.latencies);
    let (sequenced, published) = match &checked.published {
        Some(published) => (answered, percentiles(published)),
        // A certificate is sequenced, and a timestamp is in no log.
        None if args.kind.is_service() => (answered, [None; 3]),
        None => ([None; 3], answered),
    };
    let [sequenced_p50_ms, sequenced_p99_ms, sequenced_p999_ms] = sequenced;
    let [published_p50_ms, published_p99_ms, published_p999_ms] = published;
    let errors = &checked.errors;
    let in_time = float(seen.entries_in_time) / measured.elapsed.as_secs_f64().max(1e-9);
    Report {
        url: args.url.url(),
        kind: args.kind.name(),
        seconds: rounded(measured.elapsed.as_secs_f64()),
        rate: args.rate,
        connections: args.connections(),
        threads: run.threads,
        entries_per_request: args.entries_per_request(),
        entries: seen.entries,
        duplicates: seen.duplicates,
        entries_per_s: rounded(in_time),
        sequenced_p50_ms,
        sequenced_p99_ms,
        sequenced_p999_ms,
        published_p50_ms,
        published_p99_ms,
        published_p999_ms,
        unsent: measured.unsent,
        server_cpu_us_per_entry: measured.server_cpu.and_then(|cpu| per_entry(micros(cpu))),
        client_cpu_us_per_entry: per_entry(micros(measured.client_cpu)),
        verify_us: rounded(micros(verify.alone)),
        verify_busy_us: rounded(micros(verify.busy)),
        server_rss_mib_peak: measured.peak_kib.map(|kib| rounded(float(kib) / 1024.0)),
        disk_bytes_per_entry: measured.disk_grown.and_then(|len| per_entry(float(len))),
        checked: checked.count,
        signatures_checked: run.key.is_known() || args.trusted_root.is_some(),
        used_up: run.used_up.load(Ordering::Relaxed),
        errors: errors.sum(),
        refused: errors.refused,
        failed: errors.failed,
        unverified: errors.unverified,
    }
}

fn chart<'a>(
    args: &Args,
    report: &Report,
    measured: &'a Measured,
    checked: &'a Checked,
) -> Chart<'a> {
    let raw = checked.published_timeline.as_ref();
    let rate = report
        .rate
        .map_or("flat out".to_owned(), |rate| format!("{rate} entries/s"));
    Chart {
        title: format!("{}, {rate}", args.kind.name()),
        end_seconds: report.seconds.max(0.1),
        answered_as: if args.kind.is_service() {
            "answered"
        } else if raw.is_some() {
            "sequenced"
        } else {
            "published"
        },
        answered: &measured.seen.timeline,
        published: raw,
    }
}

/// The summary, where JSON leaves room for it; then the JSON.
fn tell(args: &Args, report: &Report, errors: &Errors) -> anyhow::Result<()> {
    let mut stderr = std::io::stderr().lock();
    for told in errors.told() {
        writeln!(stderr, "{told}")?;
    }
    if report.used_up {
        let seconds = report.seconds;
        writeln!(
            stderr,
            "the signed requests were used up after {seconds} s: see --prepare"
        )?;
    }
    if report.unsent > 0 {
        let unsent = report.unsent;
        writeln!(
            stderr,
            "{unsent} requests were due but not sent: the server cannot keep up, or needs more \
             --connections; they count as if answered at the end, so latencies are a lower bound"
        )?;
    }
    if !report.signatures_checked {
        writeln!(
            stderr,
            "signatures were not checked: give --vkey or --public-key, or of a service the \
             --trusted-root"
        )?;
    }
    if args.json {
        write!(stderr, "{}", report.table())?;
        writeln!(std::io::stdout(), "{}", report.json())?;
    } else {
        write!(std::io::stdout(), "{}", report.table())?;
    }
    Ok(())
}
