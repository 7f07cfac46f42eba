//! The timestamp authorities: each is asked for a timestamp, which is checked by the certificates
//! that clients trust.

use sigstore::HashAlgorithm;
use sigstore::signing_config::Service;
use sigstore::timestamp_token::{
    MessageImprint, Nonce, TimestampChain, TimestampRequest, TimestampResponse, TimestampToken,
    TstInfo,
};

use super::report::{OrFix as _, Report, Trouble, Verdict, failed};
use super::site::{Answer, Site};
use super::trust::Trusted;
use crate::wall_clock;

/// Checks every authority that signers are sent to.
pub(super) fn check(site: &Site, trusted: &Trusted, report: &mut Report) {
    for service in &trusted.config.tsa_urls {
        if service.valid_for.contains(trusted.now) {
            let name = format!("timestamp authority {}", service.url);
            report.check(name, timestamp(site, trusted, service));
        }
    }
}

const SERVE: &str = "look in the server's log why it gives no timestamps: its clock may not be \
    trusted; put that right, or restart `cairnd serve`";
const CHAIN: &str = "the server signs with another key than clients trust: restore key and chain \
    of [tsa] from a backup, or make them trusted with `cairnd trust add tsa` before they are used";

/// What is hashed: nobody else asks for it.
const MESSAGE_LEN_BYTES: usize = 32;

fn timestamp(site: &Site, trusted: &Trusted, service: &Service) -> Verdict {
    let random = || {
        let mut bytes = [0_u8; MESSAGE_LEN_BYTES];
        aws_lc_rs::rand::fill(&mut bytes)
            .map(|()| bytes)
            .map_err(|_| anyhow::anyhow!("this machine gives no randomness"))
    };
    let message = random().or_fix("restart this machine")?;
    let nonce = u64::from_be_bytes(*message.first_chunk().unwrap_or(&[0; 8]));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &message);
    let request = TimestampRequest {
        imprint: MessageImprint::new(HashAlgorithm::Sha256, digest.as_ref()).or_fix(SERVE)?,
        policy: None,
        nonce: Some(Nonce::from_u64(nonce)),
        wants_certificate: true,
    };
    let answer = site.post(
        &service.url,
        "application/timestamp-query",
        request.to_der(),
    );
    let der = answer.and_then(Answer::done).or_fix(SERVE)?;
    let token = match TimestampResponse::parse_der(&der).or_fix(SERVE)? {
        TimestampResponse::Granted(token) => token,
        TimestampResponse::Rejected(rejection) => {
            let said = rejection.text.unwrap_or_default();
            return failed(format!("it refuses: {said}"), SERVE);
        }
    };
    let info = verify(trusted, service, (&token, &message))?;
    if info.nonce != request.nonce {
        return failed("the answer is to another request", SERVE);
    }
    let apart = info.gen_time.millis().seconds().get();
    let apart = apart.abs_diff(wall_clock::seconds().get());
    if apart > super::CLOCK_APART_SECONDS_MAX {
        return failed(
            format!("its timestamps are {apart} s away from this machine's clock"),
            "set both clocks by NTP: `timedatectl set-ntp true`",
        );
    }
    Ok("a timestamp verifies by the trusted root".to_owned())
}

/// Checks a token by the certificates that clients trust for this authority now. There may be
/// several: an authority is trusted before the server signs with it.
fn verify<'t>(
    trusted: &Trusted,
    service: &Service,
    (token, message): (&'t TimestampToken, &[u8]),
) -> Result<&'t TstInfo, Trouble> {
    let mut refusal = failed("the trusted root has no certificates for it", CHAIN);
    for authority in trusted.root.timestamp_authorities.iter().rev() {
        if authority.uri != service.url || !authority.valid_for.contains(trusted.now) {
            continue;
        }
        let chain = TimestampChain::parse_der(&authority.cert_chain).or_fix(CHAIN)?;
        match chain.verify(token, message) {
            Ok(info) => return Ok(info),
            Err(error) => refusal = Err(error).or_fix(CHAIN),
        }
    }
    refusal
}
