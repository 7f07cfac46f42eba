//! `cairn trust`: which trust root other commands go by.

mod init;
mod refresh;
mod show;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{self, Output};
use crate::trust::State;

#[derive(Debug, Subcommand)]
pub(super) enum TrustCommand {
    Init(init::Args),
    Refresh(refresh::Args),
    Show(show::Args),
}

pub(super) fn run(command: &TrustCommand, output: Output) -> Result<(), Failure> {
    match command {
        TrustCommand::Init(args) => init::run(args, output),
        TrustCommand::Refresh(args) => refresh::run(args, output),
        TrustCommand::Show(args) => show::run(args, output),
    }
}

/// Each role with its version and expiry.
fn roles_text(state: &State) -> String {
    let roles = state.known.roles().into_iter();
    let lines = roles.map(|(role, version, expires)| {
        let expires = output::date(expires);
        format!("{:<12}version {version}, until {expires}", role.name())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn roles_json(state: &State) -> Value {
    let roles = state.known.roles().into_iter();
    let roles = roles.map(|(role, version, expires)| {
        let role = role.name();
        json!({"role": role, "version": version.get(), "expires": output::date(expires)})
    });
    let refreshed = output::date(state.refreshed);
    json!({"mirror": state.mirror, "refreshed": refreshed, "roles": roles.collect::<Vec<_>>()})
}
