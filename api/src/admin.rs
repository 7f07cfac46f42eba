//! What the operator's own commands may ask of a running server: a socket in the data directory.
//!
//! One request has it read cairn.toml again, see [`Reloader`]. The other is for a snapshot of the
//! logs, which only the process that has them open can make. It is laid down in the data directory
//! itself, where it costs little, and the command copies it from there to wherever its own rights
//! allow; so the server never writes to a place that somebody else names. The open connection is
//! the lease: once it ends, the snapshot is removed.
//!
//! One line each way: `snapshot` or `reload`, and an [`Answer`] in JSON. The socket has mode 0600,
//! and whoever speaks must be root or the server's own user.

use std::fs;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use tokio::io::BufReader as AsyncBufReader;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::AbortHandle;

use crate::app::App;
use crate::config::{Config, LogSettings};
use crate::serve::Reloader;

/// The socket's name within the data directory.
const SOCKET_NAME: &str = "admin.sock";

/// A log's snapshot within its store's directory.
const SNAPSHOT_NAME: &str = "snapshot";

/// The requests, without their line ends.
const SNAPSHOT: &str = "snapshot";
const RELOAD: &str = "reload";

/// Bytes of a request; the longest has nine.
const REQUEST_LEN_BYTES_MAX: u64 = 16;

/// Connections at once; an operator has one.
const CONNECTIONS_MAX: usize = 4;

/// How long a request may take to arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long whoever asked for a snapshot waits for it: memory has to be flushed to disk.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(10);

/// Bytes of an answer: a line for each log.
const ANSWER_LEN_BYTES_MAX: u64 = 1 << 20;

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// The logs whose checkpoint and hot store were laid down, by name.
    Snapshots(Vec<String>),
    /// What has changed since cairn.toml was read before.
    Reloaded(Vec<String>),
    /// Why it did not.
    Refused(String),
}

impl Answer {
    /// Reads the line that a server sent.
    ///
    /// # Errors
    /// If there is none, it is too long, or it is not understood.
    pub(crate) fn read(from: &mut impl BufRead) -> anyhow::Result<Answer> {
        let mut line = String::new();
        from.take(ANSWER_LEN_BYTES_MAX)
            .read_line(&mut line)
            .context("the server doesn't answer")?;
        serde_json::from_str(&line).context("the server's answer is not understood")
    }

    /// The line to send.
    pub(crate) fn to_line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

/// The listener; it ends, and its socket goes, when this is dropped. That waits for a snapshot
/// which is being made: no thread may be within the storage engine when the process ends.
#[derive(Debug)]
pub(crate) struct Admin {
    socket: PathBuf,
    accepting: AbortHandle,
    desk: Arc<Desk>,
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.accepting.abort();
        let app = self.desk.lock_app().take();
        drop(app);
        // One that stays is replaced by the next start.
        let _best_effort = fs::remove_file(&self.socket);
    }
}

/// Listens for the operator. The caller holds the data directory's lock, so whatever is in the way
/// was left by a process that is gone. Serving goes on if this fails.
pub(crate) fn listen(reloader: &Arc<Reloader>, app: &Arc<App>) -> Option<Admin> {
    let config = reloader.config();
    config
        .logs
        .iter()
        .for_each(|log| remove(&snapshot_dir(&config, log)));
    let socket = config.dir.join(SOCKET_NAME);
    let (listener, owner) = match bind(&socket) {
        Ok(bound) => bound,
        Err(error) => {
            let path = socket.display();
            tracing::error!(%path, %error, "`cairnd backup` can't reach this server");
            return None;
        }
    };
    let desk = Arc::new(Desk {
        app: std::sync::Mutex::new(Some(Arc::clone(app))),
        reloader: Arc::clone(reloader),
        owner,
        lease: Mutex::new(()),
    });
    let accepting = tokio::spawn(accept(listener, Arc::clone(&desk))).abort_handle();
    Some(Admin {
        socket,
        accepting,
        desk,
    })
}

/// The socket, and the user it belongs to.
fn bind(socket: &Path) -> io::Result<(UnixListener, u32)> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    Ok((listener, fs::metadata(socket)?.uid()))
}

async fn accept(listener: UnixListener, desk: Arc<Desk>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Waiting callers wait in the system's queue, which is bounded too.
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let desk = Arc::clone(&desk);
                tokio::spawn(async move {
                    if let Err(error) = desk.serve(stream).await {
                        tracing::warn!(%error, "a command went away");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the admin socket");
                tokio::time::sleep(REQUEST_TIMEOUT).await;
            }
        }
    }
}

/// What answers.
#[derive(Debug)]
struct Desk {
    /// Until the end. Locked while the logs are in use.
    app: std::sync::Mutex<Option<Arc<App>>>,
    reloader: Arc<Reloader>,
    owner: u32,
    /// Held for as long as a snapshot is in use.
    lease: Mutex<()>,
}

impl Desk {
    async fn serve(self: &Arc<Self>, mut stream: UnixStream) -> io::Result<()> {
        let user = stream.peer_cred()?.uid();
        if user != self.owner && user != 0 {
            tracing::warn!(user, "the admin socket is not for this user");
            return Ok(());
        }
        let read = tokio::time::timeout(REQUEST_TIMEOUT, read_request(&mut stream)).await;
        match read.ok().transpose()?.as_deref() {
            Some(SNAPSHOT) => self.lend_snapshots(stream).await,
            Some(RELOAD) => {
                let answer = match self.reloader.reload().await {
                    Ok(done) => Answer::Reloaded(done),
                    Err(error) => Answer::Refused(format!("{error:#}")),
                };
                send(&mut stream, &answer).await
            }
            _ => {
                let known = "the requests are `snapshot` and `reload`";
                send(&mut stream, &refused(known)).await
            }
        }
    }

    /// Makes snapshots, and keeps them for as long as the connection.
    async fn lend_snapshots(self: &Arc<Self>, mut stream: UnixStream) -> io::Result<()> {
        let Ok(_lease) = self.lease.try_lock() else {
            return send(&mut stream, &refused("another backup is under way")).await;
        };
        let desk = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || desk.make_snapshots()).await;
        let answer = made.unwrap_or_else(|_| refused("making a snapshot panicked"));
        let sent = send(&mut stream, &answer).await;
        if let Answer::Snapshots(_) = answer {
            // Nothing more comes, so this waits for the end.
            let _ended = stream.read(&mut [0; 1]).await;
            let desk = Arc::clone(self);
            let _removed = tokio::task::spawn_blocking(move || desk.remove_snapshots()).await;
        }
        sent
    }

    fn lock_app(&self) -> MutexGuard<'_, Option<Arc<App>>> {
        self.app.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A snapshot of every log, or of none.
    fn make_snapshots(&self) -> Answer {
        let app = self.lock_app();
        let Some(app) = app.as_ref() else {
            return refused("the server is shutting down");
        };
        self.remove_snapshots();
        let mut names = Vec::new();
        let config = self.reloader.config();
        for settings in &config.logs {
            let made = match app.log(&settings.name) {
                Some(log) => match log.open() {
                    Ok(open) => snapshot(open, &snapshot_dir(&config, settings)),
                    Err(reason) => Err(format!("it is not open: {reason}")),
                },
                None => Err("it is not served".to_owned()),
            };
            if let Err(why) = made {
                self.remove_snapshots();
                return Answer::Refused(format!("the log {:?}: {why}", settings.name));
            }
            names.push(settings.name.clone());
        }
        Answer::Snapshots(names)
    }

    fn remove_snapshots(&self) {
        let config = self.reloader.config();
        let logs = config.logs.iter();
        logs.for_each(|log| remove(&snapshot_dir(&config, log)));
    }
}

/// The line that was sent, without its end.
async fn read_request(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = String::new();
    let mut limited = AsyncBufReader::new(stream).take(REQUEST_LEN_BYTES_MAX);
    limited.read_line(&mut line).await?;
    Ok(line.trim_end_matches('\n').to_owned())
}

/// Where the snapshot of a log is.
fn snapshot_dir(config: &Config, log: &LogSettings) -> PathBuf {
    log.store_dir(&config.dir).join(SNAPSHOT_NAME)
}

fn refused(why: &str) -> Answer {
    Answer::Refused(why.to_owned())
}

async fn send(stream: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    stream.write_all(&answer.to_line()?).await
}

#[cfg(feature = "rocks")]
fn snapshot(open: &engine::Log, place: &Path) -> Result<(), String> {
    open.snapshot(place)
        .map(drop)
        .map_err(|error| error.to_string())
}

#[cfg(not(feature = "rocks"))]
fn snapshot(_: &engine::Log, place: &Path) -> Result<(), String> {
    Err(format!("{}: there is no store to copy", place.display()))
}

/// Removes what there is of a snapshot. What stays costs space, and is tried again with the next.
fn remove(place: &Path) {
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(place = %place.display(), %error, "a snapshot is not removed");
        }
        _ => {}
    }
}

/// Snapshots that a running server made, and keeps while this lives.
#[derive(Debug)]
pub(crate) struct Lease {
    _connection: BufReader<BlockingStream>,
    names: Vec<String>,
}

impl Lease {
    /// The directory with the snapshot of a log, if the server made one.
    pub(crate) fn snapshot(&self, config: &Config, log: &LogSettings) -> Option<PathBuf> {
        let made = self.names.contains(&log.name);
        made.then(|| snapshot_dir(config, log))
    }
}

/// Asks the server that has `dir` open for snapshots of its logs.
///
/// # Errors
/// If it doesn't answer, or can't make them.
pub(crate) fn lease(dir: &Path) -> anyhow::Result<Lease> {
    let (connection, answer) = ask(dir, SNAPSHOT)?;
    match answer {
        Answer::Snapshots(names) => Ok(Lease {
            _connection: connection,
            names,
        }),
        Answer::Refused(why) => bail!("the server can't make a snapshot: {why}"),
        Answer::Reloaded(_) => bail!("the server answered something else"),
    }
}

/// Has the server that has `dir` open read cairn.toml again. Gives what it says of it.
///
/// # Errors
/// If it doesn't answer, or would not do as the file says.
pub(crate) fn reload(dir: &Path) -> anyhow::Result<Vec<String>> {
    match ask(dir, RELOAD)?.1 {
        Answer::Reloaded(done) => Ok(done),
        Answer::Refused(why) => bail!("the server does not take cairn.toml as it is now: {why}"),
        Answer::Snapshots(_) => bail!("the server answered something else"),
    }
}

fn ask(dir: &Path, request: &str) -> anyhow::Result<(BufReader<BlockingStream>, Answer)> {
    let socket = dir.join(SOCKET_NAME);
    let mut stream = BlockingStream::connect(&socket).with_context(|| {
        format!(
            "the process that has {} open doesn't answer at {}; if it is an older server, stop it \
             and run this again",
            dir.display(),
            socket.display()
        )
    })?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(format!("{request}\n").as_bytes())?;
    let mut connection = BufReader::new(stream);
    let answer = Answer::read(&mut connection)?;
    Ok((connection, answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::LogKind;
    use crate::testing::{TestLog, TestServer};

    fn config(dir: &Path) -> Config {
        let text = "[[log]]\nname = \"a\"\nkind = \"raw\"\norigin = \"a\"\n";
        Config::parse(dir, text).unwrap()
    }

    /// What the server says to `request`.
    async fn say_to(dir: PathBuf, request: &'static [u8]) -> String {
        let asked = tokio::task::spawn_blocking(move || {
            let mut stream = BlockingStream::connect(dir.join(SOCKET_NAME)).unwrap();
            stream.write_all(request).unwrap();
            let mut said = String::new();
            BufReader::new(stream).read_line(&mut said).unwrap();
            said
        });
        asked.await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_cannot_be_done_is_said() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(SOCKET_NAME), "left behind").unwrap();
        let failed = TestLog {
            failed: true,
            ..TestLog::new("a", LogKind::Raw)
        };
        let server = TestServer::new([failed]);
        let reloader = Arc::new(Reloader::new(&config(dir.path()), &server.app));
        let admin = listen(&reloader, &server.app).unwrap();
        let mode = fs::metadata(&admin.socket).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        let said = say_to(dir.path().to_owned(), b"shut-down\n").await;
        assert!(said.contains("the requests are"), "{said}");
        let said = say_to(dir.path().to_owned(), b"snapshot\n").await;
        assert!(
            said.contains("refused") && said.contains("not open"),
            "{said}"
        );
        drop(admin);
        assert!(!dir.path().join(SOCKET_NAME).exists());
        let error = lease(dir.path()).unwrap_err();
        assert!(error.to_string().contains(SOCKET_NAME), "{error:#}");
    }
}
