//! `cairn generate-key-pair`: a key of one's own.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::signing;
use crate::config::Variable;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, Readers};
use crate::key;
use crate::output::Output;
use crate::sign::key_failure;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Make a key pair to sign with

Writes PREFIX.key, encrypted under a passphrase, and PREFIX.pub, which whoever verifies needs. Both
are in the form that cosign has them in. The passphrase is the variable CAIRN_PASSWORD or
COSIGN_PASSWORD, or in a file. You need no key to sign: see `cairn help sign`.

Example:
  CAIRN_PASSWORD=... cairn generate-key-pair
  cairn generate-key-pair --prefix release --passphrase-file passphrase";

/// Make a key pair to sign with
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// What the names of both files begin with
    #[arg(long, value_name = "PREFIX", default_value = "cairn")]
    prefix: PathBuf,
    /// A file with the passphrase, if the environment does not say it
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let with_end = |end: &str| {
        let mut name = args.prefix.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let (private, public) = (with_end(".key"), with_end(".pub"));
    for path in [&private, &public] {
        refuse_existing(path)?;
    }
    let passphrase = signing::passphrase(args.passphrase_file.as_deref())?.ok_or_else(|| {
        let name = Variable::Password.name();
        Failure::new(
            Exit::Usage,
            "the key",
            "would lie about without a passphrase",
        )
        .fix(format!("set {name}, or give --passphrase-file FILE"))
    })?;
    let (sealed, pem) = key::generate_sealed(&passphrase).map_err(|error| key_failure(&error))?;
    files::write(&private, sealed.as_bytes(), Readers::Owner)?;
    files::write(&public, pem.as_bytes(), Readers::Anybody)?;
    output.result(
        format_args!(
            "{}: keep it, and the passphrase elsewhere\n{}: give it to whoever verifies",
            private.display(),
            public.display()
        ),
        || json!({"privateKey": private, "publicKey": public}),
    );
    Ok(())
}

/// A key that was overwritten is a key that is lost.
fn refuse_existing(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        let failure = Failure::file(path, "is there already, and would be lost");
        return Err(failure.fix("move it away, or choose another --prefix"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_pair_is_written_once() {
        let dir = tempfile::tempdir().unwrap();
        let passphrase = dir.path().join("passphrase");
        fs::write(&passphrase, "secret\n").unwrap();
        let args = Args {
            prefix: dir.path().join("release"),
            passphrase_file: Some(passphrase),
        };
        run(&args, Output::new(true)).unwrap();
        let path = dir.path().join("release.key");
        let pem = fs::read(&path).unwrap();
        assert!(key::SigningKey::read(&pem, b"secret").is_ok());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let failure = run(&args, Output::new(true)).unwrap_err();
        assert!(
            failure.to_string().contains("is there already"),
            "{failure}"
        );
        assert_eq!(fs::read(&path).unwrap(), pem);
    }
}
