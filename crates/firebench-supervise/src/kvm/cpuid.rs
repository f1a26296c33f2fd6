//! What the CPU says about itself and about the hypervisor above it.
//!
//! Sources: Intel's Software Developer's Manual, CPUID; for the leaves from 0x40000000 on, the kernel's
//! `Documentation/virt/kvm/x86/cpuid.rst` and VMware's CPUID interface.

use std::arch::x86_64::CpuidResult;

/// The signature of QEMU's Tiny Code Generator: this machine is emulated.
pub const TCG: &str = "TCGTCGTCGTCG";

/// The lowest leaf of hypervisors.
const HYPERVISOR: u32 = 0x4000_0000;

/// The signature of the hypervisor under which this machine runs, such as `KVMKVMKVM` or `Microsoft Hv`; nothing on
/// bare metal.
pub fn hypervisor() -> Option<String> {
    const HYPERVISOR_PRESENT: u32 = 1 << 31;
    (leaf(1).ecx & HYPERVISOR_PRESENT != 0).then(|| signature(leaf(HYPERVISOR)))
}

/// Bytes that the registers of a process take when it does not run: all that the kernel has switched on. 0 without XSAVE.
///
/// Source: Intel's Software Developer's Manual, CPUID leaf 0x0D, sub-leaf 0, EBX.
pub fn state_bytes() -> u32 {
    if leaf(0).eax < 0xD { 0 } else { leaf(0xD).ebx }
}

/// Twelve bytes in three registers, up to the first NUL; what is not printable becomes a question mark.
fn signature(leaf: CpuidResult) -> String {
    [leaf.ebx, leaf.ecx, leaf.edx]
        .iter()
        .flat_map(|register| register.to_le_bytes())
        .take_while(|byte| *byte != 0)
        .map(|byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '?' })
        .collect()
}

/// The time-stamp counter's frequency in kHz, if the CPU (leaves 0x15 and 0x16) or the hypervisor (0x40000010) names
/// it.
pub(super) fn tsc_khz() -> Option<u32> {
    let highest = leaf(0).eax;
    let crystal = (highest >= 0x15).then(|| leaf(0x15));
    let base = (highest >= 0x16).then(|| leaf(0x16));
    let from_cpu = crystal.and_then(|crystal| tsc_khz_of(crystal, base.map(|leaf| leaf.eax)));
    from_cpu.or_else(|| {
        hypervisor()?;
        (leaf(HYPERVISOR).eax >= 0x4000_0010).then(|| leaf(0x4000_0010).eax)
    })
}

/// Leaf 0x15: the counter runs at crystal (ECX, in Hz) * EBX / EAX. Some CPUs leave the crystal at 0; then the counter
/// runs at the base frequency (leaf 0x16, EAX, in MHz), as the kernel reckons as well.
fn tsc_khz_of(crystal: CpuidResult, base_mhz: Option<u32>) -> Option<u32> {
    if crystal.eax == 0 || crystal.ebx == 0 {
        return None;
    }
    let khz = if crystal.ecx == 0 {
        u64::from(base_mhz?).checked_mul(1000)?
    } else {
        u64::from(crystal.ecx).checked_mul(crystal.ebx.into())?.checked_div(crystal.eax.into())? / 1000
    };
    u32::try_from(khz).ok()
}

fn leaf(number: u32) -> CpuidResult {
    // Newer compilers call it safe, the oldest supported one does not.
    #[allow(unused_unsafe, unsafe_code, reason = "CPUID")]
    // SAFETY: every x86_64 CPU has CPUID, and it changes nothing.
    unsafe {
        std::arch::x86_64::__cpuid(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registers(eax: u32, ebx: u32, ecx: u32, edx: u32) -> CpuidResult {
        CpuidResult { eax, ebx, ecx, edx }
    }

    #[test]
    fn signatures_end_at_the_first_nul() {
        let word = |text: &[u8; 4]| u32::from_le_bytes(*text);
        assert_eq!(signature(registers(0, word(b"KVMK"), word(b"VMKV"), word(b"M\0\0\0"))), "KVMKVMKVM");
        assert_eq!(signature(registers(0, word(b"TCGT"), word(b"CGTC"), word(b"GTCG"))), TCG);
        assert_eq!(signature(registers(0, word(b"Micr"), word(b"osof"), word(b"t Hv"))), "Microsoft Hv");
        assert_eq!(signature(registers(0, word(b"\x01abc"), 0, 0)), "?abc");
    }

    #[test]
    fn crystal_and_ratio_give_the_frequency() {
        // Ice Lake: 25 MHz crystal, ratio 168/2.
        assert_eq!(tsc_khz_of(registers(2, 168, 25_000_000, 0), Some(2100)), Some(2_100_000));
        // Skylake client: no crystal named.
        assert_eq!(tsc_khz_of(registers(2, 216, 0, 0), Some(2600)), Some(2_600_000));
        assert_eq!(tsc_khz_of(registers(2, 216, 0, 0), None), None);
        // AMD: the leaf is empty.
        assert_eq!(tsc_khz_of(registers(0, 0, 0, 0), Some(2600)), None);
        assert_eq!(tsc_khz_of(registers(1, u32::MAX, u32::MAX, 0), None), None, "out of range");
    }

    #[test]
    fn the_flag_of_the_kernel_agrees() {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").expect("Linux has it");
        let flag = cpuinfo
            .lines()
            .any(|line| line.starts_with("flags") && line.split_ascii_whitespace().any(|flag| flag == "hypervisor"));
        assert_eq!(hypervisor().is_some(), flag);
    }
}
