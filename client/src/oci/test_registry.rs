//! A registry in this process, for tests: it keeps what it is given, and lies where it is told to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use sigstore::image::{Descriptor, ImageDigest, ImageReference, Index, Manifest};

use super::registry::{Access, Registry};
use crate::http::Http;

/// What it keeps, and how it behaves.
#[derive(Default)]
pub(crate) struct State {
    /// By tag or digest.
    pub(crate) manifests: BTreeMap<String, Vec<u8>>,
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// Whether it lists what refers to an image.
    pub(crate) has_referrers: bool,
    /// What it answers to paths whatever it keeps: status, headers and body.
    pub(crate) answers: BTreeMap<String, (u16, String, Vec<u8>)>,
    /// The header by which it asks for a token, and the one that it then wants.
    pub(crate) challenge: Option<(String, String)>,
    /// Every request: method, path, and the header `Authorization`.
    pub(crate) seen: Vec<(String, String, Option<String>)>,
}

pub(crate) struct TestRegistry {
    pub(crate) address: String,
    pub(crate) state: Arc<Mutex<State>>,
    server: Option<JoinHandle<()>>,
}

impl TestRegistry {
    pub(crate) fn start() -> TestRegistry {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let kept = Arc::clone(&state);
        let server = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if serve(connection.unwrap(), &kept).is_none() {
                    return;
                }
            }
        });
        TestRegistry {
            address,
            state,
            server: Some(server),
        }
    }

    /// The repository `app`.
    pub(crate) fn repository<'a>(&self, target: &str, http: &'a Http) -> Registry<'a> {
        let image = ImageReference::parse(&format!("{}/app{target}", self.address)).unwrap();
        Registry::of(&image, Access::Push, false, http).unwrap()
    }

    pub(crate) fn put_manifest(&self, reference: &str, bytes: &[u8]) -> ImageDigest {
        let digest = ImageDigest::of(bytes);
        let mut state = self.state.lock().unwrap();
        for name in [reference, &digest.to_string()] {
            state.manifests.insert(name.to_owned(), bytes.to_vec());
        }
        digest
    }

    pub(crate) fn put_blob(&self, media_type: &str, bytes: &[u8]) -> Descriptor {
        let blob = Descriptor::of(media_type, bytes);
        let mut state = self.state.lock().unwrap();
        state.blobs.insert(blob.digest.to_string(), bytes.to_vec());
        blob
    }

    pub(crate) fn answer(&self, path: &str, status: u16, headers: &str, body: &[u8]) {
        let answer = (status, headers.to_owned(), body.to_vec());
        let mut state = self.state.lock().unwrap();
        state.answers.insert(path.to_owned(), answer);
    }

    pub(crate) fn seen(&self) -> Vec<(String, String, Option<String>)> {
        self.state.lock().unwrap().seen.clone()
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        let stopped = TcpStream::connect(&self.address).map(|mut s| s.write_all(b"STOP\r\n\r\n"));
        if stopped.is_ok()
            && let Some(server) = self.server.take()
        {
            let _panicked = server.join();
        }
    }
}

/// Answers one request; `None` to the one that says stop.
fn serve(connection: TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut first = lines.first()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |wanted: &str| {
        let mut pairs = lines.iter().filter_map(|line| line.split_once(": "));
        let found = pairs.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.to_owned())
    };
    let len = header("content-length").map_or(0, |len| len.parse().unwrap());
    let mut body = vec![0; len];
    reader.read_exact(&mut body).unwrap();
    let mut state = state.lock().unwrap();
    let who = header("authorization");
    let seen = (method.clone(), path.clone(), who.clone());
    state.seen.push(seen);
    let (status, headers, answer) = state.answer(&method, &path, who.as_deref(), body);
    let head = format!(
        "HTTP/1.1 {status} said\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    let mut connection = connection;
    // Whoever reads no further has seen enough.
    let _gone = connection
        .write_all(head.as_bytes())
        .and_then(|()| connection.write_all(&answer));
    Some(())
}

type Said = (u16, String, Vec<u8>);

impl State {
    fn answer(&mut self, method: &str, path: &str, who: Option<&str>, body: Vec<u8>) -> Said {
        let plain = |status| (status, String::new(), Vec::new());
        if let Some(answer) = self.answers.get(path) {
            return answer.clone();
        }
        if let Some((challenge, wanted)) = &self.challenge
            && who != Some(wanted)
        {
            return (
                401,
                format!("www-authenticate: {challenge}\r\n"),
                Vec::new(),
            );
        }
        let Some(path) = path.strip_prefix("/v2/app/") else {
            return plain(404);
        };
        let (kind, name) = path.split_once('/').unwrap();
        match (method, kind) {
            ("GET", "manifests") => found(self.manifests.get(name)),
            ("GET", "blobs") => found(self.blobs.get(name)),
            ("GET", "referrers") if self.has_referrers => {
                (200, String::new(), self.referrers(name).encode())
            }
            ("POST", "blobs") => (
                202,
                "location: /v2/app/blobs/one?two\r\n".into(),
                Vec::new(),
            ),
            ("PUT", "blobs") => {
                let digest = name.split_once("&digest=").unwrap().1;
                assert_eq!(digest, ImageDigest::of(&body).to_string());
                self.blobs.insert(digest.to_owned(), body);
                plain(201)
            }
            ("PUT", "manifests") => {
                let subject = Manifest::parse(&body).ok().and_then(|m| m.subject);
                let digest = ImageDigest::of(&body).to_string();
                self.manifests.insert(digest, body.clone());
                self.manifests.insert(name.to_owned(), body);
                match subject.filter(|_| self.has_referrers) {
                    Some(s) => (201, format!("oci-subject: {}\r\n", s.digest), Vec::new()),
                    None => plain(201),
                }
            }
            _ => plain(404),
        }
    }

    fn referrers(&self, image: &str) -> Index {
        let manifests = self.manifests.values().filter_map(|bytes| {
            let manifest = Manifest::parse(bytes).ok()?;
            let subject = manifest.subject?.digest.to_string();
            let mut entry = Descriptor::of(Manifest::MEDIA_TYPE, bytes);
            // As one that is widely used in tests has it.
            entry.artifact_type = Some(manifest.config.media_type);
            (subject == image).then_some(entry)
        });
        let mut manifests: Vec<_> = manifests.collect();
        manifests.dedup();
        Index {
            manifests,
            annotations: BTreeMap::new(),
        }
    }
}

fn found(bytes: Option<&Vec<u8>>) -> Said {
    match bytes {
        Some(bytes) => (200, String::new(), bytes.clone()),
        None => (404, String::new(), b"{\"errors\":[]}".to_vec()),
    }
}
