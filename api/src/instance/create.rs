//! Making what an instance has beside its logs: keys, certificates, and the trust root that tells
//! clients of them. Once, before the first start.

use std::fs;
use std::io;
use std::path::Path;
use std::slice;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use ca::chain::{Issuer, NewCertificate, random_serial_number};
use ca::signer::{FileSigner, generate};
use ca::timestamp::{AuthorityNames, issue_authority, issue_root};
use ca::trust_root::{
    CertifiedAuthority, InitialKeys, Lifetimes, LogIdentity, OfflineKeys, Repository,
    TrustMaterial, TrustedLog,
};
use ca::{CertificateChain, Signer as _};
use sigstore::cert::{DistinguishedName, Purpose, Validity};
use sigstore::time_range::{ProtoTime, TimeRange};
use sigstore::{KeyKind, PublicKey, UnixSeconds, pem};
use tiles::VerifierKey;

use crate::config::{InstanceSettings, Passphrase, TrustSettings};
use crate::keys::{self, KeyFile};
use crate::trust;

use super::files;

/// How long the authorities' certificates last. The roots' keys are thrown away once they have
/// signed, so nobody can have other certificates made by them. An authority that is to go on gets a
/// new key and a new root, which clients learn of by the trust root.
const AUTHORITY_LIFETIME_SECONDS: u64 = 10 * 365 * 24 * 60 * 60;

/// Certificates begin a little earlier than now, for clients whose clocks are behind.
const BEGINS_EARLIER_SECONDS: u64 = 60;

/// What an instance is made for.
#[derive(Clone, Debug)]
pub(crate) struct NewInstance<'a> {
    pub(crate) dir: &'a Path,
    /// Where everything goes, and what keys are encrypted under.
    pub(crate) settings: &'a InstanceSettings,
    /// The public URL, which everything published names.
    pub(crate) url: &'a str,
    /// Who runs it, for people: the host of the URL.
    pub(crate) operator: &'a str,
    /// The log of signatures.
    pub(crate) log: &'a VerifierKey,
    /// The log of certificates.
    pub(crate) certificate_log: &'a VerifierKey,
    /// Its path.
    pub(crate) certificate_log_path: &'a str,
    /// The issuers that people are sent to for a token.
    pub(crate) sign_in_at: Vec<String>,
    pub(crate) offline: OfflineKeysFile<'a>,
    pub(crate) now: UnixSeconds,
}

/// Where the keys of root and targets go, which the server never reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfflineKeysFile<'a> {
    pub(crate) path: &'a Path,
    pub(crate) passphrase: &'a Passphrase,
}

impl NewInstance<'_> {
    /// Makes all of it, and writes it to the data directory.
    ///
    /// # Errors
    /// If something is there already, or can't be written.
    pub(crate) fn make(&self) -> anyhow::Result<()> {
        let services = &self.settings.services;
        let (Some(ca), Some(tsa), Some(trust)) = (&services.ca, &services.tsa, &services.trust)
        else {
            bail!("cairn.toml lacks [ca], [tsa] or [trust]");
        };
        let authorities = NewAuthorities {
            operator: self.operator,
            now: self.now,
        };
        let ca_chain = authorities.make_ca(&ca.key, &ca.chain);
        let ca_chain = ca_chain.context("the CA can't be made")?;
        let root = ca_chain.last().map_or(&[][..], slice::from_ref);
        write_chain(&self.dir.join(files::CA_ROOT), root)?;
        let tsa_chain = authorities.make_tsa(&tsa.key, &tsa.chain);
        let tsa_chain = tsa_chain.context("the timestamp authority can't be made")?;
        let material = self.material(ca_chain, tsa_chain)?;
        self.make_trust(trust, &material)
            .context("the trust root can't be made")
    }

    /// What clients are to know.
    fn material(
        &self,
        ca_chain: Vec<Vec<u8>>,
        tsa_chain: Vec<Vec<u8>>,
    ) -> anyhow::Result<TrustMaterial> {
        let begins = ProtoTime::from_seconds(begins(self.now))
            .context("the clock is set to after the year 9999")?;
        let valid_for = TimeRange::starting(begins);
        // A log's key is Ed25519, and ends its SubjectPublicKeyInfo (RFC 8410, section 4).
        let log_key = self.log.spki_der();
        let log_key = *log_key.last_chunk().context("the log's key is too short")?;
        let log = |path: &str, identity| TrustedLog {
            base_url: format!("{}{path}", self.url),
            identity,
            valid_for,
        };
        let authority = |path: &str, common_name: &str, cert_chain| CertifiedAuthority {
            url: format!("{}{path}", self.url),
            common_name: common_name.to_owned(),
            cert_chain,
            valid_for,
        };
        let sign_in_at = self.sign_in_at.iter().map(|url| (url.clone(), valid_for));
        Ok(TrustMaterial {
            operator: self.operator.to_owned(),
            logs: vec![log(
                "",
                LogIdentity::Ed25519 {
                    origin: self.log.name().to_string(),
                    public_key: log_key,
                },
            )],
            ct_logs: vec![log(
                self.certificate_log_path,
                LogIdentity::P256 {
                    spki_der: self.certificate_log.spki_der(),
                },
            )],
            certificate_authorities: vec![authority("", "fulcio", ca_chain)],
            timestamp_authorities: vec![authority("/api/v1/timestamp", "timestamp", tsa_chain)],
            oidc_issuers: sign_in_at.collect(),
        })
    }

    /// The repository, its online key, and the file with the keys of root and targets.
    fn make_trust(&self, trust: &TrustSettings, material: &TrustMaterial) -> anyhow::Result<()> {
        let (offline, pem) = OfflineKeys::generate(self.offline.passphrase.bytes())?;
        keys::write_private(self.offline.path, pem.as_bytes())?;
        let online = Arc::new(new_key(&trust.online_key)?);
        let signers = InitialKeys {
            root: &offline.root,
            targets: &offline.targets,
            online: online.as_ref(),
        };
        let now = ProtoTime::from_seconds(self.now).context("the clock is past the year 9999")?;
        let target_files = material.target_files(now)?;
        let lifetimes = Lifetimes::default();
        let repository = Repository::create(signers, target_files, lifetimes, self.now)?;
        Ok(trust::write_new(&trust.dir, &repository)?)
    }
}

/// Authorities that are made: with an instance, or to succeed those that it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewAuthorities<'a> {
    /// Who runs them, for people.
    pub(crate) operator: &'a str,
    pub(crate) now: UnixSeconds,
}

impl NewAuthorities<'_> {
    fn validity(&self) -> Validity {
        Validity {
            not_before: begins(self.now),
            not_after: self.now.plus_seconds(AUTHORITY_LIFETIME_SECONDS),
        }
    }

    /// Root and intermediate; the intermediate issues.
    ///
    /// # Errors
    /// If one of the files is there already, or can't be written.
    pub(crate) fn make_ca(&self, key: &KeyFile, chain: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
        let root_key = FileSigner::from_pkcs8_der(&generate(KeyKind::EcdsaP256)?)?;
        let key = new_key(key)?;
        let name = |common_name| DistinguishedName::new(self.operator, common_name);
        let root = NewCertificate {
            name: &name("root")?,
            validity: self.validity(),
            serial: random_serial_number()?,
        }
        .root(&root_key)?;
        let intermediate = NewCertificate {
            name: &name("intermediate")?,
            validity: self.validity(),
            serial: random_serial_number()?,
        }
        .intermediate(
            &Issuer::new(&root, &root_key)?,
            &PublicKey::from_spki_der(key.public_key())?,
            Purpose::CodeSigning,
        )?;
        let made = CertificateChain::from_der(vec![intermediate, root])?;
        write_chain(chain, made.certificates())?;
        Ok(made.certificates().to_vec())
    }

    /// A root, and the authority's own certificate under it.
    ///
    /// # Errors
    /// If one of the files is there already, or can't be written.
    pub(crate) fn make_tsa(&self, key: &KeyFile, chain: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
        let root_key = FileSigner::from_pkcs8_der(&generate(KeyKind::EcdsaP256)?)?;
        let key = new_key(key)?;
        let names = AuthorityNames::of_organization(self.operator);
        let Validity {
            not_before,
            not_after,
        } = self.validity();
        let root = issue_root(&root_key, &names, not_before, not_after)?;
        let leaf = issue_authority(&root_key, &key, &names, not_before, not_after)?;
        let made = vec![leaf, root];
        write_chain(chain, &made)?;
        Ok(made)
    }
}

/// When what is made now begins.
pub(crate) fn begins(now: UnixSeconds) -> UnixSeconds {
    UnixSeconds::new(now.get().saturating_sub(BEGINS_EARLIER_SECONDS))
}

/// A key in a new file.
fn new_key(file: &KeyFile) -> anyhow::Result<FileSigner> {
    let pkcs8 = generate(KeyKind::EcdsaP256)?;
    file.write_new(&pkcs8)?;
    Ok(FileSigner::from_pkcs8_der(&pkcs8)?)
}

fn write_chain(path: &Path, chain: &[Vec<u8>]) -> io::Result<()> {
    let pem: String = chain
        .iter()
        .map(|der| pem::encode_certificate(der))
        .collect();
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, pem)
}
