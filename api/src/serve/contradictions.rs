//! Settings that contradict each other, or the directory that they are for: refused at start,
//! because what would be served is not what the operator says it is.

use std::path::PathBuf;

use ca::Profile;

use crate::config::{Config, is_loopback_host};
use crate::dev;
use crate::keys::KeyFileError;

/// What can't be served as it is configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Contradiction {
    #[error(
        "cairn.toml says that clients reach this server at {url}, but it listens on {listen}, \
         where only this machine does; listen on another address, or, if a proxy on this machine \
         passes requests on, name it: trusted_proxies = [\"127.0.0.1\", \"::1\"]"
    )]
    Unreachable { url: String, listen: String },
    #[error(
        "{} is of a directory that `cairnd up` made: anybody could get any identity in it, and \
         what it signed proves nothing; make another one for production with `cairnd init \
         --sigstore`",
        .0.display()
    )]
    MadeForDevelopment(PathBuf),
    #[error(
        "{} is not encrypted; encrypt it with `openssl pkcs8 -topk8`, under the passphrase that \
         `passphrase_file` or CAIRND_PASSPHRASE gives",
        .0.display()
    )]
    NotEncrypted(PathBuf),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
}

/// Checks what only the whole of the configuration can tell.
pub(super) fn check(config: &Config) -> Result<(), Contradiction> {
    if config.instance.profile == Profile::Dev {
        return Ok(());
    }
    check_reachable(config)?;
    let dev_key = config.dir.join(dev::KEY_FILE);
    if dev_key.exists() {
        return Err(Contradiction::MadeForDevelopment(dev_key));
    }
    for key in config.instance.services.keys() {
        if !key.is_encrypted()? {
            return Err(Contradiction::NotEncrypted(key.path().to_owned()));
        }
    }
    Ok(())
}

/// A loopback listener needs somebody in front, unless the URL is of this machine, too.
fn check_reachable(config: &Config) -> Result<(), Contradiction> {
    let Some(url) = &config.url else {
        return Ok(());
    };
    let uri: http::Uri = url.parse().unwrap_or_default();
    let is_local = is_loopback_host(uri.host().unwrap_or_default());
    if uri.scheme_str() == Some("http") && !is_local && config.instance.services.ca.is_some() {
        tracing::warn!(
            url,
            "identity tokens will be sent to this URL, where others on the way can read and use \
             them; serve it by https"
        );
    }
    if config.listen.ip().is_loopback() && !is_local && config.trusted_proxies.is_empty() {
        return Err(Contradiction::Unreachable {
            url: url.clone(),
            listen: config.listen.to_string(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    const LOG: &str = "[[log]]\nname = 'a'\nkind = 'raw'\norigin = 'a'\n";

    fn check_text(dir: &Path, text: &str) -> Result<(), String> {
        let config = Config::parse(dir, &format!("{text}\n{LOG}")).unwrap();
        check(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_loopback_listener_for_the_world_needs_a_proxy() {
        let check = |text: &str| check_text(Path::new("/nonexistent"), text);
        let world = "url = 'https://log.example.org'";
        let refused = check(world).unwrap_err();
        assert!(refused.contains("trusted_proxies") && refused.contains("127.0.0.1:3000"));
        check(&format!("{world}\nlisten = '[::1]:1'")).unwrap_err();
        check(&format!("{world}\nlisten = '0.0.0.0:80'")).unwrap();
        check(&format!("{world}\ntrusted_proxies = ['127.0.0.1']")).unwrap();
        for local in [
            "http://127.0.0.1:3000",
            "http://localhost",
            "http://[::1]:1",
            "http://a.localhost",
        ] {
            check(&format!("url = '{local}'")).unwrap();
        }
        check("").unwrap();
        let dev = "url = 'http://127.0.0.1:3000'\nprofile = 'dev'";
        check(dev).unwrap();
    }

    #[test]
    fn what_was_made_for_development_is_not_served_for_production() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("keys")).unwrap();
        fs::write(dir.path().join(dev::KEY_FILE), "").unwrap();
        let refused = check_text(dir.path(), "").unwrap_err();
        assert!(refused.contains("cairnd init --sigstore"), "{refused}");
    }

    #[test]
    fn the_keys_of_services_are_encrypted() {
        let dir = tempfile::tempdir().unwrap();
        let text = "url = 'http://localhost'\n[tsa]\nkey = 'k.pem'\nchain = 'c.pem'\n";
        let der = ca::signer::generate(sigstore::KeyKind::EcdsaP256).unwrap();
        crate::keys::write_new(&dir.path().join("k.pem"), &der).unwrap();
        let refused = check_text(dir.path(), text).unwrap_err();
        assert!(refused.contains("k.pem is not encrypted"), "{refused}");
    }
}
