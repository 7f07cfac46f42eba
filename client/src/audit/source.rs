//! Where the bytes of a log come from: a server, or a directory that holds the same paths.
//!
//! A server is asked again when it is busy or the network fails, a little later each time, because
//! an audit of millions of entries must not end with one lost packet.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use tiles::Resources;

use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{self, Http, HttpError, Request};

/// How often a server is asked for one resource.
const TRIES_MAX: u32 = 5;

/// Before it is asked for the second time; then twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest time for which a server may put off a request.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A log by its address.
#[derive(Debug)]
pub(crate) enum Source {
    /// Below this URL.
    Server {
        base: String,
        http: Http,
        /// How to let time pass: [`clock::wait`].
        wait: fn(Duration),
    },
    /// Below this directory.
    Directory(PathBuf),
}

/// Why a resource could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("GET {url}: {error}")]
    Http { url: String, error: HttpError },
    #[error("GET {url}: {message}")]
    Status { url: String, message: String },
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{}: more than {max} bytes, which no such resource has", path.display())]
    TooLong { path: PathBuf, max: usize },
}

impl Source {
    /// A URL or a directory, as the command line has it.
    pub(crate) fn new(address: &str) -> Source {
        if address.starts_with("https://") || address.starts_with("http://") {
            Source::Server {
                base: address.trim_end_matches('/').to_owned(),
                http: Http::online(),
                wait: clock::wait,
            }
        } else {
            Source::Directory(PathBuf::from(address))
        }
    }

    /// The log, as messages name it.
    pub(crate) fn name(&self) -> String {
        match self {
            Source::Server { base, .. } => base.clone(),
            Source::Directory(dir) => dir.display().to_string(),
        }
    }

    /// The newest checkpoint, with nothing about it checked.
    pub(crate) fn note(&self) -> Result<Vec<u8>, Failure> {
        let note = self.read("checkpoint", tiles::note::NOTE_LEN_BYTES_MAX);
        match note {
            Ok(Some(note)) => Ok(note),
            Ok(None) => Err(
                Failure::new(self.exit(), self.name(), "there is no checkpoint")
                    .fix("give the address below which the log has /checkpoint and /tile/"),
            ),
            Err(error) => {
                Err(Failure::new(error.exit(), self.name(), "can't be read").found(error))
            }
        }
    }

    /// Whose fault it is when something is not there.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Source::Server { .. } => Exit::Service,
            Source::Directory(_) => Exit::File,
        }
    }
}

impl Resources for Source {
    type Error = SourceError;

    fn read(&self, path: &str, len_bytes_max: usize) -> Result<Option<Vec<u8>>, SourceError> {
        match self {
            Source::Server { base, http, wait } => {
                get(http, &http::join(base, path), len_bytes_max, *wait)
            }
            Source::Directory(dir) => read_file(dir.join(path), len_bytes_max),
        }
    }
}

impl SourceError {
    /// How a command ends that needed the resource.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            SourceError::Http { .. } | SourceError::Status { .. } => Exit::Service,
            SourceError::File { .. } | SourceError::TooLong { .. } => Exit::File,
        }
    }
}

fn get(
    http: &Http,
    url: &str,
    len_bytes_max: usize,
    wait: fn(Duration),
) -> Result<Option<Vec<u8>>, SourceError> {
    let mut pause = FIRST_PAUSE;
    let mut tries = 0_u32;
    loop {
        tries = tries.saturating_add(1);
        let (again, error) = match http.send(&Request::get(url, len_bytes_max)) {
            Ok(answer) if answer.status == 200 => return Ok(Some(answer.body)),
            Ok(answer) if matches!(answer.status, 404 | 410) => return Ok(None),
            Ok(answer) => {
                let put_off = answer.retry_after().unwrap_or(pause).min(PAUSE_MAX);
                let again = answer.is_worth_another_try().then_some(put_off);
                let (url, message) = (url.to_owned(), answer.message());
                (again, SourceError::Status { url, message })
            }
            Err(error) => {
                let passing = matches!(error, HttpError::Unreachable(_) | HttpError::Lost(_));
                let url = url.to_owned();
                (passing.then_some(pause), SourceError::Http { url, error })
            }
        };
        match again {
            Some(pause) if tries < TRIES_MAX => wait(pause),
            _ => return Err(error),
        }
        pause = pause.saturating_mul(2);
    }
}

fn read_file(path: PathBuf, max: usize) -> Result<Option<Vec<u8>>, SourceError> {
    let file = match File::open(&path) {
        Ok(file) => file,
        // Where a part of the path is a file, there is no such resource, either.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(SourceError::File { path, error }),
    };
    let mut bytes = Vec::new();
    // One byte more than fits tells a longer file from one that just fits.
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    match file.take(limit).read_to_end(&mut bytes) {
        Err(error) => Err(SourceError::File { path, error }),
        Ok(_) if bytes.len() > max => Err(SourceError::TooLong { path, max }),
        Ok(_) => Ok(Some(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    static PAUSES: AtomicUsize = AtomicUsize::new(0);

    fn count_pause(_: Duration) {
        PAUSES.fetch_add(1, Ordering::Relaxed);
    }

    /// A server that answers each connection with the next of these.
    fn server(answers: &'static [&'static str]) -> Source {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let _read = stream.read(&mut request).unwrap();
                let head = format!("HTTP/1.1 {answer}");
                stream.write_all(head.as_bytes()).unwrap();
            }
        });
        Source::Server {
            base,
            http: Http::online(),
            wait: count_pause,
        }
    }

    const BUSY: &str = "503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    const GONE: &str = "404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    const HERE: &str = "200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nhere";
    const NEVER: &str = "403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";

    #[test]
    fn a_busy_server_is_asked_again_and_others_are_not() {
        let busy = server(&[BUSY, BUSY, HERE]);
        assert_eq!(busy.read("a", 10).unwrap().unwrap(), b"here");
        assert_eq!(PAUSES.load(Ordering::Relaxed), 2);
        assert_eq!(server(&[GONE]).read("a", 10).unwrap(), None);
        let refused = server(&[NEVER]).read("a", 10).unwrap_err();
        assert!(refused.to_string().contains("status 403: no"), "{refused}");
        let too_long = server(&[HERE]).read("a", 3).unwrap_err();
        assert_eq!(too_long.exit(), Exit::Service);
        let always = server(&[BUSY, BUSY, BUSY, BUSY, BUSY]).read("a", 10);
        assert!(always.unwrap_err().to_string().contains("status 503"));
    }

    #[test]
    fn a_directory_holds_the_same_paths() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("tile/0")).unwrap();
        std::fs::write(dir.path().join("tile/0/000"), b"12345").unwrap();
        let source = Source::new(dir.path().to_str().unwrap());
        assert_eq!(source.read("tile/0/000", 5).unwrap().unwrap(), b"12345");
        assert_eq!(source.read("tile/0/001", 5).unwrap(), None);
        assert_eq!(source.read("tile/0/000/001", 5).unwrap(), None);
        let refused = source.read("tile/0/000", 4).unwrap_err();
        assert_eq!(refused.exit(), Exit::File);
        assert!(
            refused.to_string().contains("more than 4 bytes"),
            "{refused}"
        );
        let refused = source.note().unwrap_err();
        assert_eq!(refused.exit(), Exit::File);
    }
}
