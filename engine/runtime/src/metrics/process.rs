//! What the kernel says about this process, under the names that every Prometheus client uses.

use std::fs;

/// Clock ticks a second in `/proc`; Linux shows 100 to programs on every machine it runs on.
const TICKS: f64 = 100.0;

/// Figures of this process; `None` where `/proc` does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    pub cpu_seconds: Option<f64>,
    pub resident_bytes: Option<u64>,
    pub virtual_bytes: Option<u64>,
    pub open_descriptors: Option<u64>,
    pub most_descriptors: Option<u64>,
    /// Seconds since 1970.
    pub started: Option<f64>,
}

impl Process {
    pub fn read() -> Process {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let status = read("/proc/self/status");
        let stat = read("/proc/self/stat");
        Process {
            cpu_seconds: cpu_seconds(&stat),
            resident_bytes: kilobytes(&status, "VmRSS:"),
            virtual_bytes: kilobytes(&status, "VmSize:"),
            // The listing itself holds one open.
            open_descriptors: fs::read_dir("/proc/self/fd").ok().map(|list| (list.count() as u64).saturating_sub(1)),
            most_descriptors: most_descriptors(&read("/proc/self/limits")),
            started: started(&stat, &read("/proc/stat")),
        }
    }
}

/// Fields of `/proc/self/stat` after the program's name, which may hold spaces and brackets.
fn after_name(stat: &str) -> Vec<&str> {
    stat.rsplit_once(") ").map(|(_, rest)| rest.split_ascii_whitespace().collect()).unwrap_or_default()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    let fields = after_name(stat);
    let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some((ticks(11)? + ticks(12)?) as f64 / TICKS)
}

fn started(stat: &str, system: &str) -> Option<f64> {
    let after_boot: f64 = after_name(stat).get(19)?.parse().ok()?;
    let boot: f64 = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + after_boot / TICKS)
}

fn kilobytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn most_descriptors(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_plausible_figures() {
        let process = Process::read();
        assert!(process.resident_bytes.unwrap() > 100_000);
        assert!(process.virtual_bytes >= process.resident_bytes);
        assert!(process.open_descriptors.unwrap() >= 3);
        assert!(process.most_descriptors.unwrap() >= process.open_descriptors.unwrap());
        assert!(process.cpu_seconds.unwrap() >= 0.0);
        assert!(process.started.unwrap() > 1_600_000_000.0);
    }

    #[test]
    fn a_name_with_brackets_and_garbage_does_no_harm() {
        let stat = "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 3 0 200 0";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(started(stat, "cpu 1\nbtime 1000\n"), Some(1002.0));
        assert_eq!((cpu_seconds(""), kilobytes("VmRSS: x kB", "VmRSS:"), most_descriptors("")), (None, None, None));
    }
}
