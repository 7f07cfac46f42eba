//! What `cairn sign` and `cairn attest` have in common: who signs, where, and what is said of it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::clock;
use crate::config::{self, Variable};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::http::Http;
use crate::key::SigningKey;
use crate::oidc::{self, TokenArgs};
use crate::output::Output;
use crate::sign::{self, Order, Plan, Services, Signed, Signer, Spool, key_failure};
use crate::trust::TrustArgs;
use sigstore::key_file::{self, KEY_FILE_LEN_BYTES_MAX};

/// How the names of bundles end, behind the name of what they are about.
const SUFFIX: &str = ".sigstore.json";

/// The longest passphrase.
const PASSPHRASE_LEN_BYTES_MAX: usize = 4096;

/// Arguments of both commands.
#[derive(Debug, clap::Args)]
pub(super) struct SigningArgs {
    /// What is signed
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Write the bundle here, in place of FILE.sigstore.json
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Sign with this private key, which verifiers then need to be given: PEM of any usual form, or
    /// cosign.key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A file with the key's passphrase, if the environment does not say it
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase_file: Option<PathBuf>,
    /// If the log can't be reached, keep the signature here until `cairn spool flush`, and succeed
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    trust: TrustArgs,
}

/// What is said of a file with this SHA-256: the payload of an envelope. `None` to sign the file.
pub(super) type Statement<'a> = dyn Fn(&Path, &[u8; 32]) -> Option<Vec<u8>> + 'a;

/// Signs each file, or a statement about it.
pub(super) fn run(
    args: &SigningArgs,
    statement: &Statement<'_>,
    output: Output,
) -> Result<(), Failure> {
    if args.bundle.is_some() && args.files.len() > 1 {
        let what = "names one bundle for several files";
        return Err(Failure::new(Exit::Usage, "--bundle", what).fix("leave it out"));
    }
    let key = match &args.key {
        Some(path) => read_key(path, args.passphrase_file.as_deref())?,
        None => SigningKey::generate().map_err(|error| key_failure(&error))?,
    };
    let mut orders = Vec::with_capacity(args.files.len());
    for file in &args.files {
        let hashed = sign::hash(file, key.details().hash())?;
        orders.push(Order {
            file: file.clone(),
            bundle: args.bundle.clone().unwrap_or_else(|| beside(file)),
            statement: statement(file, &hashed.sha256),
            hashed,
        });
    }
    let http = Http::online();
    let trust = args.trust.source().for_signing(&http)?;
    let services = Services::choose(&trust.signing_config, clock::now());
    let services = services.map_err(|error| {
        Failure::new(Exit::Usage, "the signing config", "can't be used").found(error)
    })?;
    let spool = args.spool.as_deref().map(Spool::at).transpose()?;
    let plan = Plan {
        trust: &trust,
        services: &services,
        http: &http,
        spool: spool.as_ref(),
    };
    if spool.is_some() {
        sign::may_wait(&services)?;
    }
    let signer = if args.key.is_some() {
        Signer::with_key(key)
    } else {
        let issuer = services.oidc.as_ref().map(|service| service.url.as_str());
        let token = oidc::obtain(&args.token, issuer, &http)?;
        Signer::with_token(key, &token, &plan)?
    };
    for signed in sign::sign(&signer, &orders, &plan)? {
        output.result(text(&signed), || to_json(&signed));
    }
    Ok(())
}

/// Where a bundle lies if nothing else is said.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(SUFFIX);
    PathBuf::from(name)
}

fn read_key(path: &Path, passphrase_file: Option<&Path>) -> Result<SigningKey, Failure> {
    let pem = Zeroizing::new(files::read(path, KEY_FILE_LEN_BYTES_MAX)?);
    let unusable = |error: &dyn std::fmt::Display| {
        Failure::file(path, "is not a private key that can sign").found(error)
    };
    let is_encrypted = key_file::is_encrypted(&pem).map_err(|error| unusable(&error))?;
    let passphrase = match passphrase(passphrase_file)? {
        Some(passphrase) => passphrase,
        None if is_encrypted => {
            let name = Variable::Password.name();
            let what = "is encrypted, and nothing says its passphrase";
            let fix = format!("set {name}, or give --passphrase-file FILE");
            return Err(Failure::file(path, what).fix(fix));
        }
        None => Zeroizing::new(Vec::new()),
    };
    SigningKey::read(&pem, &passphrase).map_err(|error| unusable(&error))
}

/// What a file, or else the environment, says the passphrase is. The file's last line end is none
/// of it.
pub(super) fn passphrase(file: Option<&Path>) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    if let Some(path) = file {
        let mut bytes = Zeroizing::new(files::read(path, PASSPHRASE_LEN_BYTES_MAX)?);
        while bytes
            .last()
            .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
        {
            bytes.pop();
        }
        return Ok(Some(bytes));
    }
    let text = config::read(Variable::Password).or_else(|| config::read(Variable::CosignPassword));
    Ok(text.map(|text| Zeroizing::new(text.as_bytes().to_vec())))
}

pub(super) fn text(signed: &Signed) -> String {
    let by = match &signed.identity {
        Some((name, _)) => format!("as {name}"),
        None => "with the key".to_owned(),
    };
    let entries = signed.entries.iter();
    let entries = entries.map(|(log, index)| format!("entry {index} of {log}"));
    let entries = entries.collect::<Vec<_>>().join(", ");
    let logged = if entries.is_empty() {
        "pending, the log is told later".to_owned()
    } else {
        entries
    };
    let (file, bundle) = (signed.file.display(), signed.bundle.display());
    format!("{file}: signed {by}, {logged}: {bundle}")
}

pub(super) fn to_json(signed: &Signed) -> Value {
    let entries = signed.entries.iter();
    let entries = entries.map(|(log, index)| json!({"log": log, "index": index}));
    let identity = signed.identity.as_ref();
    json!({
        "file": signed.file,
        "bundle": signed.bundle,
        "sha256": hex::encode(signed.sha256),
        "identity": identity.map(|(name, _)| name),
        "issuer": identity.map(|(_, issuer)| issuer),
        "entries": entries.collect::<Vec<_>>(),
        "pending": signed.entries.is_empty(),
    })
}
