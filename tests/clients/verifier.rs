//! verify.py, which shares no code with us: it must agree with a right log and name every planted
//! mistake.

use std::fs;
use std::path::{Path, PathBuf};

use cairn_tests::cairnd::{Data, said};
use cairn_tests::http::Request;
use cairn_tests::remote::RemoteLog;
use cairn_tests::request::Signer;

use crate::peers::{check_audited, check_verified, verify};

/// `base64` of the root hash of the newest checkpoint, and its size.
pub(crate) fn head(log: &RemoteLog) -> (u64, String) {
    let head = log.checkpoint();
    (head.size().get(), head.root_hash().to_string())
}

/// One raw batch of entries `begin..begin + count`.
pub(crate) fn raw_batch(path: &str, begin: u32, count: u32) -> Request {
    let mut body = Vec::new();
    for n in begin..begin + count {
        tiles::append_entry(&mut body, format!("entry {n}").as_bytes()).unwrap();
    }
    Request::post(&format!("{path}?wait=published"), body)
}

#[test]
fn a_growing_log_verifies_with_its_answers_and_earlier_checkpoints() {
    let data = Data::init("rekor-v2", "log.example.org");
    let server = data.serve();
    let vkey = data.vkey("rekor").to_string();
    let dir = tempfile::tempdir().unwrap();
    let signer = Signer::new(7);
    let store = |name: String, bytes: &[u8]| -> PathBuf {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let (mut answers, mut checkpoints) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        // The log grows while it is verified.
        let growing = scope.spawn(|| {
            for n in 0..150 {
                server
                    .log_signature(&signer, &format!("while verified {n}"))
                    .expect(201);
            }
        });
        for n in 0..4 {
            let answer = server
                .log_signature(&signer, &format!("file {n}"))
                .expect(201);
            answers.push(store(format!("answer-{n}"), &answer.body));
            let checkpoint = server.client().get("/checkpoint").body;
            checkpoints.push(store(format!("checkpoint-{n}"), &checkpoint));
            let mut options: Vec<(&str, &Path)> = Vec::new();
            options.extend(
                answers
                    .iter()
                    .map(|path| ("--entry-response", path.as_path())),
            );
            options.extend(checkpoints.iter().map(|path| ("--earlier", path.as_path())));
            for root in ["/", "/logs/rekor/", "/api/v2/"] {
                check_verified(&vkey, &format!("{}{root}", server.url()), &options);
            }
        }
        growing.join().unwrap();
    });
    let log = RemoteLog::new(server.client(), "rekor", data.vkey("rekor"));
    let (size, root_hash) = head(&log);
    check_audited(
        &vkey,
        &format!("{}/logs/rekor/", server.url()),
        size,
        &root_hash,
    );
}

#[test]
fn logs_of_many_sizes_verify() {
    let data = Data::init("raw", "log.example.org/builds");
    let server = data.serve();
    let vkey = data.vkey("log").to_string();
    let url = format!("{}/logs/log", server.url());
    let log = RemoteLog::new(server.client(), "log", data.vkey("log"));
    check_verified(&vkey, &url, &[]);
    let mut size = 0;
    for next in [1, 2, 255, 256, 257, 513] {
        let request = raw_batch("/logs/log/add-batch", size, next - size);
        server.client().send(&request).expect(200);
        size = next;
        check_verified(&vkey, &url, &[]);
        let (found, root_hash) = head(&log);
        assert_eq!(found, u64::from(size));
        check_audited(&vkey, &url, found, &root_hash);
    }
}

/// What is done to a file of a published log.
type Plant<'a> = &'a dyn Fn(&Path);

/// Flips one bit in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn planted_corruptions_are_found() {
    let data = Data::init("raw", "log.example.org");
    let server = data.serve();
    server
        .client()
        .send(&raw_batch("/logs/log/add-batch", 0, 300))
        .expect(200);
    let earlier_dir = tempfile::tempdir().unwrap();
    let earlier = earlier_dir.path().join("checkpoint");
    fs::write(&earlier, server.client().get("/logs/log/checkpoint").body).unwrap();
    server
        .client()
        .send(&raw_batch("/logs/log/add-batch", 300, 300))
        .expect(200);
    server.stop();
    let vkey = data.vkey("log").to_string();
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    let shorten = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 32]).unwrap();
    };
    let replay = |path: &Path| {
        fs::copy(&earlier, path).unwrap();
    };
    let plants: [(&str, &str, Plant<'_>); 8] = [
        ("an entry", "tile/entries/000", &flip),
        (
            "an entry of a partial bundle",
            "tile/entries/002.p/88",
            &flip,
        ),
        ("a leaf", "tile/0/001", &flip),
        ("a node of a partial tile", "tile/1/000.p/2", &flip),
        ("a tile that is missing", "tile/0/002.p/88", &remove),
        ("a tile that is too short", "tile/0/000", &shorten),
        ("a signature or root hash", "checkpoint", &flip),
        ("an older checkpoint", "checkpoint", &replay),
    ];
    for (what, path, plant) in plants {
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("copy");
        data.done(&["export", "--to", copy.to_str().unwrap()]);
        let newest = dir.path().join("newest");
        fs::copy(copy.join("checkpoint"), &newest).unwrap();
        let copy_text = copy.to_str().unwrap();
        let options = [
            ("--earlier", earlier.as_path()),
            ("--earlier", newest.as_path()),
        ];
        check_verified(&vkey, copy_text, &options);
        plant(&copy.join(path));
        let Some(output) = verify(&vkey, copy_text, &options) else {
            return;
        };
        assert_eq!(output.status.code(), Some(1), "{what}: {}", said(&output));
        assert!(
            said(&output).contains("FAILED"),
            "{what}: {}",
            said(&output)
        );
    }
}
