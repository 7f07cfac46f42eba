//! A plain file server, as somebody who mirrors a log would run one: `GET` of a path is the file of
//! that name, or 404.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A directory served over HTTP until this is dropped.
#[derive(Debug)]
pub struct FileServer {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl FileServer {
    /// Serves `dir` on any free port.
    #[must_use]
    pub fn start(dir: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let stopped = Arc::new(AtomicBool::new(false));
        let (dir, told) = (dir.to_owned(), Arc::clone(&stopped));
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                let dir = dir.clone();
                // Whoever asked may be gone before the answer.
                thread::spawn(move || stream.and_then(|stream| answer(&dir, stream)).ok());
            }
        });
        Self {
            address,
            stopped,
            accepting: Some(accepting),
        }
    }

    /// Its base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // One last connection, so that the loop looks.
        let _woken = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ended = accepting.join();
        }
    }
}

/// Answers one request and closes.
fn answer(dir: &Path, stream: TcpStream) -> io::Result<()> {
    let mut request = BufReader::new(stream);
    let mut first = String::new();
    request.read_line(&mut first)?;
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if request.read_line(&mut line)? == 0 {
            return Ok(());
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let file = file_of(dir, path).and_then(|path| fs::read(path).ok());
    let (status, body) = match file {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    let len = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n");
    let stream = request.get_mut();
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// The file that a path names, below `dir`.
fn file_of(dir: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path.trim_start_matches('/'));
    let is_below = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    is_below.then(|| dir.join(path))
}
