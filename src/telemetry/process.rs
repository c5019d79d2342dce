//! What the operating system says about this process, under the names that every Prometheus client uses.
//! On a system without `/proc` there is nothing to say.

use std::fs;

use super::watched::Watched;

/// Ticks of the processor times in `/proc/self/stat`: Linux has had 100 a second for as long as programs
/// see them.
const TICKS_PER_SECOND: f64 = 100.0;

/// Memory, processor time, open files, and when the process began.
pub(super) fn watched() -> [Watched; 4] {
    [
        Watched {
            name: "process_resident_memory_bytes",
            help: "Memory of this process that is in use",
            is_counter: false,
            read: Box::new(|| alone(resident_bytes())),
        },
        Watched {
            name: "process_cpu_seconds",
            help: "Processor time that this process has used",
            is_counter: true,
            read: Box::new(|| alone(cpu_seconds())),
        },
        Watched {
            name: "process_open_fds",
            help: "Files and connections that this process has open",
            is_counter: false,
            read: Box::new(|| alone(open_files())),
        },
        Watched {
            name: "process_start_time_seconds",
            help: "When this process began, in seconds since 1970",
            is_counter: false,
            read: Box::new(|| alone(start_time())),
        },
    ]
}

fn alone(value: Option<f64>) -> Vec<super::watched::Reading> {
    value.map(|value| (Vec::new(), value)).into_iter().collect()
}

/// From `/proc/self/status`, which has it in kilobytes whatever the size of a page.
fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

/// The fields of `/proc/self/stat` behind the name of the program, which may hold blanks.
fn stat() -> Option<Vec<f64>> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    // The first of them is a letter.
    Some(fields.split(' ').map(|field| field.trim().parse().unwrap_or_default()).collect())
}

fn cpu_seconds() -> Option<f64> {
    let stat = stat()?;
    Some((stat.get(11)? + stat.get(12)?) / TICKS_PER_SECOND)
}

fn start_time() -> Option<f64> {
    let since_boot = stat()?.get(19)? / TICKS_PER_SECOND;
    let kernel = fs::read_to_string("/proc/stat").ok()?;
    let boot = kernel.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(boot.trim().parse::<f64>().ok()? + since_boot)
}

fn open_files() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    // The folder itself is open while it is read.
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_a_process_that_runs() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let number = |name: &str| {
            let watched = watched();
            let found = watched.iter().find(|watched| watched.name == name).unwrap();
            (found.read)().pop().unwrap().1
        };
        assert!(number("process_resident_memory_bytes") > 1e6);
        assert!(number("process_cpu_seconds") >= 0.0);
        assert!(number("process_open_fds") >= 3.0);
        // Between 2020 and 2100.
        assert!((1.5e9..4.2e9).contains(&number("process_start_time_seconds")));
    }
}
