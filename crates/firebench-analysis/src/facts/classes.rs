//! What single CPU flags and single words of a kernel command line mean for a comparison.

use super::rank::Rank;

/// Flags by which programs choose their code when they start, or compilers before: hashes and ciphers, wide registers,
/// and the string instructions of a libc's memcpy. A SHA-256 with `sha_ni` is 5 to 6 times as fast as one without.
///
/// Source: the kernel's `arch/x86/include/asm/cpufeatures.h`, whose names `/proc/cpuinfo` shows.
const PROGRAM: [&str; 32] = [
    "3dnow",
    "abm",
    "adx",
    "aes",
    "bmi1",
    "bmi2",
    "erms",
    "f16c",
    "fma",
    "fma4",
    "fsrm",
    "fsrc",
    "fsrs",
    "fzrm",
    "gfni",
    "mmx",
    "movbe",
    "pclmulqdq",
    "pni",
    "popcnt",
    "sha512",
    "sha_ni",
    "sm3",
    "sm4",
    "sse",
    "ssse3",
    "tbm",
    "vaes",
    "vpclmulqdq",
    "xop",
    "movdiri",
    "movdir64b",
];

/// Families of such flags, by how their names begin.
const PROGRAM_FAMILIES: [&str; 4] = ["amx_", "avx", "sse2", "sse4"];

/// Flags that change what the kernel does when it switches tasks, handles pages or interrupts, or reads a clock.
const KERNEL: [&str; 32] = [
    "arat",
    "constant_tsc",
    "flush_l1d",
    "fsgsbase",
    "hle",
    "ibpb",
    "ibrs",
    "ibrs_enhanced",
    "invpcid",
    "la57",
    "md_clear",
    "nonstop_tsc",
    "pcid",
    "pdpe1gb",
    "pge",
    "pse",
    "pti",
    "rdtscp",
    "rtm",
    "smap",
    "smep",
    "ssbd",
    "stibp",
    "tsc",
    "tsc_deadline_timer",
    "umip",
    "x2apic",
    "xsave",
    "xsavec",
    "xsaveopt",
    "xsaves",
    "tsc_known_freq",
];

/// What it means that only one of two guests has a CPU flag.
pub fn flag(name: &str) -> Rank {
    if PROGRAM.contains(&name) || PROGRAM_FAMILIES.iter().any(|family| name.starts_with(family)) {
        Rank::Voids
    } else if KERNEL.contains(&name) {
        Rank::Explains
    } else {
        Rank::Harmless
    }
}

/// Parameters of the kernel that change what it says, how it ends, where its devices are (which a VMM tells its guest),
/// and which root it mounts (the agent mounts it instead). None changes how fast a program runs.
///
/// Source: the kernel's `Documentation/admin-guide/kernel-parameters.txt`.
const WITHOUT_EFFECT: [&str; 15] = [
    // What follows is for the first process: the agent reads none of it. libkrun ends its command line so.
    "--",
    "console",
    "debug",
    "earlycon",
    "earlyprintk",
    "ignore_loglevel",
    "loglevel",
    "panic",
    "quiet",
    "reboot",
    "ro",
    "root",
    "rootfstype",
    "rw",
    "virtio_mmio.device",
];

/// What it means that only one of two guests has a word on its kernel command line.
pub fn word(word: &str) -> Rank {
    let name = word.split_once('=').map_or(word, |(name, _)| name);
    if WITHOUT_EFFECT.contains(&name) { Rank::Harmless } else { Rank::Explains }
}

/// The counter behind the clock source `name`. The kernel reads the TSC as `tsc-early` until it has refined the TSC's
/// frequency, about a second after its start; whether an agent starts before or after that is chance.
///
/// Source: the kernel's `arch/x86/kernel/tsc.c`.
pub fn counter(name: &str) -> &str {
    name.strip_suffix("-early").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::{Rank, counter, flag, word};

    #[test]
    fn the_tsc_is_one_counter_before_and_after_its_frequency_is_refined() {
        assert_eq!(counter("tsc-early"), counter("tsc"));
        assert_ne!(counter("tsc"), counter("kvm-clock"));
    }

    #[test]
    fn flags_that_programs_use_the_kernel_uses_and_nobody_misses() {
        for name in ["sha_ni", "avx512_vbmi2", "avx2", "avx", "bmi2", "sse4_1", "ssse3", "amx_tile", "vaes"] {
            assert_eq!(flag(name), Rank::Voids, "{name}");
        }
        for name in ["pcid", "x2apic", "md_clear", "nonstop_tsc"] {
            assert_eq!(flag(name), Rank::Explains, "{name}");
        }
        for name in ["hypervisor", "topoext", "arch_capabilities", "overflow_recov", ""] {
            assert_eq!(flag(name), Rank::Harmless, "{name}");
        }
    }

    #[test]
    fn words_with_and_without_effect() {
        for harmless in
            ["console=ttyS0", "quiet", "root=/dev/vda", "rw", "reboot=k", "virtio_mmio.device=4K@0xd0000000:5"]
        {
            assert_eq!(word(harmless), Rank::Harmless, "{harmless}");
        }
        for explains in ["noapic", "pci=off", "mitigations=off", "nomodules", "tsc=reliable", "rootwait"] {
            assert_eq!(word(explains), Rank::Explains, "{explains}");
        }
    }
}
