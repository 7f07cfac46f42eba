//! Where the instance's keys and certificates are, within the data directory.

/// The key that issues certificates.
pub(crate) const CA_KEY: &str = "keys/ca.pem";
/// Its chain: the issuing certificate first, the root last.
pub(crate) const CA_CHAIN: &str = "ca/chain.pem";
/// Its last certificate alone: the root that the certificate log takes certificates of.
pub(crate) const CA_ROOT: &str = "ca/root.pem";
/// The key that signs timestamps.
pub(crate) const TSA_KEY: &str = "keys/tsa.pem";
/// Its chain: the authority's certificate first, the root last.
pub(crate) const TSA_CHAIN: &str = "tsa/chain.pem";
/// The key that keeps the trust root current.
pub(crate) const TRUST_KEY: &str = "keys/trust-online.pem";
/// The TUF repository.
pub(crate) const TRUST_DIR: &str = "trust/tuf";
/// The keys that say what is trusted, encrypted. The server never reads them.
pub(crate) const TRUST_OFFLINE_KEYS: &str = "keys/trust-offline.pem";
/// What they are encrypted under, as far as an instance for development is concerned.
pub(crate) const TRUST_PASSPHRASE: &str = "keys/trust-offline.passphrase";
