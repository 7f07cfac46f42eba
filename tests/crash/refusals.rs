//! Settings and commands that are wrong: refused with file, line, key and the fix, before anything
//! is made or changed.

use std::fs;

use cairn_tests::cairnd::{Data, run, said};

/// `cairnd serve` with a line of cairn.toml replaced says all of `wanted`, and where the line is.
fn check(old: &str, new: &str, wanted: &[&str]) {
    let data = Data::init("rekor-v2", "log.example.org");
    let text = data.config().replacen(old, new, 1);
    assert!(text.contains(new), "no line is {old:?}");
    data.write_config(&text);
    let refused = data.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(2), "{new}: {}", said(&refused));
    let line = 1 + text[..text.find(new).unwrap()].matches('\n').count();
    let path = data.path().join("cairn.toml");
    let place = format!("{}:{line}: ", path.display());
    let stderr = String::from_utf8(refused.stderr).unwrap();
    for wanted in wanted.iter().copied().chain([place.as_str()]) {
        assert!(stderr.contains(wanted), "{new}: no {wanted:?} in {stderr}");
    }
}

#[test]
fn wrong_settings_name_file_line_key_and_fix() {
    let listen = "listen = \"127.0.0.1:3000\"";
    check(
        listen,
        "listen = \"localhost\"",
        &["key `listen`", "\"localhost\""],
    );
    check(listen, "listen = 3000", &["key `listen`", "3000"]);
    check(
        listen,
        "lisen = \"127.0.0.1:1\"",
        &["key `lisen`", "unknown key", "listen"],
    );
    check(listen, "listen = ", &["key `listen`"]);
    check(
        "#connections_max = 4096",
        "connections_max = 0",
        &["key `limits.connections_max`", "0"],
    );
    check(
        "#batch_age_ms = 50",
        "batch_age_ms = \"50\"",
        &["key `log.batch_age_ms`"],
    );
    check(
        "#duplicates = \"existing\"",
        "duplicates = \"drop\"",
        &["`log.duplicates`", "conflict"],
    );
    check(
        "kind = \"rekor-v2\"",
        "kind = \"rekor\"",
        &["key `log.kind`", "rekor-v2"],
    );
    check(
        "origin = \"log.example.org\"",
        "origin = \"log:80\"",
        &["`log.origin`", "port"],
    );
    check("name = \"rekor\"", "name = \"../x\"", &["key `log.name`"]);
}

#[test]
fn serve_never_makes_a_log() {
    let empty = tempfile::tempdir().unwrap();
    let dir = empty.path().to_str().unwrap();
    let refused = run(&["serve", "--dir", dir]);
    assert!(!refused.status.success());
    assert!(said(&refused).contains("cairnd init"), "{}", said(&refused));
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);

    let data = Data::init("raw", "log.example.org").log("second", "raw");
    fs::remove_dir_all(data.store("log")).unwrap();
    let server = data.serve();
    assert_eq!(server.line("log log "), "raw log.example.org failed");
    server.client().post("/logs/second/add", "x").expect(200);
    assert!(!data.store("log").exists());
}

#[test]
fn init_touches_nothing_that_is_there() {
    let data = Data::init("raw", "log.example.org");
    let before = data.config();
    let refused = data.run(&["init", "--origin", "other.example.org"]);
    assert!(!refused.status.success());
    assert!(
        said(&refused).contains("exists already"),
        "{}",
        said(&refused)
    );
    assert_eq!(data.config(), before);
    for origin in [
        "log.example.org:3000",
        "log.example.org/x",
        "a b",
        "a+b",
        "https://x",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let new = dir.path().join("new");
        let refused = run(&["init", "--dir", new.to_str().unwrap(), "--origin", origin]);
        assert_eq!(
            refused.status.code(),
            Some(2),
            "{origin}: {}",
            said(&refused)
        );
        assert!(!new.exists(), "{origin}");
    }
}

#[test]
fn keys_are_for_their_owner_alone() {
    let data = Data::init("raw", "log.example.org");
    let key = fs::metadata(data.path().join("keys/log.pem")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&key.permissions());
    assert_eq!(mode & 0o777, 0o600);
}

/// Serves a log after `change`; the log is refused, naming `what` differs from its store.
fn check_other_log(what: &str, change: impl FnOnce(&Data)) {
    let data = Data::init("raw", "log.example.org");
    change(&data);
    let server = data.serve();
    assert!(server.line("log log ").ends_with(" failed"), "{what}");
    server.says(what);
}

#[test]
fn another_key_or_origin_than_the_stores_is_refused() {
    check_other_log("origin", |data| {
        let text = data.config();
        data.write_config(&text.replace("\"log.example.org\"", "\"other.example.org\""));
    });
    check_other_log("log id", |data| {
        let other = Data::init("raw", "log.example.org");
        let key = "keys/log.pem";
        fs::copy(other.path().join(key), data.path().join(key)).unwrap();
    });
}
