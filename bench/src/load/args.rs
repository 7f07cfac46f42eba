//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::log_key::LogKey;
use super::target::Target;

/// Measures a transparency log under load, and checks what it answers
#[derive(Clone, Debug, Parser)]
#[command(name = "cairn-load", version, long_about = LONG_ABOUT, after_help = AFTER_HELP)]
pub struct Args {
    /// The base URL of the log or the service: what stands before /add, or before /api
    #[arg(long, value_name = "URL", value_parser = Target::parse)]
    pub(super) url: Target,

    /// What the log speaks
    #[arg(long)]
    pub(super) kind: Kind,

    /// How long to send
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(super) seconds: u32,

    /// Entries a second, sent on a fixed schedule whether or not the server keeps up; without it
    /// each connection sends its next request once it has the answer to the last
    #[arg(long, value_name = "R", value_parser = parse_rate)]
    pub(super) rate: Option<f64>,

    /// The server's process: reports its CPU time and memory
    #[arg(long, value_name = "PID")]
    pub(super) pid: Option<u32>,

    /// The server's data: reports by how much it grows on disk
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,

    /// Connections; one request at a time on each [default: 2048 for rekor-v2, 512 for raw, 8 for
    /// raw-batch, 256 for certificate, 64 for timestamp]
    #[arg(long, value_name = "C", value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub(super) connections: Option<u32>,

    /// Threads that send
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(super) threads: u32,

    /// Entries in a request of raw-batch
    #[arg(long, value_name = "B", default_value_t = 512,
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(super) batch_size: u32,

    /// Length of a raw entry
    #[arg(long, value_name = "N", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(16..=65_535))]
    pub(super) entry_bytes: u32,

    /// Kinds of keys that sign for rekor-v2, in turn; one that is named twice signs twice as often
    #[arg(
        long,
        value_name = "KIND,..",
        value_delimiter = ',',
        default_value = "p256"
    )]
    pub(super) keys: Vec<KeyChoice>,

    /// How many of a hundred entries were sent before
    #[arg(long, value_name = "PERCENT", default_value_t = 0,
          value_parser = clap::value_parser!(u8).range(0..=99))]
    pub(super) duplicates: u8,

    /// Requests signed beforehand for rekor-v2 [default: enough for --rate, else for 20,000 a
    /// second, at most a million]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) prepare: Option<u32>,

    /// The log's key as a signed-note verifier key, as `cairnd key` prints it
    #[arg(long, value_name = "KEY", value_parser = LogKey::from_vkey,
          conflicts_with = "public_key")]
    pub(super) vkey: Option<LogKey>,

    /// The log's key in PEM
    #[arg(long, value_name = "FILE")]
    pub(super) public_key: Option<PathBuf>,

    /// The ID token that certificates are asked for with. It has to outlast the run, and all
    /// requests are of its owner: cairnd needs `certificates_per_minute_by_identity = 0`
    #[arg(long, value_name = "JWT", required_if_eq("kind", "certificate"))]
    pub(super) identity_token: Option<String>,

    /// What certificates and timestamps are verified by
    #[arg(long, value_name = "trusted_root.json")]
    pub(super) trusted_root: Option<PathBuf>,

    /// Draws throughput and latency over time
    #[arg(long, value_name = "FILE.svg")]
    pub(super) chart: Option<PathBuf>,

    /// Ends with one JSON object on standard output; the summary goes to standard error
    #[arg(long)]
    pub(super) json: bool,
}

/// What a log speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// POST /api/v2/log/entries: signed hashedrekord entries, answered with a proof
    RekorV2,
    /// POST /add: one entry, answered with its index
    Raw,
    /// POST /add-batch: many entries behind their lengths, answered with an index a line
    RawBatch,
    /// POST /api/v2/signingCert: an ID token and a key, answered with a certificate
    Certificate,
    /// POST /api/v1/timestamp: a digest, answered with a timestamp (RFC 3161)
    Timestamp,
}

/// A kind of key that signs requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KeyChoice {
    /// ECDSA on P-256, with SHA-256
    P256,
    /// Ed25519ph, with SHA-512
    Ed25519ph,
    /// RSA PKCS#1 v1.5 of 2048 bits, with SHA-256
    Rsa,
}

impl Kind {
    /// As on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Kind::RekorV2 => "rekor-v2",
            Kind::Raw => "raw",
            Kind::RawBatch => "raw-batch",
            Kind::Certificate => "certificate",
            Kind::Timestamp => "timestamp",
        }
    }

    /// Whether it is a service beside the logs: what is answered is all there is.
    pub(super) const fn is_service(self) -> bool {
        matches!(self, Kind::Certificate | Kind::Timestamp)
    }

    /// Enough to keep a fast server busy: it answers rekor-v2 only once a checkpoint is out, and
    /// raw and certificate once a batch is on disk.
    const fn connections_default(self) -> u32 {
        match self {
            Kind::RekorV2 => 2048,
            Kind::Raw => 512,
            Kind::RawBatch => 8,
            Kind::Certificate => 256,
            Kind::Timestamp => 64,
        }
    }
}

impl Args {
    /// How many connections to open.
    pub(super) fn connections(&self) -> u32 {
        let wanted = self.connections;
        wanted.unwrap_or_else(|| self.kind.connections_default())
    }

    /// How many entries a request carries.
    pub(super) fn entries_per_request(&self) -> u32 {
        match self.kind {
            Kind::RawBatch => self.batch_size,
            _ => 1,
        }
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text
        .parse()
        .map_err(|_| format!("{text:?} is not a number"))?;
    if rate.is_finite() && (0.01..=1e8).contains(&rate) {
        Ok(rate)
    } else {
        Err(format!("{text} entries a second, wanted 0.01 to 100000000"))
    }
}

const LONG_ABOUT: &str = "\
Measures a transparency log under load, and checks what it answers.

With --rate, each request has a time at which it should be sent, and its latency counts from that
time even if it had to wait for a connection: a server that stalls cannot hide it (no coordinated
omission). Without --rate, every connection sends as fast as it is answered.

Requests for rekor-v2 are signed before the clock starts. When they are used up the run ends, and
says so. Answers are kept and checked after the clock has stopped, so that checking takes no time
from a server on the same machine: every rekor-v2 answer by its body, proof and checkpoint; every
raw entry by the tiles of the log, up to the signed root; certificates and timestamps by the trusted
root. Beyond a gigabyte of answers the rest is checked as it comes.

Time to sequenced is what the answer of a raw log or a service took; time to published is what the
answer of a rekor-v2 log took, or until a raw log's checkpoint, asked for every 5 ms, covers the
entry.";

const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 a proof, an index or a signature was wrong, nothing was answered, or the run
failed; 2 the command line is wrong.";
