//! python-tuf on trust repositories through their years: renewed, extended, with all keys replaced
//! twice, expired, tampered with, and older than what a client has seen.

use std::process::Command;

use cairn_tests::cairnd::{example, said, workspace};
use engine::{Clock as _, SystemClock};

use crate::install::python;
use crate::run::Run;

const VERSION: &str = "7.0.1";

#[test]
fn follows_a_repository_through_its_years() {
    let mut run = Run::begin("python-tuf", "an expiry and two rotations");
    let name = format!("python-tuf-{VERSION}");
    // The second reads the files that the repository lists.
    let packages = [&format!("tuf=={VERSION}"), "sigstore==4.5.1"];
    let folder = match python(&name, &packages) {
        Ok(folder) => folder,
        Err(silent) => return run.skip(&silent),
    };
    run.is_of_version(VERSION.to_owned());
    let years = tempfile::tempdir().unwrap();
    let now = (SystemClock::new().now().get() / 1000).to_string();
    let mut write = Command::new(example("cairn-ca", "trust_years"));
    let written = write.arg(years.path()).arg(now).output().unwrap();
    assert!(written.status.success(), "{}", said(&written));
    let mut walk = Command::new(folder.join("bin/python"));
    walk.arg(workspace().join("tests/independent/tuf_client.py"))
        .arg(years.path());
    let walked = walk.output().unwrap();
    let text = said(&walked);
    assert!(
        walked.status.success() && text.contains("all of it holds"),
        "{text}"
    );
}
