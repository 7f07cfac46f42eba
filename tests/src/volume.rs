//! A small file system of its own: one that can be full, read-only or broken without harm to the
//! machine that runs the tests.
//!
//! It is an ext4 in a file, mounted through a loop device, or a tmpfs where there is no such
//! device. Mounting takes root; whoever lacks it is told that something was not tested.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::announce;
use crate::cairnd::said;

/// A mounted file system, unmounted and removed with this.
#[derive(Debug)]
pub struct Volume {
    mount_point: PathBuf,
    /// What is mounted, unless it is a tmpfs.
    image: Option<PathBuf>,
    /// Holds both.
    _dir: TempDir,
}

impl Volume {
    /// A file system of `size_mib` MiB; `None`, loudly, where this process may not mount any.
    #[must_use]
    pub fn mount(size_mib: u64) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let (mount_point, image) = (dir.path().join("mounted"), dir.path().join("image"));
        fs::create_dir(&mount_point).expect("the directory is ours");
        let image =
            match make_image(&image, size_mib).and_then(|()| mount_image(&image, &mount_point)) {
                Ok(()) => Some(image),
                Err(no_ext4) => match mount_memory(&mount_point, size_mib) {
                    Ok(()) => None,
                    Err(no_tmpfs) => {
                        announce(&format!(
                            "SKIPPED: root may mount, we may not: {no_ext4}; {no_tmpfs}"
                        ));
                        return None;
                    }
                },
            };
        Some(Self {
            mount_point,
            image,
            _dir: dir,
        })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.mount_point
    }

    /// Bytes that can still be written to it, more or less.
    #[must_use]
    pub fn free_len_bytes(&self) -> u64 {
        let found = rustix::fs::statvfs(self.path()).expect("it is mounted");
        found.f_bavail * found.f_frsize
    }

    /// Makes it read-only, or no longer so. Nothing on it may be open for writing.
    pub fn set_read_only(&self, read_only: bool) {
        let option = if read_only {
            "remount,ro"
        } else {
            "remount,rw"
        };
        let mut remount = Command::new("mount");
        remount.args(["-o", option]).arg(self.path());
        done(&mut remount).expect("nobody writes");
    }

    /// Has the kernel find an error in it, upon which it refuses every write and goes on serving
    /// reads, whatever is open. `false`, loudly, if this file system or kernel knows no such thing.
    #[must_use]
    pub fn break_writes(&self) -> bool {
        let mounts = fs::read_to_string("/proc/self/mounts").expect("a process has mounts");
        let ours = mounts.lines().find_map(|line| {
            let (device, rest) = line.split_once(' ')?;
            let here = Path::new(rest.split(' ').next()?) == self.path();
            here.then(|| device.strip_prefix("/dev/"))?
        });
        let broken = ours.is_some_and(|device| {
            let trigger = format!("/sys/fs/ext4/{device}/trigger_fs_error");
            fs::write(trigger, "on purpose").is_ok()
        });
        if !broken {
            announce("SKIPPED: no ext4 file system here whose kernel breaks it on request");
        }
        broken
    }

    /// Unmounts it, repairs it and mounts it again. Nobody may use it.
    pub fn repair(&self) {
        let image = self.image.as_ref().expect("only an image breaks");
        done(Command::new("umount").arg(self.path())).expect("nobody uses it");
        let repaired = Command::new("e2fsck").arg("-fy").arg(image).output();
        let repaired = repaired.expect("e2fsck comes with mkfs.ext4");
        // 1: there were errors, and they are corrected.
        let corrected = matches!(repaired.status.code(), Some(0 | 1));
        assert!(corrected, "{}", said(&repaired));
        mount_image(image, self.path()).expect("it was mounted before");
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazily: a test that failed may have left somebody on it.
        let unmounted = done(Command::new("umount").arg("--lazy").arg(self.path()));
        if let Err(error) = unmounted {
            announce(&format!(
                "{} is still mounted: {error}",
                self.path().display()
            ));
        }
    }
}

fn make_image(image: &Path, size_mib: u64) -> Result<(), String> {
    let file = File::create(image).map_err(|error| error.to_string())?;
    file.set_len(size_mib << 20)
        .map_err(|error| error.to_string())?;
    // No blocks are set aside for root, who runs this.
    done(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(image))
}

fn mount_image(image: &Path, mount_point: &Path) -> Result<(), String> {
    let mut mount = Command::new("mount");
    mount.args(["-o", "loop,errors=remount-ro"]).arg(image);
    done(mount.arg(mount_point))
}

fn mount_memory(mount_point: &Path, size_mib: u64) -> Result<(), String> {
    let options = format!("size={size_mib}m,mode=0700");
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", &options, "cairn-tests"]);
    done(mount.arg(mount_point))
}

fn done(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{command:?}: {}", said(&output))),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
