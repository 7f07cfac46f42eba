//! Signs and verifies with the crates sigstore-sign and sigstore-verify, which have no program.
//!
//!     sigstore-rust sign|attest TRUST TOKEN FILE BUNDLE
//!     sigstore-rust verify TRUST IDENTITY ISSUER FILE BUNDLE
//!
//! TRUST is `files:FOLDER`, with the folder of `cairnd trust export`, or `tuf:ROOT:MIRROR`. What is
//! attested is FILE, an in-toto statement.

use std::error::Error;
use std::fs;

use sigstore_oidc::IdentityToken;
use sigstore_sign::{SigningContext, SigningServices};
use sigstore_trust_root::tuf::{TufBootstrap, TufConfig, fetch_trust_material};
use sigstore_trust_root::{SigningConfig, TrustedRoot};
use sigstore_verify::types::Bundle;
use sigstore_verify::{VerificationPolicy, Verifier};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

async fn material(trust: &str) -> Result<(TrustedRoot, SigningConfig)> {
    if let Some(folder) = trust.strip_prefix("files:") {
        let root = TrustedRoot::from_file(format!("{folder}/trusted_root.json"))?;
        let config = SigningConfig::from_file(format!("{folder}/signing_config.v0.2.json"))?;
        return Ok((root, config));
    }
    let tuf = trust.strip_prefix("tuf:").ok_or("wanted files: or tuf:")?;
    let (root, mirror) = tuf.split_once(':').ok_or("wanted tuf:ROOT:MIRROR")?;
    let bootstrap = TufBootstrap::trusted(fs::read(root)?);
    Ok(fetch_trust_material(TufConfig::custom(mirror, bootstrap)).await?)
}

async fn sign(args: &[String], is_statement: bool) -> Result<()> {
    let [trust, token, file, bundle] = args else {
        return Err("wanted TRUST TOKEN FILE BUNDLE".into());
    };
    let (_, config) = material(trust).await?;
    let context = SigningContext::new(SigningServices::from_signing_config(&config)?);
    let signer = context.signer(IdentityToken::from_jwt(token)?);
    let data = fs::read(file)?;
    let signed = if is_statement {
        signer.sign_raw_statement(&data).await?
    } else {
        signer.sign(&data).await?
    };
    Ok(fs::write(bundle, signed.to_json_pretty()?)?)
}

async fn verify(args: &[String]) -> Result<()> {
    let [trust, identity, issuer, file, bundle] = args else {
        return Err("wanted TRUST IDENTITY ISSUER FILE BUNDLE".into());
    };
    let (root, _) = material(trust).await?;
    let policy = VerificationPolicy::any_identity()
        .require_identity(identity.as_str())
        .require_issuer(issuer.as_str());
    let bundle = Bundle::from_json(&fs::read_to_string(bundle)?)?;
    let data = fs::read(file)?;
    let found = Verifier::new(&root)?.verify(&data, &bundle, &policy)?;
    if found.certificate_verified() && found.sct_verified() && found.tlog_verified() {
        println!("verified");
        return Ok(());
    }
    Err("a check was left out".into())
}

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((command, rest)) if command == "sign" => sign(rest, false).await,
        Some((command, rest)) if command == "attest" => sign(rest, true).await,
        Some((command, rest)) if command == "verify" => verify(rest).await,
        _ => Err("wanted sign, attest or verify".into()),
    }
}
