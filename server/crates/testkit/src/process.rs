//! Processes and ports, as Linux shows them.

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Clock ticks per second in /proc (`USER_HZ`): 100 on every architecture that Rust's tier 1 and 2 cover.
const TICKS_PER_SECOND: u64 = 100;

/// A TCP port of the loopback address that nobody listened on a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Sends `signal` to the process `pid`; a process that is gone already is no error.
pub fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id is a positive int");
    let _ = kill_process(pid, signal);
}

/// CPU time that the process `pid` has used itself, user and system; zero when it is gone.
pub fn cpu_time(pid: u32) -> Duration {
    Stat::read(pid).map_or(Duration::ZERO, |s| ticks(s.own_ticks))
}

/// CPU time of the process `pid`, of its living children, and of its dead children that it waited for.
pub fn cpu_time_with_children(pid: u32) -> Duration {
    let stats = all_stats();
    let parent = stats.get(&pid).map_or(0, |s| s.own_ticks + s.waited_ticks);
    let children: u64 =
        stats.values().filter(|s| s.parent == pid).map(|s| s.own_ticks + s.waited_ticks).sum();
    ticks(parent + children)
}

/// Resident memory of the process `pid` in bytes; zero when it is gone.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// What we use of /proc/PID/stat (proc(5)).
struct Stat {
    parent: u32,
    own_ticks: u64,
    waited_ticks: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the command in parentheses and may hold spaces and parentheses itself.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |proc_field: usize| fields.get(proc_field - 3)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(number(4)?).ok()?,
            own_ticks: number(14)? + number(15)?,
            waited_ticks: number(16)? + number(17)?,
        })
    }
}

fn all_stats() -> HashMap<u32, Stat> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| Some((pid, Stat::read(pid)?)))
        .collect()
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_size_and_uses_time() {
        let pid = std::process::id();
        assert!(resident_bytes(pid) > 100_000);
        let start = std::time::Instant::now();
        while cpu_time(pid) == Duration::ZERO {
            assert!(start.elapsed() < Duration::from_secs(20), "no CPU time counted");
            std::hint::black_box((0..10_000u64).sum::<u64>());
        }
        assert!(cpu_time_with_children(pid) >= Duration::from_millis(10));
    }
}
