//! A real `cairnd`: the built program, a data directory for it, and the running server.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tiles::VerifierKey;

use crate::environment;
use crate::http::{Client, Response};
use crate::request::Signer;
use crate::wait::{WAIT_MAX, until};

/// The checkout.
#[must_use]
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("this crate lies in the workspace")
}

/// The program under test, built from this checkout in the profile of the tests. The build is
/// asked for once per test process, so that no old binary is ever tested.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match environment::text("CAIRN_CAIRND") {
        Some(path) => PathBuf::from(path),
        None => build("cairn-api", "--bin", "cairnd"),
    })
}

/// The client, built like the program under test.
pub fn client_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("cairn-client", "--bin", "cairn"))
}

/// The load tool, built like the program under test.
pub fn load_tool() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("cairn-bench", "--bin", "cairn-load"))
}

/// An example of one of our crates, built like the program under test.
#[must_use]
pub fn example(package: &str, name: &str) -> PathBuf {
    build(package, "--example", name)
}

/// `TARGET/PROFILE/deps/http-0123` is this process; the program belongs two directories up.
fn build(package: &str, kind: &str, program: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a process knows its program");
    let profile_dir = this.ancestors().nth(2).expect("tests run in target/*/deps");
    let target_dir = profile_dir.parent().expect("profiles are in target");
    let mut build = Command::new(environment::text("CARGO").unwrap_or("cargo".to_owned()));
    build.args(["build", "--quiet", "--package", package, kind, program]);
    build
        .arg("--manifest-path")
        .arg(workspace().join("Cargo.toml"));
    build.arg("--target-dir").arg(target_dir);
    if profile_dir.ends_with("release") {
        build.arg("--release");
    }
    let status = build.status().expect("cargo can be run");
    assert!(status.success(), "{program} does not build: {status}");
    let folder = match kind {
        "--example" => profile_dir.join("examples"),
        _ => profile_dir.to_owned(),
    };
    folder.join(program)
}

/// Runs `cairnd ARGS` to its end.
#[must_use]
pub fn run(args: &[&str]) -> Output {
    let output = Command::new(program()).args(args).output();
    output.expect("cairnd can be run")
}

/// What a finished program said, for messages of failed tests.
#[must_use]
pub fn said(output: &Output) -> String {
    let (stdout, stderr) = (&output.stdout, &output.stderr);
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(stdout),
        String::from_utf8_lossy(stderr)
    )
}

/// A data directory, removed with this.
#[derive(Debug)]
pub struct Data {
    dir: TempDir,
}

impl Data {
    /// What `cairnd init` makes.
    #[must_use]
    pub fn init(kind: &str, origin: &str) -> Self {
        Self::init_in(&std::env::temp_dir(), kind, origin)
    }

    /// The same in a directory within `parent`, which may be on a file system of its own.
    #[must_use]
    pub fn init_in(parent: &Path, kind: &str, origin: &str) -> Self {
        let dir = tempfile::tempdir_in(parent).expect("a temporary directory can be made");
        let data = Self { dir };
        data.done(&["init", "--kind", kind, "--origin", origin]);
        data
    }

    /// An empty directory.
    #[must_use]
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        Self { dir }
    }

    /// A copy of the directory `from`, as an operator restores a backup.
    #[must_use]
    pub fn copy_of(from: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let mut copy = Command::new("cp");
        let status = copy.arg("-a").arg(from.join(".")).arg(dir.path()).status();
        assert!(status.expect("cp can be run").success());
        Self { dir }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where the store of a log is.
    #[must_use]
    pub fn store(&self, log: &str) -> PathBuf {
        self.path().join("logs").join(log)
    }

    /// Runs `cairnd ARGS --dir D`.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Output {
        let dir = self
            .path()
            .to_str()
            .expect("temporary directories are text");
        run(&[args, &["--dir", dir]].concat())
    }

    /// As [`Data::run`], which must succeed; gives its stdout.
    #[expect(
        clippy::must_use_candidate,
        reason = "often it is enough that it succeeded"
    )]
    pub fn done(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        String::from_utf8(output.stdout).expect("cairnd writes text")
    }

    /// What `cairnd log add` makes.
    #[must_use]
    pub fn log(self, name: &str, kind: &str) -> Self {
        self.done(&["log", "add", name, "--kind", kind]);
        self
    }

    /// Gives a key of cairn.toml a value, in TOML, in place of the last commented line that shows
    /// it; so it is the setting of the newest log if logs have it.
    #[must_use]
    pub fn set(self, key: &str, value: &str) -> Self {
        let old = self.config();
        let shown = format!("\n#{key} = ");
        let at = old
            .rfind(&shown)
            .unwrap_or_else(|| panic!("no line shows {key}"));
        let end = old[at + 1..]
            .find('\n')
            .map_or(old.len(), |len| at + 1 + len);
        let mut new = old[..at].to_owned();
        write!(new, "\n{key} = {value}").expect("writing to memory does not fail");
        new.push_str(&old[end..]);
        self.write_config(&new);
        self
    }

    /// The text of cairn.toml.
    #[must_use]
    pub fn config(&self) -> String {
        fs::read_to_string(self.path().join("cairn.toml")).expect("init writes cairn.toml")
    }

    /// Writes cairn.toml.
    pub fn write_config(&self, text: &str) {
        fs::write(self.path().join("cairn.toml"), text).expect("the directory is ours");
    }

    /// The verifier key of a log, as `cairnd key` prints it.
    #[must_use]
    pub fn vkey(&self, log: &str) -> VerifierKey {
        let printed = self.done(&["key", "--log", log]);
        let line = printed.lines().next().expect("there is a key");
        let (name, vkey) = line.split_once(' ').expect("NAME VKEY");
        assert_eq!(name, log);
        VerifierKey::parse(vkey).expect("cairnd prints verifier keys")
    }

    /// Starts a server on any free port, without metrics.
    #[must_use]
    pub fn serve(&self) -> Server {
        self.serve_with(&["--metrics-listen", "off"])
    }

    /// Starts a server on any free port, with these arguments.
    #[must_use]
    pub fn serve_with(&self, args: &[&str]) -> Server {
        self.serve_in(args, &[])
    }

    /// The same, with these variables in its environment.
    #[must_use]
    pub fn serve_in(&self, args: &[&str], environment: &[(&str, &Path)]) -> Server {
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        Server::start(self.path(), &[&serve, args].concat(), environment)
    }

    /// Starts an instance of the dev profile, which makes the directory on its first start.
    #[must_use]
    pub fn up(&self) -> Server {
        self.up_in(&[])
    }

    /// The same, with these variables in its environment.
    #[must_use]
    pub fn up_in(&self, environment: &[(&str, &Path)]) -> Server {
        Server::start(self.path(), &["up"], environment)
    }

    /// What a second server on this directory says, which must end by itself and in failure.
    #[must_use]
    pub fn serve_refused(&self) -> String {
        let refused = self.run(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--metrics-listen",
            "off",
        ]);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        said(&refused)
    }

    /// Checks all logs with `cairnd fsck`.
    pub fn fsck(&self) {
        self.done(&["fsck"]);
    }
}

/// A running server, killed when dropped; its stderr is shown if the test fails.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
    address: SocketAddr,
    stdout: Mutex<Receiver<String>>,
    stderr: Arc<Mutex<String>>,
    /// Ends with the process.
    collecting: Option<JoinHandle<()>>,
}

impl Server {
    fn start(dir: &Path, args: &[&str], environment: &[(&str, &Path)]) -> Self {
        let mut command = Command::new(program());
        command.envs(environment.iter().copied());
        command
            .args(args)
            .arg("--dir")
            .arg(dir)
            .stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("cairnd can be run");
        let (sender, stdout) = channel();
        let pipe = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        thread::spawn(move || {
            // The test may have stopped listening.
            let send = |line| sender.send(line).is_ok();
            pipe.lines()
                .map_while(Result::ok)
                .take_while(|line| send(line.clone()))
                .count()
        });
        let stderr = Arc::new(Mutex::new(String::new()));
        let pipe = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
        let kept = Arc::clone(&stderr);
        let collecting = thread::spawn(move || {
            for line in pipe.lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let mut server = Self {
            child,
            url: String::new(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            stdout: Mutex::new(stdout),
            stderr,
            collecting: Some(collecting),
        };
        server.url = server.line("listening on ");
        let bound = server.url.split("://").nth(1).map(str::parse);
        server.address = bound.and_then(Result::ok).expect("cairnd prints its URL");
        server
    }

    /// What follows `prefix` on the next line of stdout that begins with it.
    #[must_use]
    pub fn line(&self, prefix: &str) -> String {
        let stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let line = stdout.recv_timeout(WAIT_MAX);
            let line = line.unwrap_or_else(|error| {
                panic!("waiting for {prefix:?}: {error}; stderr: {}", self.stderr())
            });
            if let Some(rest) = line.strip_prefix(prefix) {
                return rest.to_owned();
            }
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A new client of it.
    #[must_use]
    pub const fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Logs the signature of `signer` over `text` in the v2 log at the root.
    #[must_use]
    pub fn log_signature(&self, signer: &Signer, text: &str) -> Response {
        let body = signer.body(text);
        self.client().post("/api/v2/log/entries", body)
    }

    /// What it wrote to stderr so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        let kept = self.stderr.lock();
        kept.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has written `wanted` to stderr, which an answer may overtake.
    pub fn says(&self, wanted: &str) {
        until(wanted, || self.stderr().contains(wanted).then_some(()));
    }

    /// Memory that it holds now, in KiB, as the kernel counts it.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        let mut status = String::new();
        let path = format!("/proc/{}/status", self.pid());
        let mut file = fs::File::open(path).expect("the server runs");
        file.read_to_string(&mut status)
            .expect("the kernel writes text");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line
            .expect("a process has memory")
            .trim()
            .trim_end_matches(" kB");
        number.parse().expect("VmRSS is a number")
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the server is our child");
    }

    /// Stops it where it is; no thread of it runs any more when this returns.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
        until("the server stands still", || {
            let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).expect("it runs");
            let still = |task: io::Result<fs::DirEntry>| {
                let stat = task.and_then(|task| fs::read_to_string(task.path().join("stat")));
                // `PID (NAME) STATE ...`; a name may have anything in it.
                stat.is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|s| s.starts_with(" T")))
            };
            tasks.into_iter().all(still).then_some(())
        });
    }

    /// Lets it go on after [`Server::pause`].
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Ends it on the spot, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("the server is our child");
        self.child.wait().expect("the server is our child");
    }

    /// How it ended; waits for that.
    #[must_use]
    pub fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        until("the server ends", || {
            child.try_wait().expect("the server is our child")
        })
    }

    /// Asks it to stop and waits until it did, which must go well; gives all of its stderr.
    pub fn stop(mut self) -> String {
        self.terminate();
        let status = self.wait();
        if let Some(collecting) = self.collecting.take() {
            collecting.join().expect("collecting text does not fail");
        }
        assert!(status.success(), "{status}; stderr: {}", self.stderr());
        self.stderr()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            let text = self.stderr();
            let lines: Vec<&str> = text.lines().collect();
            let newest = &lines[lines.len().saturating_sub(30)..];
            eprintln!("the end of cairnd's stderr:\n{}", newest.join("\n"));
        }
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
