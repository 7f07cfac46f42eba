//! Backups: taken under load, restored elsewhere, and never mixed up with anything else.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cairn_tests::cairnd::{Data, said};
use cairn_tests::http::Request;
use tempfile::TempDir;

use crate::damaged_object::tiered;
use crate::history::History;
use crate::load::{Load, data};

/// A place for a backup that does not exist yet.
fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("backup");
    (dir, to)
}

fn back_up(data: &Data, to: &Path) -> String {
    data.done(&["backup", "--to", to.to_str().unwrap()])
}

/// The backup must be refused in these words, and leave `to` as it is.
#[track_caller]
fn check_refused(data: &Data, to: &Path, words: &str) {
    let listed = || {
        let entries = fs::read_dir(to).into_iter().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = listed();
    let refused = data.run(&["backup", "--to", to.to_str().unwrap()]);
    assert!(!refused.status.success(), "{}", said(&refused));
    assert!(said(&refused).contains(words), "{}", said(&refused));
    assert_eq!(listed(), before);
}

/// Every file below `dir` must be for its owner alone, if `private` says so of its name.
fn check_modes(dir: &Path, private: fn(&str) -> bool) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            count += check_modes(&entry.path(), private);
        } else if private(entry.file_name().to_str().unwrap()) {
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}: {mode:o}", entry.path().display());
            count += 1;
        }
    }
    count
}

#[test]
fn a_backup_under_load_has_all_that_was_acknowledged_before_it() {
    let data = data();
    let server = data.serve();
    let (_dir, to) = place();
    let mut known = History::default();
    let mut printed = String::new();
    Load::new(0).run(&data, &server, |load| {
        load.wait_for_more(150);
        back_up(&data, &to);
        Data::copy_of(&to).fsck();
        // A later one replaces it, while the load goes on.
        load.wait_for_more(500);
        known = load.so_far();
        printed = back_up(&data, &to);
        load.wait_for_more(100);
    });
    for words in ["rekor: ", "builds: ", "entries", "private keys"] {
        assert!(printed.contains(words), "{printed}");
    }
    server.kill();
    assert_eq!(fs::metadata(&to).unwrap().mode() & 0o777, 0o700);
    let is_key = |name: &str| ["rekor.pem", "builds.pem"].contains(&name);
    assert_eq!(check_modes(&to, is_key), 2);
    let beside = fs::read_dir(to.parent().unwrap()).unwrap();
    assert_eq!(beside.count(), 1, "nothing is left beside it");

    let restored = Data::copy_of(&to);
    known.check_reopened(&restored);
    // What was acknowledged keeps its index when it is sent again, and the log goes on.
    let server = restored.serve();
    let mut raw = known
        .acknowledged
        .iter()
        .filter(|entry| entry.log == "builds");
    let entry = raw.next().unwrap();
    let mut client = server.client();
    let again = client.post("/logs/builds/add", entry.entry.clone());
    assert_eq!(again.expect(200).text().trim(), entry.index.to_string());
    let more = Load::new(1).run(&restored, &server, |load| load.wait_for_more(100));
    server.stop();
    known.extend(more);
    known.check_reopened(&restored);
}

#[test]
fn a_stopped_log_is_backed_up_with_its_cold_store() {
    let (data, cold) = tiered();
    let (_dir, to) = place();
    back_up(&data, &to);
    let copied = to.join("logs/log/cold/tile/entries/001");
    assert_eq!(
        fs::read(&copied).unwrap(),
        fs::read(cold.join("tile/entries/001")).unwrap()
    );
    back_up(&data, &to);
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let original = cold.join("tile/entries/001");
    assert_eq!(inode(&copied), inode(&original), "linked, not copied");
    drop((data, cold));
    let restored = Data::copy_of(&to);
    restored.fsck();
    let server = restored.serve();
    let mut client = server.client();
    let answer = client.post("/logs/log/add", "entry 5").expect(200);
    assert_eq!(answer.text().trim(), "5");
    server.stop();
}

#[test]
fn a_backup_that_would_not_open_is_not_finished() {
    let (data, cold) = tiered();
    let (dir, to) = place();
    back_up(&data, &to);
    let whole = fs::read(to.join("BACKUP")).unwrap();
    // Later the newest object of the cold store is lost.
    fs::remove_file(cold.join("tile/entries/002")).unwrap();
    check_refused(&data, &to, "tile/entries/002");
    assert_eq!(fs::read(to.join("BACKUP")).unwrap(), whole);
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        1,
        "nothing is left"
    );
    Data::copy_of(&to).fsck();
}

#[test]
fn a_running_server_makes_one_snapshot_at_a_time_and_clears_it_away() {
    let data = Data::init("raw", "log.example.org");
    let server = data.serve();
    let request = Request::post("/logs/log/add?wait=published", "entry");
    server.client().send(&request).expect(200);
    let socket = fs::metadata(data.path().join("admin.sock")).unwrap();
    assert_eq!(socket.mode() & 0o777, 0o600);
    let (_dir, to) = place();
    back_up(&data, &to);
    let snapshot = data.store("log").join("snapshot");
    cairn_tests::wait::until("the snapshot goes", || (!snapshot.exists()).then_some(()));
    server.stop();
    assert!(!data.path().join("admin.sock").exists());
    // What a killed server left is cleared by the next.
    fs::create_dir(&snapshot).unwrap();
    let server = data.serve();
    assert!(!snapshot.exists());
    server.stop();
}

#[test]
fn nothing_but_an_older_backup_of_the_same_logs_is_replaced() {
    let around = tempfile::tempdir().unwrap();
    let data = Data::init_in(around.path(), "raw", "log.example.org");
    let (dir, to) = place();
    check_refused(&data, data.path(), "the data directory");
    check_refused(&data, &data.path().join("backup"), "the data directory");
    check_refused(&data, around.path(), "the data directory");

    fs::create_dir(&to).unwrap();
    fs::write(to.join("thesis.txt"), "the only copy").unwrap();
    check_refused(&data, &to, "not a backup");
    fs::remove_file(to.join("thesis.txt")).unwrap();
    back_up(&data, &to);

    let other = Data::init("raw", "log.example.org");
    check_refused(&other, &to, "another log");

    // An old copy does not replace what is newer.
    let old = Data::copy_of(&to);
    let server = data.serve();
    let request = Request::post("/logs/log/add?wait=published", "entry");
    server.client().send(&request).expect(200);
    back_up(&data, &to);
    server.stop();
    check_refused(&old, &to, "old copy");

    // Once served it is a data directory, and no backup any more.
    let restored = dir.path().join("restored");
    fs::rename(&to, &restored).unwrap();
    fs::write(restored.join("lock"), "").unwrap();
    check_refused(&data, &restored, "not a backup");
}

#[test]
fn what_a_crash_left_of_a_backup_is_not_taken_for_one() {
    let data = Data::init("raw", "log.example.org");
    let (dir, to) = place();
    let [unfinished, earlier] =
        ["unfinished", "earlier"].map(|end| dir.path().join(format!("backup.{end}")));
    back_up(&data, &to);
    // While it gathered.
    let cut_short = || {
        fs::create_dir(&unfinished).unwrap();
        fs::write(unfinished.join("BACKUP"), "cairn backup, unfinished\n").unwrap();
        fs::write(unfinished.join("half"), "a file").unwrap();
    };
    cut_short();
    back_up(&data, &to);
    // Between the renames: the earlier one is the backup.
    cut_short();
    fs::rename(&to, &earlier).unwrap();
    back_up(&data, &to);
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1);
    Data::copy_of(&to).fsck();
    // Somebody else's directory of that name.
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("thesis.txt"), "the only copy").unwrap();
    check_refused(&data, &to, "in the way");
    assert!(unfinished.join("thesis.txt").exists());
}
