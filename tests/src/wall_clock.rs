//! A wall clock that tests set: a library, preloaded into the programs that go by it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cairnd::{Data, Server, program, said, workspace};

/// A wall clock that can be set, for the servers that [`Self::serve`] starts.
#[derive(Debug)]
pub struct WallClock {
    /// How many milliseconds it is ahead.
    offset: PathBuf,
    library: PathBuf,
}

impl WallClock {
    /// A clock that is right, with its files in `dir`.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        let (offset, library) = (dir.join("offset"), dir.join("clock_offset.so"));
        let source = workspace().join("tests/crash/clock_offset.c");
        let mut compile = Command::new("cc");
        compile.args(["-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o"]);
        let compiled = compile.args([&library, &source]).output();
        let compiled = compiled.expect("whoever builds RocksDB has a C compiler");
        assert!(compiled.status.success(), "{}", said(&compiled));
        let clock = Self { offset, library };
        clock.set_ahead(0);
        clock
    }

    /// Puts it that many milliseconds ahead, or behind.
    pub fn set_ahead(&self, millis: i64) {
        // In place: servers have the file mapped.
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(false);
        let file = file.open(&self.offset).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &millis.to_le_bytes(), 0).unwrap();
    }

    /// Starts a server by this clock.
    #[must_use]
    pub fn serve(&self, data: &Data) -> Server {
        data.serve_in(&["--metrics-listen", "off"], &self.environment())
    }

    /// Starts an instance of the dev profile by this clock.
    #[must_use]
    pub fn up(&self, data: &Data) -> Server {
        data.up_in(&self.environment())
    }

    /// Runs `cairnd ARGS` by this clock to its end, which must be good.
    pub fn done(&self, args: &[&str]) {
        let mut command = Command::new(program());
        let output = command.envs(self.environment()).args(args).output();
        let output = output.expect("cairnd can be run");
        assert!(output.status.success(), "{args:?}: {}", said(&output));
    }

    fn environment(&self) -> [(&'static str, &Path); 2] {
        [
            ("LD_PRELOAD", &self.library),
            ("CAIRN_TESTS_CLOCK_OFFSET", &self.offset),
        ]
    }
}
