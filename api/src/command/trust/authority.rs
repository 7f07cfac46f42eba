//! Keys and certificates of the next CA or timestamp authority: in files whose names are counted on
//! from those in use.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ca::CertificateChain;
use ca::signer::{FileSigner, Signer as _};
use ca::trust_root::{PartyId, PartyKind};
use sigstore::timestamp_token::TimestampChain;
use sigstore::{PublicKey, pem};

use crate::command::init;
use crate::config::Config;
use crate::instance::NewAuthorities;
use crate::keys::KeyFile;

/// Where an authority's key and certificates are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) key: KeyFile,
    pub(super) chain: PathBuf,
}

/// More certificates than any chain has.
const CHAIN_LEN_MAX: usize = 10;

impl Files {
    /// Those in use.
    pub(super) fn current(config: &Config, kind: PartyKind) -> anyhow::Result<Files> {
        let services = &config.instance.services;
        let files = match kind {
            PartyKind::CertificateAuthority => services.ca.as_ref().map(|ca| Files {
                key: ca.key.clone(),
                chain: ca.chain.clone(),
            }),
            _ => services.tsa.as_ref().map(|tsa| Files {
                key: tsa.key.clone(),
                chain: tsa.chain.clone(),
            }),
        };
        files.with_context(|| format!("cairn.toml has no [{kind}]"))
    }

    /// The files that are named, or those that follow the ones in use.
    pub(super) fn next(
        config: &Config,
        kind: PartyKind,
        key: Option<&Path>,
        chain: Option<&Path>,
    ) -> anyhow::Result<Files> {
        let current = Files::current(config, kind)?;
        let place = |named: Option<&Path>, current: &Path| match named {
            Some(named) => Ok(std::path::absolute(named)?),
            None => numbered(current),
        };
        let passphrase = config.instance.passphrase.clone();
        Ok(Files {
            key: KeyFile::new(place(key, current.key.path())?, passphrase),
            chain: place(chain, &current.chain)?,
        })
    }

    /// Makes both.
    pub(super) fn make(
        &self,
        kind: PartyKind,
        new: NewAuthorities<'_>,
    ) -> anyhow::Result<Vec<Vec<u8>>> {
        match kind {
            PartyKind::CertificateAuthority => new.make_ca(&self.key, &self.chain),
            _ => new.make_tsa(&self.key, &self.chain),
        }
    }

    /// The certificates, once they are found to be an authority's of that kind, and the key its.
    pub(super) fn read(&self, kind: PartyKind) -> anyhow::Result<Vec<Vec<u8>>> {
        let path = self.chain.display();
        let text = fs::read(&self.chain).with_context(|| format!("{path} can't be read"))?;
        let certificates = pem::parse_certificates(&text, CHAIN_LEN_MAX);
        let certificates = certificates.with_context(|| format!("{path}"))?;
        match kind {
            PartyKind::CertificateAuthority => {
                CertificateChain::from_der(certificates.clone()).map(drop)?;
            }
            _ => TimestampChain::parse_der(&certificates).map(drop)?,
        }
        let first = certificates.first().map(Vec::as_slice).unwrap_or_default();
        let certified = PublicKey::from_certificate_der(first)?;
        let key = FileSigner::from_pkcs8_der(&self.key.read()?)?;
        if key.public_key() != certified.spki_der() {
            bail!(
                "{} does not hold the key that the first certificate of {path} is for",
                self.key.display()
            );
        }
        Ok(certificates)
    }

    pub(super) fn id(chain: &[Vec<u8>]) -> PartyId {
        PartyId::of_chain(chain)
    }
}

/// Has the certificate log take certificates of another CA, too.
pub(super) fn accept_root(config: &Config, chain: &[Vec<u8>]) -> anyhow::Result<()> {
    let ca = config.instance.services.ca.as_ref();
    let name = ca.map(|ca| ca.log.as_str()).unwrap_or_default();
    let log = config.logs.iter().find(|log| log.name == name);
    let (Some(path), Some(root)) = (log.and_then(|log| log.roots_file.as_ref()), chain.last())
    else {
        bail!("the certificate log {name:?} has no `roots_file`, so it takes no certificates");
    };
    let old = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let root = pem::encode_certificate(root);
    if !old.contains(&root) {
        let line_end = if old.is_empty() || old.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        init::write_durably(path, &format!("{old}{line_end}{root}"))
            .with_context(|| format!("{} can't be written", path.display()))?;
    }
    Ok(())
}

/// `keys/ca.pem` becomes `keys/ca-2.pem`, and that `keys/ca-3.pem`.
fn numbered(path: &Path) -> anyhow::Result<PathBuf> {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let stem = stem.with_context(|| format!("{} has no name", path.display()))?;
    let next = super::super::log_rotate::numbered(stem);
    let end = path.extension().and_then(|end| end.to_str());
    let name = end.map_or_else(|| next.clone(), |end| format!("{next}.{end}"));
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_on() {
        for (path, next) in [
            ("d/keys/ca.pem", "d/keys/ca-2.pem"),
            ("d/ca/chain-2.pem", "d/ca/chain-3.pem"),
            ("chain", "chain-2"),
        ] {
            assert_eq!(numbered(Path::new(path)).unwrap(), Path::new(next));
        }
    }
}
