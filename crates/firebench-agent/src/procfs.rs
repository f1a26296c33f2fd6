//! What stands in the files of /proc, see proc(5). Texts in, numbers out.

use firebench_protocol::CpuFacts;

/// Bytes in a sector of /proc/diskstats, whatever the disk's own sectors are.
const SECTOR: u64 = 512;
/// Microseconds in a tick of /proc/stat: USER_HZ is 100 on x86.
const TICK_US: u64 = 10_000;

/// Bytes read from the block device `name` since boot, from /proc/diskstats: major, minor, name, reads completed, reads
/// merged, sectors read, ...
pub fn disk_read_bytes(diskstats: &str, name: &str) -> Option<u64> {
    let mut lines = diskstats.lines().map(|line| line.split_ascii_whitespace().skip(2));
    let mut fields = lines.find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
    fields.nth(2)?.parse::<u64>().ok()?.checked_mul(SECTOR)
}

/// Time stolen by the hypervisor since boot, all CPUs, in microseconds, from /proc/stat: cpu, user, nice, system, idle,
/// iowait, irq, softirq, steal, ...
pub fn steal_us(stat: &str) -> Option<u64> {
    let mut fields = stat.lines().next()?.split_ascii_whitespace();
    (fields.next()? == "cpu").then_some(())?;
    fields.nth(7)?.parse::<u64>().ok()?.checked_mul(TICK_US)
}

/// MemTotal in bytes, from /proc/meminfo (where "kB" means 1024 bytes).
pub fn mem_total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The CPU, from /proc/cpuinfo. Everything but the number of CPUs is that of the first one.
pub fn cpu(cpuinfo: &str) -> CpuFacts {
    let fields =
        || cpuinfo.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key.trim(), value.trim()));
    let first = |wanted| fields().find_map(|(key, value)| (key == wanted).then_some(value)).unwrap_or_default();
    CpuFacts {
        online: u32::try_from(fields().filter(|(key, _)| *key == "processor").count()).unwrap_or(u32::MAX),
        vendor: first("vendor_id").to_owned(),
        model: first("model name").to_owned(),
        flags: first("flags").split_ascii_whitespace().map(str::to_owned).collect(),
        mhz: first("cpu MHz").parse().unwrap_or(0.0),
    }
}

/// The most interfaces that are told of.
const INTERFACES: usize = 32;

/// Names of the network interfaces but `lo`, sorted, from /proc/net/dev: two lines of headings, then one each, `name: numbers`.
pub fn interfaces(dev: &str) -> Vec<String> {
    let names = dev.lines().skip(2).filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
    let mut names: Vec<String> = names.filter(|name| *name != "lo").map(str::to_owned).collect();
    names.sort_unstable();
    names.truncate(INTERFACES);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_interfaces() {
        let headings = "Inter-|   Receive     |  Transmit\n face |bytes    packets|bytes    packets\n";
        assert_eq!(interfaces(&format!("{headings}    lo: 1 2 3\n  vec0: 0 0 0\neth0:76 1 0\n")), ["eth0", "vec0"]);
        assert!(interfaces(&format!("{headings}    lo: 1 2 3\n")).is_empty() && interfaces("").is_empty());
        let many: String = (0..100).map(|number| format!("veth{number}: 0\n")).collect();
        assert_eq!(interfaces(&format!("{headings}{many}")).len(), INTERFACES);
    }

    #[test]
    fn reads_diskstats() {
        let text = "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n \
                     254       1 vda1 9 9 9 9 0 0 0 0 0 9 9 0 0 0 0 0 0\n \
                     254       0 vda 4263 21 2104930 5021 12 3 120 8 0 2900 5029 0 0 0 0 0 0\n";
        assert_eq!(disk_read_bytes(text, "vda"), Some(2_104_930 * 512));
        assert_eq!(disk_read_bytes(text, "vdb"), None);
        assert_eq!(disk_read_bytes("254 0 vda 1 2", "vda"), None);
        assert_eq!(disk_read_bytes("254 0 vda 1 2 18446744073709551615", "vda"), None);
    }

    #[test]
    fn reads_stat() {
        let text = "cpu  1205 0 3011 90211 44 0 17 253 0 0\ncpu0 602 0 1505 45105 22 0 8 126 0 0\nintr 12 0\n";
        assert_eq!(steal_us(text), Some(2_530_000));
        assert_eq!(steal_us("cpu  1205 0 3011 90211"), None);
        assert_eq!(steal_us(""), None);
    }

    #[test]
    fn reads_meminfo() {
        let text = "MemTotal:        1003752 kB\nMemFree:          962312 kB\nHugePages_Total:       0\n";
        assert_eq!(mem_total_bytes(text), Some(1_003_752 * 1024));
        assert_eq!(mem_total_bytes("MemFree: 1 kB"), None);
        assert_eq!(mem_total_bytes("MemTotal: many kB"), None);
    }

    #[test]
    fn reads_cpuinfo() {
        let one = |n| {
            format!(
                "processor\t: {n}\nvendor_id\t: AuthenticAMD\ncpu family\t: 15\n\
                 model name\t: QEMU TCG CPU version 2.5+\ncpu MHz\t\t: 2445.{n}06\n\
                 flags\t\t: fpu de pse sha_ni\nbugs\t\t: fxsave_leak\npower management:\n\n"
            )
        };
        let cpu = cpu(&[one(0), one(1)].concat());
        assert_eq!(cpu.online, 2);
        assert_eq!(cpu.vendor, "AuthenticAMD");
        assert_eq!(cpu.model, "QEMU TCG CPU version 2.5+");
        assert_eq!(cpu.flags, ["fpu", "de", "pse", "sha_ni"]);
        assert_eq!(cpu.mhz, 2445.006);
        assert_eq!(super::cpu(""), CpuFacts::default());
    }

    /// The kernel that runs this test is as good a source as any.
    #[test]
    fn reads_this_kernels_files() {
        let read = |name| std::fs::read_to_string(name).unwrap();
        assert!(steal_us(&read("/proc/stat")).is_some());
        assert!(mem_total_bytes(&read("/proc/meminfo")) > Some(1 << 20));
        assert!(cpu(&read("/proc/cpuinfo")).online > 0);
    }
}
