//! What was granted and is to be exchanged for a token: authorization codes (RFC 6749, section 4.1,
//! with RFC 7636) and device codes (RFC 8628).
//!
//! Held in memory, for ten minutes, and so many at most: the oldest goes first.

use std::collections::BTreeMap;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca::Preset;
use sha2::{Digest as _, Sha256};
use sigstore::UnixSeconds;

/// Codes of each kind that are held at once.
const GRANT_COUNT_MAX: usize = 256;

/// How long a code can be exchanged.
pub(super) const GRANT_LIFETIME_SECONDS: u64 = 600;

/// What the token endpoint takes. `password` takes any identity as the user's name.
pub(super) const GRANT_TYPES: [&str; 3] = ["authorization_code", DEVICE_GRANT, "password"];

/// The grant type of the device flow (RFC 8628, section 3.4).
pub(super) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Letters of the codes that people type: none that are taken for others, and no words.
const USER_CODE_LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Who asked for what.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) preset: Preset,
    pub(super) audience: String,
    pub(super) nonce: Option<String>,
    /// The S256 challenge that the verifier must fit.
    pub(super) challenge: Option<String>,
    /// Where the code was sent; the client names it again.
    pub(super) redirect_uri: Option<String>,
}

impl Asked {
    /// Whether the client knows what the challenge was made of.
    pub(super) fn is_met_by(&self, verifier: Option<&str>) -> bool {
        match (&self.challenge, verifier) {
            (None, _) => true,
            (Some(challenge), Some(verifier)) => {
                URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == *challenge
            }
            (Some(_), None) => false,
        }
    }
}

/// A request with the identity that it was granted.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) asked: Asked,
    /// `None` while nobody has said who they are.
    pub(super) identity: Option<String>,
    expires: UnixSeconds,
}

/// All that is to be exchanged.
#[derive(Debug, Default)]
pub(super) struct Grants {
    codes: BTreeMap<String, Grant>,
    devices: BTreeMap<String, Grant>,
    /// From the code that people type to the code of the device.
    user_codes: BTreeMap<String, String>,
}

/// The two codes of a device.
#[derive(Debug)]
pub(super) struct DeviceCodes {
    pub(super) device_code: String,
    pub(super) user_code: String,
}

impl Grants {
    /// A code for somebody who has said who they are. `None` if the system gives no randomness.
    pub(super) fn authorize(
        &mut self,
        asked: Asked,
        identity: String,
        now: UnixSeconds,
    ) -> Option<String> {
        let code = secret()?;
        make_room(&mut self.codes, now);
        let grant = Grant {
            asked,
            identity: Some(identity),
            expires: now.plus_seconds(GRANT_LIFETIME_SECONDS),
        };
        self.codes.insert(code.clone(), grant);
        Some(code)
    }

    /// Takes a code, which is good once.
    pub(super) fn take_code(&mut self, code: &str, now: UnixSeconds) -> Option<Grant> {
        self.codes.remove(code).filter(|grant| now <= grant.expires)
    }

    /// Codes for a device whose owner has yet to say who they are.
    pub(super) fn begin_device(&mut self, asked: Asked, now: UnixSeconds) -> Option<DeviceCodes> {
        let (device_code, user_code) = (secret()?, user_code()?);
        make_room(&mut self.devices, now);
        self.user_codes
            .retain(|_, device| self.devices.contains_key(device));
        let grant = Grant {
            asked,
            identity: None,
            expires: now.plus_seconds(GRANT_LIFETIME_SECONDS),
        };
        self.devices.insert(device_code.clone(), grant);
        self.user_codes
            .insert(user_code.clone(), device_code.clone());
        Some(DeviceCodes {
            device_code,
            user_code,
        })
    }

    /// What the device asked for whose owner typed this.
    pub(super) fn device_of(&mut self, user_code: &str, now: UnixSeconds) -> Option<&mut Grant> {
        let typed = user_code.trim().to_ascii_uppercase();
        let device = self.devices.get_mut(self.user_codes.get(&typed)?)?;
        (now <= device.expires).then_some(device)
    }

    /// The state of a device; once it is granted, this is the last time it is told.
    pub(super) fn poll_device(&mut self, device_code: &str, now: UnixSeconds) -> Option<Grant> {
        let grant = self
            .devices
            .get(device_code)
            .filter(|grant| now <= grant.expires)?
            .clone();
        if grant.identity.is_some() {
            self.devices.remove(device_code);
        }
        Some(grant)
    }
}

/// Drops what has expired, and then the oldest if there are still too many.
fn make_room(grants: &mut BTreeMap<String, Grant>, now: UnixSeconds) {
    grants.retain(|_, grant| now <= grant.expires);
    if grants.len() >= GRANT_COUNT_MAX {
        let oldest = grants.iter().min_by_key(|(_, grant)| grant.expires);
        if let Some(code) = oldest.map(|(code, _)| code.clone()) {
            grants.remove(&code);
        }
    }
}

/// A code that nobody guesses.
fn secret() -> Option<String> {
    let mut bytes = [0_u8; 24];
    rand::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

/// Eight letters with a dash between, as RFC 8628 section 6.1 proposes.
fn user_code() -> Option<String> {
    let mut bytes = [0_u8; 8];
    rand::fill(&mut bytes).ok()?;
    let letter = |byte: &u8| {
        let place = usize::from(*byte) % USER_CODE_LETTERS.len();
        USER_CODE_LETTERS.get(place).copied().map(char::from)
    };
    let mut code: String = bytes.iter().filter_map(letter).collect();
    code.insert(4, '-');
    Some(code)
}
