//! `cairnd serve`: the arguments; the work is in `crate::serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::{self, Config, MetricsListen};
use crate::observe::{self, LogFormat};
use crate::serve::{self, Overrides};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Serve the logs of a data directory

Prints `listening on http://ADDRESS` once it is bound, then one line for each log: `log NAME KIND
ORIGIN SIZE`, or `failed` in place of the size if the log can't be opened; the others are served
all the same, and /healthz says so. If no log at all can be opened it ends with exit code 1.
Logging goes to stderr; CAIRND_LOG sets its level (`warn`, `info,cairnd=debug`).

SIGTERM or SIGINT ends it gracefully: running requests are answered, every entry that was taken
is sequenced and published. A second signal, SIGKILL or a power cut ends it at once; nothing that
was acknowledged is lost, and the next start goes on from there. It never makes a log: a volume
that is not mounted must not begin a second history.

Examples:
  cairnd serve --dir /var/lib/cairn
  cairnd serve --dir /var/lib/cairn --listen 127.0.0.1:0     (any free port)";

/// Serve the logs of a data directory
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
    /// Listen here instead of where cairn.toml says; port 0: any free port
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Serve metrics here instead of where cairn.toml says, or "off"
    #[arg(long, value_name = "ADDR", value_parser = parse_metrics_listen)]
    metrics_listen: Option<MetricsListen>,
    /// Don't ask this anchor at this start, named as messages name it: because it is new, or lost
    /// for good. May be given several times
    #[arg(long, value_name = "ANCHOR")]
    without_anchor: Vec<String>,
    /// How log lines look
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    observe::start_logging(args.log_format, config::log_filter().as_deref())?;
    let config = Config::load(&args.dir)?;
    let overrides = Overrides {
        listen: args.listen,
        metrics_listen: args.metrics_listen,
        without_anchors: args.without_anchor.clone(),
        listener: None,
    };
    serve::run(config, overrides)
}

fn parse_metrics_listen(text: &str) -> Result<MetricsListen, String> {
    MetricsListen::parse(text)
        .ok_or_else(|| "write an IP address and a port, or \"off\"".to_owned())
}
