//! Finding and running the programs of others.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use cairn_tests::announce;
use cairn_tests::cairnd::{said, workspace};
use cairn_tests::environment::{text, tools};
use cairn_tests::wait::{WAIT_MAX, timed, until};

/// The program that scripts/peers.sh fetches under this name, if it did.
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    let path = tools().join("bin").join(name);
    if path.exists() {
        return Some(path);
    }
    announce(&format!(
        "SKIPPED: no {}; scripts/peers.sh fetches it",
        path.display()
    ));
    None
}

/// A Python with verify.py's only package, if there is one.
fn python() -> Option<String> {
    let candidates = [
        text("CAIRN_PYTHON"),
        Some("python3".into()),
        Some("/usr/bin/python3".into()),
    ];
    let has_package = |python: &String| {
        let mut command = Command::new(python);
        command
            .args(["-c", "import cryptography"])
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let found = candidates.into_iter().flatten().find(has_package);
    if found.is_none() {
        announce("SKIPPED: no python3 with `cryptography`; scripts/setup.sh installs it");
    }
    found
}

/// Runs verify.py; `None` if there is no Python for it.
pub(crate) fn verify(vkey: &str, log: &str, options: &[(&str, &Path)]) -> Option<Output> {
    let mut command = Command::new(python()?);
    command
        .arg(workspace().join("tests/independent/verify.py"))
        .args(["--vkey", vkey]);
    for (option, path) in options {
        command.arg(option).arg(path);
    }
    Some(command.arg(log).output().unwrap())
}

/// Checks that verify.py found everything right.
pub(crate) fn check_verified(vkey: &str, log: &str, options: &[(&str, &Path)]) {
    let Some(output) = verify(vkey, log, options) else {
        return;
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    let holds = stdout.trim_end().ends_with("all of it holds");
    assert!(output.status.success() && holds, "{}", said(&output));
}

/// Checks with the auditor of another log server that the log at `url` has this size and root hash,
/// if the auditor is there. It exits with 0 whatever it finds; what it says is what counts.
pub(crate) fn check_audited(vkey: &str, url: &str, size: u64, root_hash: &str) {
    let Some(program) = peer("tessera-fsck") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("vkey");
    std::fs::write(&key, vkey).unwrap();
    let stderr = dir.path().join("stderr");
    let mut command = Command::new(program);
    command
        .arg(format!("--storage_url={url}"))
        .arg(format!("--public_key={}", key.display()));
    // Its display needs a terminal, and with one worker it can hang on wrong bytes.
    command
        .args(["--ui=false", "-N", "4"])
        .stdout(Stdio::null());
    command.stderr(std::fs::File::create(&stderr).unwrap());
    let mut running = Running(command.spawn().unwrap());
    let ((), took) = timed(|| {
        until("the auditor ends", || {
            running.0.try_wait().unwrap().map(|_| ())
        });
    });
    assert!(took < WAIT_MAX);
    let found = std::fs::read_to_string(stderr).unwrap();
    let wanted = format!("Successfully fsck'd log with size {size} and root {root_hash} ");
    assert!(found.contains(&wanted), "no {wanted:?} in {found}");
}

/// A program that is killed when it is no longer needed.
#[derive(Debug)]
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}
