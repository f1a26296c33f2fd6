//! What firebench chooses where the user says nothing, as pure functions.

use firebench_vmm::Accel;
use firebench_vmm::pagecache::HostCache;

use crate::accel::Chosen;
use crate::experiment::HostCacheChoice;
use crate::plan::Deadlines;

const MIB: u64 = 1 << 20;

/// The payload's size in bytes: the published benchmark's on hardware, and what an emulated machine hashes in seconds.
pub fn payload_bytes(chosen: &Chosen) -> u64 {
    if chosen.emulated { 16 * MIB } else { 1024 * MIB }
}

/// Memory of a VM in MiB.
pub fn memory_mib(chosen: &Chosen) -> u32 {
    if chosen.emulated { 512 } else { 1024 }
}

/// vCPUs of a VM on a computer with `cpus` CPUs.
pub fn vcpus(cpus: u32) -> u32 {
    cpus.clamp(1, 2)
}

/// Deadlines that a run in order never reaches: the slowest boots and hashing speeds seen, many times over.
pub fn deadlines(chosen: &Chosen, payload_bytes: u64, boot: Option<u64>, iteration: Option<u64>) -> Deadlines {
    let (boot_default, bytes_per_second, power_off) = match (chosen.emulated, chosen.nested, chosen.accel) {
        (false, ..) => (30, 20 * MIB, 15),
        (true, false, Accel::Tcg) => (60, MIB, 30),
        (true, ..) => (180, MIB / 2, 60),
    };
    Deadlines {
        boot: boot.unwrap_or(boot_default),
        iteration: iteration.unwrap_or(60 + payload_bytes / bytes_per_second),
        power_off,
    }
}

/// Attempts for a boot that never started: under TCG an early hang is ordinary, on hardware once more is enough.
pub fn attempts(chosen: &Chosen) -> u32 {
    if chosen.emulated { 3 } else { 2 }
}

/// Memory of the nested host in MiB: its guest, the guest's disk in its page cache, and room for its own.
pub fn nested_memory_mib(guest_mib: u32, disk_bytes: u64, cache: HostCache) -> u32 {
    let disk_mib = match cache {
        HostCache::Warm => u32::try_from(disk_bytes / MIB).unwrap_or(u32::MAX),
        HostCache::Cold => 0,
    };
    guest_mib.saturating_add(disk_mib).saturating_add(640)
}

/// The state of the host's page cache: warm if the disk fits beside the VM in `available` bytes of memory.
pub fn host_cache(choice: HostCacheChoice, disk_bytes: u64, memory_mib: u32, available: Option<u64>) -> HostCache {
    match choice {
        HostCacheChoice::Warm => HostCache::Warm,
        HostCacheChoice::Cold => HostCache::Cold,
        HostCacheChoice::Auto => {
            let needed = disk_bytes + (u64::from(memory_mib) + 1024) * MIB;
            if available.is_none_or(|available| needed <= available) { HostCache::Warm } else { HostCache::Cold }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_only_where_the_disk_fits() {
        let gib = 1024 * MIB;
        let auto = |available| host_cache(HostCacheChoice::Auto, gib, 1024, available);
        assert_eq!(auto(Some(8 * gib)), HostCache::Warm);
        assert_eq!(auto(Some(3 * gib)), HostCache::Warm);
        assert_eq!(auto(Some(3 * gib - 1)), HostCache::Cold);
        assert_eq!(auto(None), HostCache::Warm);
        assert_eq!(host_cache(HostCacheChoice::Warm, gib, 1024, Some(0)), HostCache::Warm);
    }

    #[test]
    fn the_user_sets_deadlines() {
        let chosen = Chosen { accel: Accel::Kvm, nested: true, emulated: true, reason: String::new() };
        let deadlines = deadlines(&chosen, 1024 * MIB, Some(7), None);
        assert_eq!((deadlines.boot, deadlines.iteration), (7, 60 + 2048));
    }
}
