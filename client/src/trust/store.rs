//! Where trust roots are kept between runs: one file for each repository.
//!
//! A file holds metadata and target files together, so that one rename replaces all of it and
//! whoever reads it, at the same time or after a crash, reads one state:
//!
//! ```text
//! {"mediaType":"application/vnd.cairn.trust-state.v1+json",
//!  "mirror":"https://sigstore.example.org/tuf","refreshed":1795358375,
//!  "files":{"root.json":"...","timestamp.json":"...","targets/trusted_root.json":"...",...}}
//! ```
//!
//! It is read through [`Known::from_files`], which verifies it again. Whoever changes one holds the
//! lock beside it meanwhile, so that of two updates at once neither takes the other's back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sigstore::tuf::Known;
use sigstore::{TrustFileError, UnixSeconds};

use super::Mirror;
use crate::config::{self, Variable};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, Readers};

const MEDIA_TYPE: &str = "application/vnd.cairn.trust-state.v1+json";

/// The longest state that is read: four metadata files and two trust files at their limits.
const STATE_LEN_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest address of a repository.
const URL_LEN_BYTES_MAX: usize = 2048;

/// The directory with the states.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    dir: PathBuf,
}

/// What is known of one repository.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) mirror: String,
    /// When the repository last said that this is current.
    pub(crate) refreshed: UnixSeconds,
    pub(crate) known: Known,
}

impl Store {
    /// In the user's directory, if there is one.
    pub(crate) fn find() -> Option<Store> {
        config::home().map(|home| Store::at(&home))
    }

    /// In a directory.
    pub(crate) fn at(home: &Path) -> Store {
        Store {
            dir: home.join("trust"),
        }
    }

    /// As [`Store::find`], for those who need one.
    pub(crate) fn open() -> Result<Store, Failure> {
        let home = Variable::CairnHome.name();
        Store::find().ok_or_else(|| {
            Failure::new(Exit::Usage, home, "no directory to keep trust roots in")
                .fix(format!("set {home} to one, or name --trusted-root FILE"))
        })
    }

    /// A repository that was initialised.
    pub(crate) fn mirror(&self, url: &str) -> Result<Mirror, Failure> {
        let mirror = Mirror::new(self.clone(), url)?;
        if self.path(mirror.url()).exists() {
            return Ok(mirror);
        }
        Err(Failure::new(
            Exit::Usage,
            url,
            "no trust root was ever given for this mirror",
        )
        .fix(format!("cairn trust init --mirror {url} --root FILE")))
    }

    /// The repository that was initialised last, if any.
    pub(crate) fn default_mirror(&self) -> Result<Option<Mirror>, Failure> {
        let path = self.dir.join("default");
        let Some(bytes) = files::read_if_there(&path, URL_LEN_BYTES_MAX)? else {
            return Ok(None);
        };
        let url = String::from_utf8_lossy(&bytes);
        self.mirror(url.trim()).map(Some)
    }

    /// Makes a repository the one that commands use by themselves.
    pub(crate) fn set_default(&self, url: &str) -> Result<(), Failure> {
        files::write(&self.dir.join("default"), url.as_bytes(), Readers::Anybody)
    }

    /// What is known of a repository.
    pub(super) fn read(&self, url: &str) -> Result<State, Failure> {
        let path = self.path(url);
        let bytes = files::read(&path, STATE_LEN_BYTES_MAX)?;
        let damaged = |reason: String| {
            let failure = Failure::file(&path, "is not the state of a trust root").found(reason);
            failure.fix(format!("cairn trust init --mirror {url} --root FILE"))
        };
        let json: StateJson =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if json.media_type != MEDIA_TYPE || json.mirror != url {
            return Err(damaged(format!("{} of {}", json.media_type, json.mirror)));
        }
        let files = json.files.into_iter();
        let files = files.map(|(name, text)| (name, text.into_bytes()));
        let known = Known::from_files(&files.collect());
        Ok(State {
            mirror: json.mirror,
            refreshed: UnixSeconds::new(json.refreshed),
            known: known.map_err(|error| damaged(error.to_string()))?,
        })
    }

    /// Keeps a state, whole.
    pub(super) fn write(&self, state: &State) -> Result<(), Failure> {
        let path = self.path(&state.mirror);
        let mut texts = BTreeMap::new();
        for (name, bytes) in state.known.to_files() {
            let text = String::from_utf8(bytes.to_vec());
            let text = text.map_err(|error| Failure::file(&path, &name).found(error))?;
            texts.insert(name, text);
        }
        let json = serde_json::to_vec(&StateJson {
            media_type: MEDIA_TYPE.to_owned(),
            mirror: state.mirror.clone(),
            refreshed: state.refreshed.get(),
            files: texts,
        });
        let json = json.map_err(|error| Failure::file(&path, "can't be written").found(error))?;
        files::write(&path, &json, Readers::Anybody)
    }

    /// Waits until nobody else changes what is known of a repository; ends with the returned value.
    pub(super) fn lock(&self, url: &str) -> Result<File, Failure> {
        let path = self.path(url).with_extension("lock");
        let locked = fs::create_dir_all(&self.dir)
            .and_then(|()| File::create(&path))
            .and_then(|file| file.lock().map(|()| file));
        locked.map_err(|error| Failure::file(&path, "can't be locked").found(error))
    }

    /// Readable, and different for different addresses.
    fn path(&self, url: &str) -> PathBuf {
        let plain = url.split_once("://").map_or(url, |(_, plain)| plain);
        let plain = plain.chars().map(|c| if is_plain(c) { c } else { '_' });
        let plain: String = plain.take(64).collect();
        let hash = Sha256::digest(url);
        let hash: String = hash
            .iter()
            .take(8)
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        self.dir.join(format!("{plain}-{hash}.json"))
    }
}

impl State {
    /// Reads one of the files.
    pub(crate) fn parsed<T>(
        &self,
        name: &str,
        parse: fn(&[u8]) -> Result<T, TrustFileError>,
    ) -> Result<T, Failure> {
        let bytes = self.known.file(name).ok_or_else(|| {
            Failure::new(Exit::File, &self.mirror, format!("has no {name}"))
                .fix(format!("cairn trust refresh --mirror {}", self.mirror))
        })?;
        parse(bytes).map_err(|error| {
            let what = format!("{name} is not such a trust file");
            Failure::new(Exit::File, &self.mirror, what).found(error)
        })
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-')
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateJson {
    media_type: String,
    mirror: String,
    refreshed: u64,
    files: BTreeMap<String, String>,
}
