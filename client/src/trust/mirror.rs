//! A TUF repository that is followed: fetching what an update wants, and keeping what it brings.

use sigstore::UnixSeconds;
use sigstore::tuf::{Known, Update, Wanted};

use super::Store;
use super::store::State;
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{self, Http, HttpError, Request};
use crate::output;

/// The file that says whom to trust.
pub(crate) const TRUSTED_ROOT: &str = "trusted_root.json";

/// The file that says where to sign; a repository for verifiers need not have it.
pub(crate) const SIGNING_CONFIG: &str = "signing_config.v0.2.json";

/// The files of a repository that are wanted, and whether each must be there.
const FILES: [(&str, bool); 2] = [(TRUSTED_ROOT, true), (SIGNING_CONFIG, false)];

/// How long a state is used before the repository is asked for news.
const FRESH_SECONDS: u64 = 24 * 60 * 60;

/// A repository by its address.
#[derive(Clone, Debug)]
pub(crate) struct Mirror {
    store: Store,
    /// Without a slash at its end.
    url: String,
}

impl Mirror {
    /// A repository at an address, whether or not anything is known of it.
    pub(crate) fn new(store: Store, url: &str) -> Result<Mirror, Failure> {
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(
                Failure::new(Exit::Usage, url, "is not the address of a mirror")
                    .expected("one that begins with https:// or http://"),
            );
        }
        let url = url.trim_end_matches('/').to_owned();
        Ok(Mirror { store, url })
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Begins to follow it from a root that the user trusts, in place of what was known.
    pub(crate) fn init(&self, root: Known, http: &Http) -> Result<State, Failure> {
        let _lock = self.store.lock(&self.url)?;
        let now = clock::now();
        let mut update = Update::new(root, &FILES, now);
        // Nothing is kept before all of it holds: a wrong root must not replace a right one.
        let done = self.run(&mut update, http, &mut |_| Ok(()));
        done.map_err(Stop::failure)?;
        let state = self.state(update.known(), now);
        self.store.write(&state)?;
        Ok(state)
    }

    /// Asks it for news, and keeps what is new.
    pub(crate) fn refresh(&self, http: &Http) -> Result<State, Failure> {
        self.try_refresh(http).map_err(Stop::failure)
    }

    /// What is known of it, as it is.
    pub(crate) fn kept(&self) -> Result<State, Failure> {
        self.store.read(&self.url)
    }

    /// What is known of it, after asking for news if it is time to. Somebody who cannot be reached
    /// does no harm until what is known expires.
    pub(crate) fn current(&self, http: &Http) -> Result<State, Failure> {
        let kept = self.kept()?;
        let (now, expires) = (clock::now(), kept.known.expires());
        let is_good = expires.is_some_and(|expires| now < expires);
        let is_fresh = now < kept.refreshed.plus_seconds(FRESH_SECONDS);
        let is_usable = kept.known.file(TRUSTED_ROOT).is_some();
        if http.is_offline() || (is_good && is_fresh && kept.refreshed <= now) {
            return Ok(kept);
        }
        match self.try_refresh(http) {
            Ok(state) => Ok(state),
            Err(Stop::Unanswered(failure)) if is_good && is_usable => {
                output::note(format_args!(
                    "{failure}\n  going on with what was known before"
                ));
                Ok(kept)
            }
            Err(stop) => Err(stop.failure().fix(format!(
                "if you trust what was known at {}, use --offline",
                output::date(kept.refreshed)
            ))),
        }
    }

    fn try_refresh(&self, http: &Http) -> Result<State, Stop> {
        let _lock = self.store.lock(&self.url).map_err(Stop::Refused)?;
        // Read under the lock: another process may have just brought it up to date.
        let before = self.kept().map_err(Stop::Refused)?;
        let mut update = Update::new(before.known, &FILES, clock::now());
        let mut keep = |known: &Known| self.store.write(&self.state(known, before.refreshed));
        self.run(&mut update, http, &mut keep)?;
        let state = self.state(update.known(), clock::now());
        self.store.write(&state).map_err(Stop::Refused)?;
        Ok(state)
    }

    /// Fetches what the update wants, and has what it learns kept at once, so that not even an
    /// update that is broken off forgets which versions it saw.
    fn run(
        &self,
        update: &mut Update,
        http: &Http,
        keep: &mut dyn FnMut(&Known) -> Result<(), Failure>,
    ) -> Result<(), Stop> {
        while let Some(wanted) = update.wanted() {
            let bytes = self.fetch(&wanted, http).map_err(Stop::Unanswered)?;
            let before = update.known().clone();
            let received = update.receive(bytes.as_deref());
            if *update.known() != before {
                keep(update.known()).map_err(Stop::Refused)?;
            }
            received.map_err(|error| {
                Stop::Refused(Failure::new(
                    Exit::Refused,
                    &self.url,
                    format_args!("the trust root does not hold: {error}"),
                ))
            })?;
        }
        Ok(())
    }

    /// A file, or `None` if there is no such file.
    fn fetch(&self, wanted: &Wanted, http: &Http) -> Result<Option<Vec<u8>>, Failure> {
        let url = http::join(&self.url, &wanted.path);
        let answer = http.send(&Request::get(&url, wanted.length_max));
        let answer = answer.map_err(|error: HttpError| error.failure(&url))?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            // Some stores answer so for what they do not have.
            403 | 404 => Ok(None),
            _ => Err(answer.refused(&url, "can't be fetched")),
        }
    }

    fn state(&self, known: &Known, refreshed: UnixSeconds) -> State {
        State {
            mirror: self.url.clone(),
            refreshed,
            known: known.clone(),
        }
    }
}

/// Why an update did not come to its end.
#[derive(Debug)]
enum Stop {
    /// Nobody answered; what was known is as good as before.
    Unanswered(Failure),
    /// What was answered does not hold, or cannot be kept.
    Refused(Failure),
}

impl Stop {
    fn failure(self) -> Failure {
        match self {
            Stop::Unanswered(failure) | Stop::Refused(failure) => failure,
        }
    }
}
