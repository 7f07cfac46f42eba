//! What a process has used, as the kernel counts it, and what a directory takes on disk.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// A process that is measured.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pid: u32,
}

impl Process {
    /// The one with that id, which must be there.
    pub fn new(pid: u32) -> anyhow::Result<Self> {
        let process = Self { pid };
        process.cpu_time()?;
        Ok(process)
    }

    /// This process.
    #[must_use]
    pub fn own() -> Self {
        let pid = std::process::id();
        Self { pid }
    }

    /// CPU time of all its threads so far, in user space and in the kernel. Exact to a tick, which
    /// is 10 ms nearly everywhere.
    pub fn cpu_time(self) -> anyhow::Result<Duration> {
        let stat = self.read("stat")?;
        let ticks = cpu_ticks(&stat).with_context(|| format!("/proc/{}/stat", self.pid))?;
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_micros(ticks * (1_000_000 / per_second)))
    }

    /// Forgets the peak so far, so that the next is that of the run. Says whether it could.
    #[must_use]
    pub fn reset_peak(self) -> bool {
        fs::write(format!("/proc/{}/clear_refs", self.pid), "5").is_ok()
    }

    /// The most memory it held at once, in KiB.
    pub fn peak_kib(self) -> anyhow::Result<u64> {
        let status = self.read("status")?;
        peak_kib(&status).with_context(|| format!("/proc/{}/status has no VmHWM", self.pid))
    }

    fn read(self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.pid);
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }
}

/// User and system time in a `stat` of proc(5).
fn cpu_ticks(stat: &str) -> anyhow::Result<u64> {
    // The name of the program stands in parentheses, and may itself have spaces and parentheses.
    let (_, after) = stat.rsplit_once(") ").context("no program name")?;
    let times: Vec<&str> = after.split(' ').skip(11).take(2).collect();
    ensure!(times.len() == 2, "too few fields");
    let times = times.iter().map(|time| time.parse::<u64>());
    let times: Vec<u64> = times.collect::<Result<_, _>>().context("times")?;
    Ok(times.iter().sum())
}

/// `VmHWM` in a `status` of proc(5).
fn peak_kib(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// The length of all files in a directory and below. Not what the disk gave them: stores ask for
/// much in advance. Files that go away while they are counted count as nothing.
pub fn disk_len_bytes(dir: &Path) -> anyhow::Result<u64> {
    let listed = fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let mut sum = 0;
    for entry in listed {
        let entry = entry?;
        let Ok(metadata) = entry.path().symlink_metadata() else {
            continue;
        };
        sum += if metadata.is_dir() {
            disk_len_bytes(&entry.path()).unwrap_or_default()
        } else {
            metadata.len()
        };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 250 31 5 6 20 0 3 0 99 0 0";
        assert_eq!(cpu_ticks(stat).unwrap(), 281);
        assert!(cpu_ticks("7 (a) S 1 2").is_err());
        assert!(cpu_ticks("7 a S").is_err());
    }

    #[test]
    fn the_peak_is_in_kib() {
        let status = "Name:\tcairnd\nVmPeak:\t  99 kB\nVmHWM:\t   1234 kB\nVmRSS:\t 1000 kB\n";
        assert_eq!(peak_kib(status), Some(1234));
        assert_eq!(peak_kib("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let own = Process::own();
        assert!(own.peak_kib().unwrap() > 0);
        assert!(own.cpu_time().is_ok());
        assert!(Process::new(u32::MAX).is_err());
    }

    #[test]
    fn directories_are_counted_with_what_is_below() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        fs::write(dir.path().join("a/b"), vec![1; 100_000]).unwrap();
        assert_eq!(disk_len_bytes(dir.path()).unwrap(), 100_000);
        assert!(disk_len_bytes(&dir.path().join("gone")).is_err());
    }
}
