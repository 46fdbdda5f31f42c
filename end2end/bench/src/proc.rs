//! What Linux tells about processes, the machine and its disks.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Clock ticks per second in /proc (`USER_HZ`): 100 on every architecture that Rust's tier 1 and 2 cover.
const TICKS_PER_SECOND: u64 = 100;

/// Resident memory of a process, bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Memory {
    pub now: u64,
    pub peak: u64,
}

impl Memory {
    /// Zero when the process is gone.
    pub fn of(pid: u32) -> Self {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default())
    }

    fn parse(status: &str) -> Self {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            Some(kib * 1024)
        };
        Self { now: field("VmRSS:").unwrap_or_default(), peak: field("VmHWM:").unwrap_or_default() }
    }
}

/// CPU time of the whole machine since it was started, over all cores.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MachineTime {
    /// Time in which a core did something for us or anybody else.
    pub busy: Duration,
    /// Time in which a core wanted to run and the hypervisor did not let it.
    pub stolen: Duration,
}

impl MachineTime {
    pub fn now() -> Self {
        Self::parse(&fs::read_to_string("/proc/stat").unwrap_or_default()).unwrap_or_default()
    }

    fn parse(stat: &str) -> Option<Self> {
        let fields: Vec<u64> = stat
            .lines()
            .find_map(|line| line.strip_prefix("cpu "))?
            .split_ascii_whitespace()
            .map_while(|field| field.parse().ok())
            .collect();
        // user nice system idle iowait irq softirq steal (proc(5)).
        let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = fields[..] else { return None };
        Some(Self { busy: ticks(user + nice + system + irq + softirq), stolen: ticks(steal) })
    }
}

/// The disk below a directory.
#[derive(Debug)]
pub struct Disk {
    stat: Option<PathBuf>,
    pub file_system: String,
}

impl Disk {
    pub fn below(directory: &Path) -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        Self { stat: statistics_of(&directory), file_system: file_system_of(&mounts, &directory) }
    }

    /// Cache flushes that the disk has done, by whomever they were asked for; what an fsync costs in the end.
    /// `None` where the kernel does not count them.
    pub fn flushes(&self) -> Option<u64> {
        parse_flushes(&fs::read_to_string(self.stat.as_ref()?).ok()?)
    }

    /// Whether an fsync here does nothing, so that figures from here say nothing about a durable server.
    pub fn is_memory(&self) -> bool {
        matches!(self.file_system.as_str(), "tmpfs" | "ramfs")
    }
}

/// Flushes are counted for whole disks, not for partitions.
fn statistics_of(directory: &Path) -> Option<PathBuf> {
    let device = directory.metadata().ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let mut entry = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()?;
    if entry.join("partition").exists() {
        entry.pop();
    }
    Some(entry.join("stat"))
}

/// The sixteenth number of a disk's `stat` (the kernel's Documentation/block/stat.rst).
fn parse_flushes(stat: &str) -> Option<u64> {
    stat.split_ascii_whitespace().nth(15)?.parse().ok()
}

/// The type of the file system that holds `path`: of the mount with the longest fitting directory; of several with
/// the same, the last.
fn file_system_of(mounts: &str, path: &Path) -> String {
    let mut best = (0, "unknown");
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(directory), Some(kind)) = (fields.next(), fields.next()) else { continue };
        if path.starts_with(directory) && directory.len() >= best.0 {
            best = (directory.len(), kind);
        }
    }
    best.1.to_owned()
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// The processor, the number of cores and the kernel, for the report.
pub fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores, {model}, Linux {}", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_in_bytes() {
        let memory = Memory::parse("Name:\tcertctl\nVmHWM:\t   52044 kB\nVmRSS:\t   50000 kB\n");
        assert_eq!(memory, Memory { now: 50_000 * 1024, peak: 52_044 * 1024 });
        assert_eq!(Memory::parse(""), Memory::default());
        assert!(Memory::of(std::process::id()).now > 0);
    }

    #[test]
    fn the_machine_s_time_leaves_out_idle_and_waiting() {
        let time =
            MachineTime::parse("cpu  100 1 50 9000 700 3 6 20 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n").unwrap();
        assert_eq!(
            time,
            MachineTime { busy: Duration::from_millis(1600), stolen: Duration::from_millis(200) }
        );
        assert_eq!(MachineTime::parse("cpu  1 2 3\n"), None);
        assert!(MachineTime::now().busy > Duration::ZERO);
    }

    #[test]
    fn flushes_are_the_sixteenth_number() {
        let stat = " 112874 29769 7489370 92130 15104 41398 4037440 30607 0 34188 124049 5063 130 812904 1214 957 96\n";
        assert_eq!(parse_flushes(stat), Some(957));
        assert_eq!(parse_flushes("1 2 3 4 5 6 7 8 9 10 11\n"), None);
    }

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\ntmpfs /tmpfoo xfs rw 0 0\n";
        assert_eq!(file_system_of(mounts, Path::new("/tmp/x")), "tmpfs");
        assert_eq!(file_system_of(mounts, Path::new("/var/x")), "ext4");
        assert_eq!(file_system_of(mounts, Path::new("/tmpfoo/x")), "xfs");
    }
}
