//! The command line: one file per subcommand, each with its arguments and what it does.

pub(crate) mod backup;
mod dev_token;
mod doctor;
mod export;
mod fsck;
mod init;
mod key;
mod log_add;
mod log_freeze;
mod log_rotate;
mod progress;
mod recover;
pub(crate) mod remote;
mod serve;
mod test_token;
mod trust;
mod up;

use clap::{Parser, Subcommand};

use crate::config::{ConfigError, LoadError, NameError, UnknownAnchor, UnknownLog};
use crate::origin::{OriginError, UrlHostError};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "cairnd", version, about = ABOUT)]
#[command(long_about = LONG_ABOUT, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const ABOUT: &str = "A transparency log server: one program, one data directory, one port";

const LONG_ABOUT: &str = "\
A transparency log server: one program, one data directory, one port.

A transparency log is a list that only grows. Whoever reads it can check that nothing in it was
changed or taken away, without trusting the server: the log signs a checkpoint (its size and the
root hash over all entries), and proves that an entry is in it and that it extends the last one.

cairnd serves any number of logs from one directory. Those of kind rekor-v2 take signatures from
Sigstore clients; those of kind raw take any bytes. All are read in the same way: /checkpoint,
/tile/... (C2SP tlog-tiles), by any client or auditor that speaks it.

A first log, from nothing:
  cairnd init --dir /var/lib/cairn --origin log.example.org
  cairnd serve --dir /var/lib/cairn
  curl http://127.0.0.1:3000/checkpoint

Every command explains itself: `cairnd serve --help`.";

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 the command failed (fsck: also if anything differs); 2 the command line or
cairn.toml is wrong.";

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Args),
    DevToken(dev_token::Args),
    Init(init::Args),
    Serve(serve::Args),
    /// Work with what clients are told to trust
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Work with the issuers whose tokens are believed
    #[command(subcommand)]
    Issuer(IssuerCommand),
    /// Manage the logs of a data directory
    #[command(subcommand)]
    Log(LogCommand),
    Doctor(doctor::Args),
    Fsck(fsck::Args),
    Export(export::Args),
    Key(key::Args),
    Backup(backup::Args),
    Recover(recover::Args),
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    Add(log_add::Args),
    Rotate(log_rotate::Args),
    Freeze(log_freeze::Args),
}

#[derive(Debug, Subcommand)]
enum IssuerCommand {
    TestToken(test_token::Args),
}

#[derive(Debug, Subcommand)]
enum TrustCommand {
    Export(trust::Args),
    Show(trust::show::Args),
    Add(trust::add::Args),
    Rotate(trust::rotate::Args),
    Renew(trust::renew::Args),
    Sign(trust::sign::Args),
    Apply(trust::apply::Args),
}

/// Runs the command.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Up(args) => up::run(&args),
        Command::DevToken(args) => dev_token::run(&args),
        Command::Trust(TrustCommand::Export(args)) => trust::run(&args),
        Command::Trust(TrustCommand::Show(args)) => trust::show::run(&args),
        Command::Trust(TrustCommand::Add(args)) => trust::add::run(&args),
        Command::Trust(TrustCommand::Rotate(args)) => trust::rotate::run(&args),
        Command::Trust(TrustCommand::Renew(args)) => trust::renew::run(&args),
        Command::Trust(TrustCommand::Sign(args)) => trust::sign::run(&args),
        Command::Trust(TrustCommand::Apply(args)) => trust::apply::run(&args),
        Command::Issuer(IssuerCommand::TestToken(args)) => test_token::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Log(LogCommand::Add(args)) => log_add::run(&args),
        Command::Log(LogCommand::Rotate(args)) => log_rotate::run(&args),
        Command::Log(LogCommand::Freeze(args)) => log_freeze::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Fsck(args) => fsck::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Key(args) => key::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Recover(args) => recover::run(&args),
    }
}

/// 2 for what the operator wrote wrongly, 1 for everything else that can fail.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    let written_wrongly = error.is::<ConfigError>()
        || error.is::<LoadError>()
        || error.is::<NameError>()
        || error.is::<UnknownLog>()
        || error.is::<OriginError>()
        || error.is::<UrlHostError>()
        || error.is::<UnknownAnchor>()
        || error.is::<export::TargetError>()
        || error.is::<backup::TargetError>();
    if written_wrongly { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_teaches() {
        let mut cli = Cli::command();
        cli.clone().debug_assert();
        assert!(
            cli.render_long_help()
                .to_string()
                .contains("cairnd init --dir")
        );
        for command in [
            "up",
            "dev-token",
            "init",
            "serve",
            "doctor",
            "fsck",
            "export",
            "key",
            "backup",
            "recover",
        ] {
            let help = cli
                .find_subcommand_mut(command)
                .unwrap()
                .render_long_help()
                .to_string();
            assert!(help.contains("Example"), "{command} shows no example");
        }
    }

    #[test]
    fn help_is_plain_ascii_within_100_columns() {
        let mut cli = Cli::command();
        for line in cli.render_long_help().to_string().lines() {
            assert!(line.is_ascii() && line.len() <= 100, "{line}");
        }
    }
}
