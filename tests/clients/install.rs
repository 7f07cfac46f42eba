//! Installing clients of others from their registries, each version once, below the folder of the
//! tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cairn_tests::announce;
use cairn_tests::cairnd::said;
use cairn_tests::environment::{text, tools};

/// Why a client is skipped: what it would be fetched from does not answer.
#[derive(Debug)]
pub(crate) struct Silent(pub(crate) String);

impl std::fmt::Display for Silent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where packages are published.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Registry {
    PyPi,
    Npm,
    Go,
    Crates,
    Maven,
}

impl Registry {
    const fn name(self) -> &'static str {
        match self {
            Self::PyPi => "the registry of Python packages",
            Self::Npm => "the registry of Node packages",
            Self::Go => "the proxy of Go modules",
            Self::Crates => "the registry of crates",
            Self::Maven => "the repository of Maven packages",
        }
    }

    /// Asks for something small that it always has, by its own tool: that knows where packages come
    /// from on this machine.
    fn question(self) -> Command {
        let (program, args): (_, &[&str]) = match self {
            Self::PyPi => ("python3", &["-m", "pip", "index", "versions", "pip"]),
            Self::Npm => ("npm", &["view", "npm", "version"]),
            Self::Go => ("go", &["list", "-m", "golang.org/x/text@latest"]),
            Self::Crates => ("cargo", &["info", "--quiet", "serde@1"]),
            Self::Maven => {
                let goal = "dependency:get";
                let what = "-Dartifact=junit:junit:4.13.2:pom";
                // Nothing that was fetched before counts.
                let anew = "-Dmaven.repo.local=repository";
                ("mvn", &["--quiet", "--batch-mode", anew, goal, what])
            }
        };
        let mut command = Command::new(program);
        command.args(args);
        command
    }

    /// Whether it says anything at all.
    pub(crate) fn answers(self) -> bool {
        let nowhere = tempfile::tempdir().unwrap();
        let mut question = self.question();
        question.current_dir(nowhere.path()).stdin(Stdio::null());
        question
            .output()
            .is_ok_and(|output| output.status.success())
    }
}

/// The folder of a client that `install` fills, a new one, with the commands that it gives. It
/// counts once all of them have succeeded.
pub(crate) fn installed(
    name: &str,
    registry: Registry,
    install: impl FnOnce(&Path) -> Vec<Command>,
) -> Result<PathBuf, Silent> {
    let folder = tools().join(name);
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(folder);
    }
    announce(&format!("installing {name}"));
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    for mut command in install(&folder) {
        let output = command.stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{command:?} can't be run: {error}"));
        if output.status.success() {
            continue;
        }
        if !registry.answers() {
            return Err(Silent(format!("{} does not answer", registry.name())));
        }
        panic!("{command:?}: {}", said(&output));
    }
    fs::write(complete, "").unwrap();
    Ok(folder)
}

/// A Python environment with these packages.
pub(crate) fn python(name: &str, packages: &[&str]) -> Result<PathBuf, Silent> {
    installed(name, Registry::PyPi, |folder| {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(folder);
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"])
            .args(packages);
        vec![make, pip]
    })
}

/// A folder of Node packages. None of their install scripts is run: these need none.
pub(crate) fn node(name: &str, packages: &[&str]) -> Result<PathBuf, Silent> {
    installed(name, Registry::Npm, |folder| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
            .arg("--prefix")
            .arg(folder)
            .args(packages);
        vec![npm]
    })
}

/// Where a program is that clients need to run at all.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = text("PATH").unwrap_or_default();
    let mut candidates = path.split(':').map(|folder| Path::new(folder).join(name));
    let found = candidates.find(|candidate| candidate.is_file());
    found.unwrap_or_else(|| panic!("there is no {name} in PATH"))
}
