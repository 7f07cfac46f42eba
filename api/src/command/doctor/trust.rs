//! The TUF repository, walked from its root as clients do, and what it tells them.

use sigstore::UnixSeconds;
use sigstore::signing_config::SigningConfig;
use sigstore::time_range::ProtoTime;
use sigstore::trusted_root::TrustedRoot;
use sigstore::tuf::{Envelope, Role, Root, Snapshot, TargetFile, Targets, Timestamp, Version};

use ca::trust_root::{SIGNING_CONFIG, TRUSTED_ROOT};
use reqwest::StatusCode;

use super::report::{OrFix as _, Report, Trouble, Verdict, failed, skipped};
use super::site::Site;

/// What clients are told.
#[derive(Debug)]
pub(super) struct Trusted {
    pub(super) root: TrustedRoot,
    pub(super) config: SigningConfig,
    pub(super) now: ProtoTime,
}

/// Where the repository is.
const PATH: &str = "/tuf";

/// Roots that are walked. One is made each year, or when a key is replaced.
const ROOT_COUNT_MAX: u32 = 1024;

const RESTORE: &str = "restore the directory of [trust] from a backup, and restart `cairnd serve`";
const RENEW: &str =
    "`cairnd trust renew`, sign what it writes with `cairnd trust sign`, `cairnd trust apply`";
const ONLINE: &str = "the server renews it by itself: look in its log for \"the trust root can't \
    be renewed\", and restart `cairnd serve`";

/// Walks the repository. `None` if clients get nothing out of it.
pub(super) fn walk(
    site: &Site,
    known: Option<Vec<u8>>,
    now: UnixSeconds,
    report: &mut Report,
) -> Option<Trusted> {
    let root = report.take("tuf root", newest_root(site, known, now))?;
    let timestamp = fetch(site, &root, Role::Timestamp, Version::FIRST).and_then(|file| {
        let timestamp = Timestamp::read(&file).or_fix(RESTORE)?;
        Ok((timestamp.snapshot, timestamp.version, timestamp.expires))
    });
    let snapshot = note(report, Role::Timestamp, timestamp, (now, ONLINE))?;
    let found = fetch(site, &root, Role::Snapshot, snapshot).and_then(|file| {
        let snapshot = Snapshot::read(&file).or_fix(RESTORE)?;
        Ok((snapshot.targets, snapshot.version, snapshot.expires))
    });
    let found = found.and_then(|read| check_version(read, snapshot));
    let targets = note(report, Role::Snapshot, found, (now, ONLINE))?;
    let found = fetch(site, &root, Role::Targets, targets).and_then(|file| {
        let list = Targets::read(&file).or_fix(RESTORE)?;
        let (version, expires) = (list.version, list.expires);
        Ok((list, version, expires))
    });
    let found = found.and_then(|read| check_version(read, targets));
    let targets = note(report, Role::Targets, found, (now, RENEW))?;
    let trusted_root = report.take(TRUSTED_ROOT, trusted_root(site, &targets));
    let config = report.take(SIGNING_CONFIG, signing_config(site, &targets));
    Some(Trusted {
        root: trusted_root?,
        config: config?,
        now: ProtoTime::from_seconds(now)?,
    })
}

/// Content, version and expiry of a file.
type Read<T> = Result<(T, Version, UnixSeconds), Trouble>;

/// Says what came of a file. One that has expired is gone on with: it still says what is meant.
fn note<T>(
    report: &mut Report,
    role: Role,
    read: Read<T>,
    (now, fix): (UnixSeconds, &str),
) -> Option<T> {
    let name = format!("tuf {role}");
    match read {
        Ok((content, version, expires)) => {
            report.check(name, expiry(version, expires, now, fix));
            Some(content)
        }
        Err(trouble) => {
            report.check(name, Err(trouble));
            None
        }
    }
}

fn expiry(version: Version, expires: UnixSeconds, now: UnixSeconds, fix: &str) -> Verdict {
    let date = ProtoTime::from_seconds(expires).map_or_else(String::new, |time| time.to_string());
    if expires <= now {
        return failed(
            format!("version {version} has expired at {date}, so clients refuse all of it"),
            fix,
        );
    }
    let days = expires.get().saturating_sub(now.get()) / DAY_SECONDS;
    Ok(format!("version {version}, expires {date}, in {days} days"))
}

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Walks from the first root, or the one that is known, to the newest.
fn newest_root(
    site: &Site,
    known: Option<Vec<u8>>,
    now: UnixSeconds,
) -> Result<(Root, String), Trouble> {
    let is_known = known.is_some();
    let first = match known {
        Some(bytes) => bytes,
        None => first_root(site)?,
    };
    let other = "this is not a root of this instance: get root.json by `cairnd trust export`";
    let envelope = Envelope::parse(&first).or_fix(other)?;
    let mut root = Root::verify_first(&envelope).or_fix(other)?;
    for _ in 0..ROOT_COUNT_MAX {
        let path = place(&Role::Root.path(root.version.next()));
        let answer = site.get(&path).or_fix("see the check of the server")?;
        if answer.status == StatusCode::NOT_FOUND {
            break;
        }
        let next = answer.done().or_fix(RESTORE)?;
        let next = Envelope::parse(&next).or_fix(RESTORE)?;
        root = root.verify_next(&next).or_fix(other)?;
    }
    let mut detail = expiry(root.version, root.expires, now, RENEW)?;
    if !is_known {
        detail.push_str("; taken from the server itself, as no --root was given");
    }
    Ok((root, detail))
}

/// The first root, as the server has it.
fn first_root(site: &Site) -> Result<Vec<u8>, Trouble> {
    let answer = site.get(&place(&Role::Root.path(Version::FIRST)));
    let answer = answer.or_fix("see the check of the server")?;
    if answer.status == StatusCode::NOT_FOUND {
        return skipped("this server has no TUF repository, so no key is known to check it by");
    }
    answer.done().or_fix(RESTORE)
}

fn place(path: &str) -> String {
    format!("{PATH}/{path}")
}

/// A metadata file, signed as the root says.
fn fetch(site: &Site, root: &Root, role: Role, version: Version) -> Result<Envelope, Trouble> {
    let answer = site.get(&place(&role.path(version)));
    let bytes = answer.and_then(super::site::Answer::done).or_fix(RESTORE)?;
    let envelope = Envelope::parse(&bytes).or_fix(RESTORE)?;
    root.verify(&envelope, role).or_fix(RESTORE)?;
    Ok(envelope)
}

fn check_version<T>(
    read: (T, Version, UnixSeconds),
    wanted: Version,
) -> Result<(T, Version, UnixSeconds), Trouble> {
    let found = read.1;
    if found == wanted {
        return Ok(read);
    }
    failed(format!("it is version {found}, wanted {wanted}"), RESTORE)
}

/// A file that the list names, with the bytes that it names.
fn target(site: &Site, targets: &Targets, name: &str) -> Result<Vec<u8>, Trouble> {
    let Some(file) = targets.files.get(name) else {
        return failed(format!("targets.json does not list {name}"), RESTORE);
    };
    let answer = site.get(&place(&file.path(name)));
    let bytes = answer.and_then(super::site::Answer::done).or_fix(RESTORE)?;
    if TargetFile::of(&bytes) != *file {
        return failed("these are not the bytes that targets.json lists", RESTORE);
    }
    Ok(bytes)
}

fn trusted_root(site: &Site, targets: &Targets) -> Result<(TrustedRoot, String), Trouble> {
    let bytes = target(site, targets, TRUSTED_ROOT)?;
    let root = TrustedRoot::parse(&bytes).or_fix(RESTORE)?;
    let detail = format!(
        "{} logs, {} certificate logs, {} CAs, {} timestamp authorities",
        root.tlogs.len(),
        root.ctlogs.len(),
        root.certificate_authorities.len(),
        root.timestamp_authorities.len()
    );
    Ok((root, detail))
}

fn signing_config(site: &Site, targets: &Targets) -> Result<(SigningConfig, String), Trouble> {
    let bytes = target(site, targets, SIGNING_CONFIG)?;
    let config = SigningConfig::parse(&bytes).or_fix(RESTORE)?;
    let logs = config.rekor_tlog_urls.iter().map(|log| log.url.as_str());
    let detail = format!("signers log at {}", logs.collect::<Vec<_>>().join(", "));
    Ok((config, detail))
}
