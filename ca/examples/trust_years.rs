//! Writes the states of a trust repository through its years, one folder each, for other people's
//! TUF clients to walk through: `trust_years FOLDER NOW`, with NOW in seconds since 1970.
//!
//! | folder | what has happened |
//! |---|---|
//! | `0` | the repository was made |
//! | `1` | renewed five days later |
//! | `2` | a new list of files |
//! | `3`, `4` | all keys were replaced, twice |
//! | `expired` | made twenty days before, and never renewed |

use std::error::Error;
use std::fs;
use std::path::Path;

use ca::signer::{FileSigner, Signer, generate};
use ca::trust_root::{
    CertifiedAuthority, Change, InitialKeys, Lifetimes, LogIdentity, Repository, RoleHolders,
    RootKeys, TrustMaterial, TrustedLog,
};
use sigstore::time_range::{ProtoTime, TimeRange};
use sigstore::tuf::TufKey;
use sigstore::{KeyKind, UnixSeconds};

const DAY_SECONDS: u64 = 86_400;

struct Keys {
    root: FileSigner,
    targets: FileSigner,
    online: FileSigner,
}

impl Keys {
    fn new() -> Result<Keys, Box<dyn Error>> {
        let signer = || FileSigner::from_pkcs8_der(&generate(KeyKind::EcdsaP256)?);
        Ok(Keys {
            root: signer()?,
            targets: signer()?,
            online: signer()?,
        })
    }

    fn repository(
        &self,
        material: &TrustMaterial,
        now: UnixSeconds,
    ) -> Result<Repository, Box<dyn Error>> {
        let keys = InitialKeys {
            root: &self.root,
            targets: &self.targets,
            online: &self.online,
        };
        let files = material.target_files(time(now)?)?;
        Ok(Repository::create(keys, files, Lifetimes::default(), now)?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(now)) = (arguments.next(), arguments.next()) else {
        return Err("usage: trust_years FOLDER NOW".into());
    };
    let folder = Path::new(&folder);
    let now: u64 = now.parse()?;
    let start = UnixSeconds::new(now.saturating_sub(5 * DAY_SECONDS));
    let now = UnixSeconds::new(now);
    let mut material = material(start)?;
    let mut keys = Keys::new()?;
    let mut repository = keys.repository(&material, start)?;
    write(&repository, &folder.join("0"))?;
    repository.renew(&keys.online, now)?;
    write(&repository, &folder.join("1"))?;
    material.logs.push(log("next.a.example", [8; 32], now)?);
    let change = Change {
        keys: None,
        files: Some(material.target_files(time(now)?)?),
    };
    let mut update = repository.propose(change, now)?;
    update.sign(&keys.targets)?;
    repository.apply(&update, &keys.online, now)?;
    write(&repository, &folder.join("2"))?;
    for name in ["3", "4"] {
        let next = Keys::new()?;
        rotate(&mut repository, &keys, &next, now)?;
        keys = next;
        write(&repository, &folder.join(name))?;
    }
    let config = material.client_trust_config(time(now)?);
    fs::write(folder.join("trust_config.json"), config.encode())?;
    let long_ago = UnixSeconds::new(now.get().saturating_sub(20 * DAY_SECONDS));
    write(
        &keys.repository(&material, long_ago)?,
        &folder.join("expired"),
    )
}

fn rotate(
    repository: &mut Repository,
    old: &Keys,
    new: &Keys,
    now: UnixSeconds,
) -> Result<(), Box<dyn Error>> {
    let key = |signer: &FileSigner| TufKey::from_spki_der(signer.public_key());
    let change = Change {
        keys: Some(RootKeys {
            root: RoleHolders::single(key(&new.root)?),
            targets: RoleHolders::single(key(&new.targets)?),
            online: key(&new.online)?,
        }),
        files: None,
    };
    let mut update = repository.propose(change, now)?;
    for signer in [&old.root, &new.root, &new.targets] {
        update.sign(signer)?;
    }
    repository.apply(&update, &new.online, now)?;
    Ok(())
}

fn write(repository: &Repository, folder: &Path) -> Result<(), Box<dyn Error>> {
    for (path, bytes) in repository.files() {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

fn time(seconds: UnixSeconds) -> Result<ProtoTime, Box<dyn Error>> {
    ProtoTime::from_seconds(seconds).ok_or_else(|| "a time beyond the year 9999".into())
}

fn log(host: &str, public_key: [u8; 32], start: UnixSeconds) -> Result<TrustedLog, Box<dyn Error>> {
    Ok(TrustedLog {
        base_url: format!("https://{host}"),
        identity: LogIdentity::Ed25519 {
            origin: host.to_owned(),
            public_key,
        },
        valid_for: TimeRange::starting(time(start)?),
    })
}

/// Real keys; the certificates are placeholders, which a TUF client does not look into.
fn material(start: UnixSeconds) -> Result<TrustMaterial, Box<dyn Error>> {
    let valid_for = TimeRange::starting(time(start)?);
    let ct_key = FileSigner::from_pkcs8_der(&generate(KeyKind::EcdsaP256)?)?;
    let authority = |url: &str| CertifiedAuthority {
        url: url.to_owned(),
        common_name: "example".to_owned(),
        cert_chain: vec![vec![0x30, 0x00], vec![0x30, 0x00]],
        valid_for,
    };
    Ok(TrustMaterial {
        operator: "a.example".to_owned(),
        logs: vec![log("a.example", ED25519_KEY, start)?],
        ct_logs: vec![TrustedLog {
            base_url: "https://a.example/logs/ct".to_owned(),
            identity: LogIdentity::P256 {
                spki_der: ct_key.public_key().to_vec(),
            },
            valid_for,
        }],
        certificate_authorities: vec![authority("https://a.example")],
        timestamp_authorities: vec![authority("https://a.example/api/v1/timestamp")],
        oidc_issuers: vec![("https://login.a.example".to_owned(), valid_for)],
    })
}

/// The public key of RFC 8032, section 7.1, test 1.
const ED25519_KEY: [u8; 32] = [
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];
