//! What the files say by which clients know whom to trust and where to sign.

use sigstore::cert::{CertificateView, name};
use sigstore::signing_config::{ClientTrustConfig, Selector, Service, SigningConfig};
use sigstore::trusted_root::{AuthorityInstance, TransparencyLogInstance, TrustedRoot};
use sigstore::tuf::{Envelope, Role, Root, Snapshot, Targets, Timestamp};

use super::{Facts, InspectError, sha256};
use crate::output::date;

/// A `trusted_root.json`.
pub(super) fn trusted_root(bytes: &[u8]) -> Result<Facts, InspectError> {
    let root = TrustedRoot::parse(bytes);
    let root = root.map_err(|error| InspectError::malformed("trusted root", error))?;
    Ok(describe_root(&root))
}

/// A `signing_config.v0.2.json`.
pub(super) fn signing_config(bytes: &[u8]) -> Result<Facts, InspectError> {
    let config = SigningConfig::parse(bytes);
    let config = config.map_err(|error| InspectError::malformed("signing config", error))?;
    Ok(describe_config(&config))
}

/// Both in one file.
pub(super) fn client_trust_config(bytes: &[u8]) -> Result<Facts, InspectError> {
    let both = ClientTrustConfig::parse(bytes);
    let both = both.map_err(|error| InspectError::malformed("client trust config", error))?;
    Ok(Facts::new("client trust config")
        .with("whom to trust", describe_root(&both.trusted_root))
        .with("where to sign", describe_config(&both.signing_config)))
}

fn describe_root(root: &TrustedRoot) -> Facts {
    let logs = |logs: &[TransparencyLogInstance]| logs.iter().map(log).collect();
    let authorities = |all: &[AuthorityInstance]| all.iter().map(authority).collect();
    Facts::new("trusted root")
        .several("log", logs(&root.tlogs))
        .several("certificate log", logs(&root.ctlogs))
        .several(
            "certificate authority",
            authorities(&root.certificate_authorities),
        )
        .several(
            "timestamp authority",
            authorities(&root.timestamp_authorities),
        )
}

fn log(log: &TransparencyLogInstance) -> Facts {
    Facts::new(&log.base_url)
        .say("log id", hex::encode(log.log_id))
        .say_if(
            "checkpoint key id",
            log.checkpoint_key_id.as_ref().map(hex::encode),
        )
        .say("key", log.key_details.name())
        .say("key sha256", sha256(&log.public_key))
        .say("valid", log.valid_for)
        .say_if("operator", Some(&log.operator))
}

fn authority(authority: &AuthorityInstance) -> Facts {
    let subject = &authority.subject;
    let title = if authority.uri.is_empty() {
        &subject.common_name
    } else {
        &authority.uri
    };
    let chain = authority
        .cert_chain
        .iter()
        .map(|der| match CertificateView::parse(der) {
            Ok(view) => {
                let subject = name::describe(view.subject()).unwrap_or_default();
                format!(
                    "{subject}, until {}, sha256 {}",
                    date(view.not_after()),
                    sha256(der)
                )
            }
            Err(error) => error.to_string(),
        });
    Facts::new(title)
        .say_if("organization", Some(&subject.organization))
        .say_if("name", Some(&subject.common_name))
        .say("valid", authority.valid_for)
        .say_if("operator", Some(&authority.operator))
        .list("chain", chain.collect())
}

fn describe_config(config: &SigningConfig) -> Facts {
    let services = |services: &[Service]| {
        let one = |service: &Service| {
            Facts::new(&service.url)
                .count("api version", u64::from(service.major_api_version))
                .say("valid", service.valid_for)
                .say_if("operator", Some(&service.operator))
        };
        services.iter().map(one).collect()
    };
    Facts::new("signing config")
        .several("certificate authority", services(&config.ca_urls))
        .several("identity provider", services(&config.oidc_urls))
        .several("log", services(&config.rekor_tlog_urls))
        .say("logs used", selector(config.rekor_tlog_config))
        .several("timestamp authority", services(&config.tsa_urls))
        .say("timestamp authorities used", selector(config.tsa_config))
}

fn selector(selector: Selector) -> String {
    match selector {
        Selector::All => "all".to_owned(),
        Selector::Any => "one".to_owned(),
        Selector::Exact(count) => count.to_string(),
    }
}

/// A metadata file of TUF, of any role.
pub(super) fn tuf(bytes: &[u8]) -> Result<Facts, InspectError> {
    let malformed = |error: &dyn std::fmt::Display| InspectError::malformed("TUF metadata", error);
    let envelope = Envelope::parse(bytes).map_err(|error| malformed(&error))?;
    let role = envelope
        .signed()
        .get("_type")
        .and_then(|role| role.as_str());
    let role = Role::ALL
        .into_iter()
        .find(|known| Some(known.name()) == role);
    let facts = match role {
        Some(Role::Root) => Root::read(&envelope).map(|root| describe_tuf_root(&root)),
        Some(Role::Targets) => Targets::read(&envelope).map(|targets| describe_targets(&targets)),
        Some(Role::Snapshot) => Snapshot::read(&envelope).map(|snapshot| {
            header(
                Role::Snapshot,
                snapshot.version.get(),
                &date(snapshot.expires),
            )
            .count("targets version", u64::from(snapshot.targets.get()))
        }),
        Some(Role::Timestamp) => Timestamp::read(&envelope).map(|timestamp| {
            header(
                Role::Timestamp,
                timestamp.version.get(),
                &date(timestamp.expires),
            )
            .count("snapshot version", u64::from(timestamp.snapshot.get()))
        }),
        None => return Err(malformed(&"its role is none of the four")),
    };
    let facts = facts.map_err(|error| malformed(&error))?;
    Ok(facts.list(
        "signed by",
        envelope.signer_ids().map(str::to_owned).collect(),
    ))
}

fn header(role: Role, version: u32, expires: &str) -> Facts {
    Facts::new(format_args!("TUF metadata: {role}"))
        .count("version", u64::from(version))
        .say("expires", expires)
}

fn describe_tuf_root(root: &Root) -> Facts {
    let roles = Role::ALL.into_iter().map(|role| {
        let keys = root.role(role);
        Facts::new(role)
            .count("signatures needed", u64::from(keys.threshold))
            .list("of keys", keys.key_ids.iter().cloned().collect())
    });
    header(Role::Root, root.version.get(), &date(root.expires)).several("role", roles.collect())
}

fn describe_targets(targets: &Targets) -> Facts {
    let files = targets.files.iter().map(|(name, file)| {
        let (length, sha256) = (file.length, hex::encode(file.sha256));
        format!("{name}, {length} bytes, sha256 {sha256}")
    });
    header(Role::Targets, targets.version.get(), &date(targets.expires))
        .list("file", files.collect())
}
