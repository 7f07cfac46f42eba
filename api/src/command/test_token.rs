//! `cairnd issuer test-token`: what a token would get, or why it gets nothing.
//!
//! It does what the server does with a token, by the same cairn.toml, and reads the issuer's keys
//! anew; the server need not run.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use ca::oidc::{IssuerKeys, KeySets, TOKEN_LEN_BYTES_MAX, Verified};
use ca::{Profile, Refusal, verify_token};
use sigstore::SubjectAltName;
use zeroize::Zeroizing;

use crate::config::{self, Config};
use crate::dev::{self, DevIssuers, DevKey};
use crate::issuer_keys::IssuerKeyCache;
use crate::observe::{self, LogFormat};
use crate::stdout::say;
use crate::{keys, wall_clock};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Show which certificate a token would get, or why it gets none

Reads the keys of the token's issuer, checks the token by the [[issuer]] sections of cairn.toml,
and shows the name and the extensions that a certificate for it would have, and the rule that let
it in. If it is refused: the code that the caller gets, and the reason and the rules that only the
operator sees; the exit code is 1 then. Nothing is issued, and a server need not run.

Examples:
  cairnd issuer test-token --dir /var/lib/cairn --file token.jwt
  echo $TOKEN | cairnd issuer test-token --dir /var/lib/cairn --file -";

/// Show which certificate a token would get, or why it gets none
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
    /// The file with the token, or - for the standard input
    #[arg(long, value_name = "JWT")]
    file: PathBuf,
}

/// A token that gets no certificate.
#[derive(Debug, thiserror::Error)]
#[error("refused: {code}; {why}; the caller is told: {caller_text}", code = .0.code(), why = .0,
    caller_text = .0.caller_text())]
struct Refused(Refusal);

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let filter = config::log_filter().unwrap_or_else(|| "error".to_owned());
    observe::start_logging(LogFormat::Text, Some(&filter))?;
    let config = Config::load(&args.dir)?;
    let text =
        read_token(&args.file).with_context(|| format!("{} can't be read", args.file.display()))?;
    let token = text.trim();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let keys = runtime.block_on(Keys::read(&config, token))?;
    let now = wall_clock::seconds();
    let verified = verify_token(token, &config.instance.issuers, &keys, now);
    match verified {
        Ok(verified) => {
            show(&verified);
            Ok(())
        }
        Err(refusal) => {
            if let (Some(why), true) = (&keys.failure, refusal.keys_wanted_of().is_some()) {
                say!("its issuer's keys can't be read: {why}");
            }
            Err(Refused(refusal).into())
        }
    }
}

/// A token is as good as a password as long as it lasts.
fn read_token(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let limit = u64::try_from(TOKEN_LEN_BYTES_MAX)?.saturating_add(1024);
    let mut text = Zeroizing::new(String::new());
    if file == Path::new("-") {
        std::io::stdin().take(limit).read_to_string(&mut text)?;
    } else {
        fs::File::open(file)?
            .take(limit)
            .read_to_string(&mut text)?;
    }
    Ok(text)
}

/// The keys of the one issuer that a token names.
struct Keys {
    found: Option<Arc<IssuerKeys>>,
    issuer: String,
    failure: Option<String>,
}

impl Keys {
    async fn read(config: &Config, token: &str) -> anyhow::Result<Keys> {
        // Nothing in it is believed yet; who it says it is from is whom to ask.
        let issuer = ca::oidc::Token::parse(token).ok();
        let issuer = issuer.and_then(|token| Some(token.claims.string("iss")?.to_owned()));
        let issuer = issuer.unwrap_or_default();
        if let Some(found) = dev_keys(config, &issuer)? {
            return Ok(Keys {
                found: Some(found),
                issuer,
                failure: None,
            });
        }
        let cache = IssuerKeyCache::new(&config.instance.issuers, &config.dir, |_| false)?;
        cache.read_again(&issuer).await;
        let statuses = cache.statuses();
        let failure = statuses
            .into_iter()
            .flat_map(|status| status.slots)
            .find_map(|slot| slot.failure);
        Ok(Keys {
            found: cache.issuer_keys(&issuer),
            issuer,
            failure,
        })
    }
}

/// The keys of the dev profile's own issuers, which need not be asked.
fn dev_keys(config: &Config, issuer: &str) -> anyhow::Result<Option<Arc<IssuerKeys>>> {
    let (Profile::Dev, Some(url)) = (config.instance.profile, &config.url) else {
        return Ok(None);
    };
    let key = DevKey::from_pkcs8_der(&keys::read(&config.dir.join(dev::KEY_FILE))?)?;
    Ok(DevIssuers::new(url, key)?.issuer_keys(issuer, wall_clock::seconds()))
}

impl KeySets for Keys {
    fn issuer_keys(&self, issuer: &str) -> Option<Arc<IssuerKeys>> {
        (issuer == self.issuer)
            .then(|| self.found.clone())
            .flatten()
    }
}

fn show(verified: &Verified<'_>) {
    let principal = &verified.principal;
    let kind = match principal.san {
        SubjectAltName::Email(_) => "email",
        SubjectAltName::Uri(_) => "uri",
        SubjectAltName::OtherName(_) => "other name",
    };
    say!("name       {kind} {}", principal.san.as_str());
    for (field, text) in principal.extensions.iter() {
        say!(
            "extension  {} {} = {text}",
            field.oid(),
            field.template_name()
        );
    }
    say!(
        "issuer     {} (preset {})",
        verified.issuer.url(),
        verified.issuer.preset()
    );
    match verified.rule {
        Some(number) => say!("rule       {number}"),
        None => say!("rule       none is needed"),
    }
    say!("expires    {} (seconds since 1970)", verified.expires.get());
}
