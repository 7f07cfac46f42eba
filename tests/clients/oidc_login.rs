//! A login at a provider of identities that nobody here wrote, npm's `oidc-provider` with its own
//! pages: cosign sends somebody there, gets a token, a certificate for it, and signs.
//!
//! The browser is chromium without a window, which scripts/peers.sh fetches; a program types.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cairn_tests::cairnd::{said, workspace};

use crate::client::check_refused;
use crate::install::{Silent, node, program};
use crate::peers::{Running, peer};
use crate::run::Run;
use crate::scene::{Scene, done, run};

const VERSION: &str = "9.13.3";
const PLAYWRIGHT_VERSION: &str = "1.65.1";
const IDENTITY: &str = "zoe@example.com";

fn driver(name: &str) -> PathBuf {
    workspace().join("tests/clients/drivers").join(name)
}

/// Starts the provider; gives its issuer URL too.
fn provider(packages: &Path) -> (Running, String) {
    let mut command = Command::new(program("node"));
    command.arg(driver("provider.mjs")).arg(packages);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = Running(command.stderr(Stdio::null()).spawn().unwrap());
    let mut line = String::new();
    let mut stdout = BufReader::new(running.0.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    // It ends when nobody reads what it says.
    running.0.stdout = Some(stdout.into_inner());
    let issuer = line.trim_end().strip_prefix("issuer ");
    let issuer = issuer.expect("it says where it listens").to_owned();
    (running, issuer)
}

/// What cosign starts to show somebody a page. Like a real one it does not wait for its end.
fn write_browser(scene: &Scene, packages: &Path, chromium: &Path) -> String {
    let folder = scene.path("bin");
    fs::create_dir(&folder).unwrap();
    let path = scene.path("bin/xdg-open");
    let node = program("node");
    let text = format!(
        "#!/bin/sh\nIDENTITY={IDENTITY} {} {} {} {} \"$1\" > browser.log 2>&1 &\n",
        node.display(),
        driver("browser.mjs").display(),
        packages.display(),
        chromium.display(),
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn verify(scene: &Scene, cosign: &Path, identity: &str, issuer: &str) -> Output {
    let trust = ["--trusted-root", "trust/trusted_root.json"];
    let who = [
        "--certificate-identity",
        identity,
        "--certificate-oidc-issuer",
        issuer,
    ];
    let verify = ["verify-blob", "--bundle", "bundle", "artifact"];
    let mut command = scene.command(cosign);
    run(&mut command, &[&verify[..], &trust, &who].concat())
}

#[test]
fn somebody_logs_in_and_signs() {
    let mut run = Run::begin("oidc-provider", "login with chromium and cosign");
    let provider_package = format!("oidc-provider@{VERSION}");
    let browser_package = format!("playwright-core@{PLAYWRIGHT_VERSION}");
    let packages = match node(
        &format!("oidc-provider-{VERSION}-playwright-{PLAYWRIGHT_VERSION}"),
        &[&provider_package, &browser_package],
    ) {
        Ok(folder) => folder,
        Err(silent) => return run.skip(&silent),
    };
    run.is_of_version(VERSION.to_owned());
    let (Some(cosign), Some(chromium)) = (peer("cosign"), peer("chromium")) else {
        let why = "scripts/peers.sh could not fetch cosign or chromium";
        return run.skip(&Silent(why.into()));
    };
    let (_running, issuer) = provider(&packages);
    let scene = Scene::with_issuer(&issuer);
    let browser = write_browser(&scene, &packages, &chromium);
    let mut sign = scene.command(&cosign);
    sign.env("PATH", format!("{browser}:/usr/bin:/bin"));
    let services = [
        "--signing-config",
        "trust/signing_config.v0.2.json",
        "--trusted-root",
        "trust/trusted_root.json",
    ];
    let flow = ["sign-blob", "--yes", "--fulcio-auth-flow", "normal"];
    let what = ["--bundle", "bundle", "artifact"];
    done(&mut sign, &[&flow[..], &services, &what].concat());

    let verified = verify(&scene, &cosign, IDENTITY, &issuer);
    assert!(verified.status.success(), "{}", said(&verified));
    let other = verify(&scene, &cosign, "eve@example.com", &issuer);
    check_refused(&other, "expected SAN value \"eve@example.com\"");
}
