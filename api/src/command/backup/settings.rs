//! What a backup has beside the logs: configuration, keys, certificates, and the trust root. Not
//! the passphrase of the keys: together they would be worth as much as keys that are not encrypted.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use ca::Profile;

use super::copy;
use crate::config::{self, Config, PassphraseSource, Services};
use crate::instance::files;
use crate::{dev, trust};

/// A file, and the name of its copy if it lies outside the data directory.
type Wanted = (PathBuf, String);

/// Copies all of it into the backup at `to`. Gives a line for everything that must be put back by
/// hand.
pub(super) fn save(config: &Config, to: &Path) -> anyhow::Result<Vec<String>> {
    let mut notes = Vec::new();
    let name = config::FILE_NAME;
    save_private(&config.dir.join(name), &to.join(name))?;
    let services = &config.instance.services;
    let wanted = of_logs(config)
        .into_iter()
        .chain(of_services(services))
        .chain(of_issuers(config))
        .chain(of_dev_profile(config));
    for (file, outside) in wanted {
        if let Some(inside) = path_inside(&config.dir, &file) {
            save_private(&file, &to.join(inside))?;
            continue;
        }
        let target = Path::new("keys").join(outside);
        save_private(&file, &to.join(&target))?;
        notes.push(put_back(&file, &target));
    }
    if let Some(trust) = &services.trust {
        notes.extend(save_trust(config, &trust.dir, to)?);
    }
    if let (true, PassphraseSource::File(file)) = (services.any(), &config.instance.passphrase) {
        notes.push(format!(
            "{} is not in it: keep what opens the keys elsewhere, you need both to restore",
            file.display()
        ));
    }
    Ok(notes)
}

fn put_back(file: &Path, copy: &Path) -> String {
    format!(
        "{} lies outside the data directory; its copy is {}: put it back there when you restore",
        file.display(),
        copy.display()
    )
}

fn of_logs(config: &Config) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for log in &config.logs {
        let key = Some((log.key.path(), "pem"));
        let tokens = log.tokens_file.as_deref().map(|path| (path, "tokens"));
        let roots = log.roots_file.as_deref().map(|path| (path, "roots.pem"));
        let files = key.into_iter().chain(tokens).chain(roots);
        wanted.extend(files.map(|(path, end)| (path.to_owned(), format!("{}.{end}", log.name))));
    }
    wanted
}

/// A log's name has no dot before its end, so that these are no log's.
fn of_services(services: &Services) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let mut want = |file: &Path, name: &str| wanted.push((file.to_owned(), name.to_owned()));
    if let Some(ca) = &services.ca {
        want(ca.key.path(), "ca.key.pem");
        want(&ca.chain, "ca.chain.pem");
    }
    if let Some(tsa) = &services.tsa {
        want(tsa.key.path(), "tsa.key.pem");
        want(&tsa.chain, "tsa.chain.pem");
    }
    if let Some(trust) = &services.trust {
        want(trust.online_key.path(), "trust.key.pem");
    }
    wanted
}

/// Certificates by which issuers are known. Those that lie elsewhere belong to another program.
fn of_issuers(config: &Config) -> Vec<Wanted> {
    let issuers = config.instance.issuers.issuers().iter();
    let files = issuers.filter_map(|issuer| issuer.ca_file());
    let files = files.map(|file| config.dir.join(file));
    let inside = files.filter(|file| path_inside(&config.dir, file).is_some());
    inside.map(|file| (file, String::new())).collect()
}

/// What the dev profile keeps in places of its own.
fn of_dev_profile(config: &Config) -> Vec<Wanted> {
    if config.instance.profile != Profile::Dev {
        return Vec::new();
    }
    let files = [
        dev::KEY_FILE,
        files::TRUST_OFFLINE_KEYS,
        files::TRUST_PASSPHRASE,
    ];
    let files = files.map(|file| config.dir.join(file)).into_iter();
    let there = files.filter(|file| file.exists());
    there.map(|file| (file, String::new())).collect()
}

/// Copies the TUF repository. The server may renew it meanwhile, and writes every file before the
/// one that names it, `timestamp.json` last; so that one is read first.
fn save_trust(config: &Config, dir: &Path, to: &Path) -> anyhow::Result<Option<String>> {
    let read = || -> io::Result<_> {
        let timestamp = fs::read(dir.join(trust::TIMESTAMP))?;
        let mut files = trust::read_files(dir)?;
        files.insert(trust::TIMESTAMP.to_owned(), timestamp);
        Ok(files)
    };
    let files = read().with_context(|| format!("{} can't be read", dir.display()))?;
    let inside = path_inside(&config.dir, dir);
    let target = inside.unwrap_or(Path::new(files::TRUST_DIR));
    for (path, bytes) in files {
        write_private(&to.join(target).join(&path), &bytes)
            .with_context(|| format!("{path} of {}", dir.display()))?;
    }
    Ok(inside.is_none().then(|| put_back(dir, target)))
}

/// The path of `file` from `dir` on, if it goes straight down from there.
fn path_inside<'a>(dir: &Path, file: &'a Path) -> Option<&'a Path> {
    let inside = file.strip_prefix(dir).ok()?;
    let mut parts = inside.components();
    parts
        .all(|part| matches!(part, Component::Normal(_)))
        .then_some(inside)
}

/// Copies a file that only its owner may read, durably but for its name.
fn save_private(from: &Path, to: &Path) -> anyhow::Result<()> {
    let failed = |error| copy::failed(from, to, error);
    let bytes = zeroize::Zeroizing::new(fs::read(from).map_err(failed)?);
    write_private(to, &bytes).map_err(failed)
}

fn write_private(to: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(parent)?;
    }
    let mut options = fs::OpenOptions::new();
    // Two logs may share a tokens file; never two different files one name.
    let mut file = match options.write(true).create_new(true).mode(0o600).open(to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return if fs::read(to)? == *bytes {
                Ok(())
            } else {
                Err(error)
            };
        }
        opened => opened?,
    };
    file.write_all(bytes)?;
    file.sync_all()?;
    to.parent()
        .map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
}
