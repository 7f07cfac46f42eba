//! The CA: whether its certificates are those that clients trust, and what each issuer whose tokens
//! it takes says of itself.

use ca::CertificateChain;
use reqwest::StatusCode;
use serde_json::Value;
use sigstore::time_range::ProtoTime;
use sigstore::{UnixSeconds, pem};

use super::CA_CHAIN as CHAIN;
use super::report::{OrFix as _, Report, Trouble, Verdict, failed, skipped};
use super::site::{Answer, Site, list, text};
use super::trust::Trusted;
use crate::wall_clock;

const SERVE: &str = "look in the server's log why there is no CA, and restart `cairnd serve`";
const ISSUER: &str = "see that the issuer's url in cairn.toml is the `iss` of its tokens, and that \
    it answers this machine and the server";

/// The most issuers whose documents are read.
const ISSUER_COUNT_MAX: usize = 32;

/// Checks the CA, and gives the URLs of its issuers.
pub(super) fn check(site: &Site, trusted: Option<&Trusted>, report: &mut Report) -> Vec<String> {
    report.check("ca certificates", certificates(site, trusted));
    let issuers = report.take("ca configuration", configuration(site));
    let issuers = issuers.unwrap_or_default();
    for issuer in issuers.iter().take(ISSUER_COUNT_MAX) {
        report.check(format!("issuer {issuer}"), discovery(site, issuer));
    }
    issuers
}

/// What the CA says its certificates are, beside those that clients trust.
fn certificates(site: &Site, trusted: Option<&Trusted>) -> Verdict {
    let bundle = json(site, "/api/v2/trustBundle")?;
    let chain = certificates_of(&bundle, "/chains/0/certificates")?;
    let chain = CertificateChain::from_der(chain).or_fix(CHAIN)?;
    let now = wall_clock::seconds();
    let until = date(chain.not_after());
    if !(chain.not_before()..=chain.not_after()).contains(&now) {
        let from = date(chain.not_before());
        return failed(
            format!("its certificates are valid from {from} to {until}"),
            CHAIN,
        );
    }
    let Some(trusted) = trusted else {
        return Ok(format!(
            "valid to {until}; there is no trusted root to compare them with"
        ));
    };
    let is_it = |known: &[Vec<u8>]| known == chain.certificates();
    let mut known = trusted.root.certificate_authorities.iter();
    let known = known.find(|authority| is_it(&authority.cert_chain));
    match known {
        Some(authority) if authority.valid_for.contains(trusted.now) => {
            Ok(format!("those of the trusted root, valid to {until}"))
        }
        Some(authority) => {
            let end = authority.valid_for.end;
            let end = end.map_or_else(String::new, |end| end.to_string());
            failed(
                format!("its time in the trusted root has ended at {end}"),
                CHAIN,
            )
        }
        None => failed("its certificates are not in the trusted root", CHAIN),
    }
}

fn date(seconds: UnixSeconds) -> String {
    ProtoTime::from_seconds(seconds).map_or_else(String::new, |time| time.to_string())
}

/// The issuers whose tokens are good for certificates. Patterns name none that could be asked.
fn configuration(site: &Site) -> Result<(Vec<String>, String), Trouble> {
    let configuration = json(site, "/api/v2/configuration")?;
    let all = list(&configuration, "/issuers");
    let count = all.len();
    if count == 0 {
        return failed(
            "there are no issuers, so nobody can get a certificate",
            "add an [[issuer]] to cairn.toml: `cairnd issuer --help`",
        );
    }
    let mut urls: Vec<String> = Vec::new();
    for issuer in all {
        let url = text(issuer, "/issuerUrl");
        let url = url.filter(|url| url.starts_with("http") && !urls.iter().any(|it| it == url));
        urls.extend(url.map(str::to_owned));
    }
    Ok((urls, format!("{count} issuers")))
}

/// `OpenID` Connect Discovery 1.0, section 4; and the keys it leads to.
fn discovery(site: &Site, issuer: &str) -> Verdict {
    let place = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let document = json_with(site, &place, ISSUER)?;
    let found = text(&document, "/issuer").unwrap_or("nobody");
    if found != issuer {
        return failed(format!("it says that it is {found:?}"), ISSUER);
    }
    let Some(keys) = text(&document, "/jwks_uri") else {
        return failed("it does not say where its keys are", ISSUER);
    };
    let keys = json_with(site, keys, ISSUER)?;
    let count = list(&keys, "/keys").len();
    if count == 0 {
        return failed("it has no keys", ISSUER);
    }
    Ok(format!("{count} keys"))
}

fn json(site: &Site, place: &str) -> Result<Value, Trouble> {
    let answer = site.get(place).or_fix(SERVE)?;
    if answer.status == StatusCode::NOT_FOUND {
        return skipped("this server has no CA");
    }
    parse(answer, SERVE)
}

fn json_with(site: &Site, place: &str, fix: &str) -> Result<Value, Trouble> {
    parse(site.get(place).or_fix(fix)?, fix)
}

fn parse(answer: Answer, fix: &str) -> Result<Value, Trouble> {
    let body = answer.done().or_fix(fix)?;
    serde_json::from_slice(&body).or_fix(fix)
}

/// The certificates of an answer in PEM, each in a text of its own.
pub(super) fn certificates_of(document: &Value, pointer: &str) -> Result<Vec<Vec<u8>>, Trouble> {
    let texts = list(document, pointer).iter().filter_map(Value::as_str);
    let text = texts.collect::<Vec<_>>().join("\n");
    pem::parse_certificates(text.as_bytes(), CHAIN_LEN_MAX).or_fix(SERVE)
}

/// More than any chain has.
const CHAIN_LEN_MAX: usize = 10;
