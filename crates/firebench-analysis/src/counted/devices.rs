//! What a guest wanted of an I/O port: the devices of a PC by their ports. Pure.
//!
//! Sources: the kernel's `arch/x86/kernel/setup.c` (`standard_io_resources`), `drivers/pnp` and `drivers/tty/serial/8250` for the PC's
//! own ports; QEMU's `hw/i386/fw_cfg.h`, `hw/isa/lpc_ich9.c` and `hw/acpi/piix4.c` for those of its machines.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use firebench_model::counts::PortUse;
use firebench_model::record::{ContenderRecord, Report};
use firebench_stats::median;

use crate::boots;

/// Ports, and what they belong to.
static DEVICES: [(&str, &[RangeInclusive<u16>]); 13] = [
    ("PCI configuration", &[0xcf8..=0xcff]),
    ("real-time clock", &[0x70..=0x71]),
    ("first serial port", &[0x3f8..=0x3ff]),
    ("other serial ports", &[0x2e8..=0x2ef, 0x2f8..=0x2ff, 0x3e8..=0x3ef]),
    ("keyboard controller", &[0x60..=0x60, 0x64..=0x64]),
    ("interrupt controller", &[0x20..=0x21, 0xa0..=0xa1, 0x4d0..=0x4d1]),
    ("timer", &[0x40..=0x43, 0x61..=0x61]),
    ("QEMU's fw_cfg", &[0x510..=0x51b]),
    ("SeaBIOS's messages", &[0x402..=0x402]),
    ("IDE disks", &[0x170..=0x177, 0x1f0..=0x1f7, 0x376..=0x376, 0x3f6..=0x3f6]),
    ("DMA", &[0x00..=0x0f, 0x81..=0x8f, 0xc0..=0xdf]),
    ("ACPI", &[0xb2..=0xb3, 0x600..=0x67f, 0xb000..=0xb03f, 0xafe0..=0xafff]),
    (OTHER, &[0..=u16::MAX]),
];

/// Every port that belongs to nothing above.
const OTHER: &str = "other ports";

/// What is less than this of every contender's uses belongs to the others.
const SMALL: f64 = 0.02;

/// How often each contender's boot used the ports of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceUse {
    /// The device.
    pub device: &'static str,
    /// The median of the good boots of each contender, in their order; None where nothing is known.
    pub typical: Vec<Option<f64>>,
}

/// What the contenders' boots used, the most used first, and all that is little in one; empty where nobody counted ports.
pub fn used(report: &Report) -> Vec<DeviceUse> {
    let of_contenders: Vec<Option<BTreeMap<&str, f64>>> = report.contenders.iter().map(|c| of(c, report)).collect();
    let totals: Vec<f64> = of_contenders.iter().flatten().map(|uses| uses.values().sum()).collect();
    let is_small = |device: &str| {
        let shares = of_contenders.iter().flatten().zip(&totals);
        device == OTHER
            || shares.into_iter().all(|(uses, total)| uses.get(device).is_none_or(|count| count / total < SMALL))
    };
    let row = |device: &'static str, is_in: &dyn Fn(&str) -> bool| DeviceUse {
        device,
        typical: of_contenders
            .iter()
            .map(|uses| Some(uses.as_ref()?.iter().filter(|(name, _)| is_in(name)).map(|(_, count)| count).sum()))
            .collect(),
    };
    if totals.is_empty() {
        return Vec::new();
    }
    let large = DEVICES.iter().map(|(device, _)| *device).filter(|device| !is_small(device));
    let mut rows: Vec<DeviceUse> = large.map(|device| row(device, &|name| name == device)).collect();
    let most = |row: &DeviceUse| row.typical.iter().flatten().copied().fold(0.0, f64::max);
    rows.sort_by(|a, b| most(b).total_cmp(&most(a)));
    rows.push(row(OTHER, &is_small));
    rows.retain(|row| most(row) > 0.0);
    rows
}

/// The median of how often the good boots of a contender used each device; None where nobody counted.
fn of(contender: &ContenderRecord, report: &Report) -> Option<BTreeMap<&'static str, f64>> {
    let counted: Vec<BTreeMap<&str, f64>> = boots::good(contender, &report.design)
        .into_iter()
        .filter_map(|boot| boot.counts.as_ref().map(|counts| by_device(&counts.ports)))
        .filter(|uses| !uses.is_empty())
        .collect();
    let middle = |device: &&'static str| {
        let uses = counted.iter().map(|uses| uses.get(device).copied().unwrap_or_default());
        Some((*device, median(uses)?))
    };
    (!counted.is_empty()).then(|| DEVICES.iter().map(|(device, _)| device).filter_map(middle).collect())
}

fn by_device(ports: &[PortUse]) -> BTreeMap<&'static str, f64> {
    let mut uses = BTreeMap::new();
    for PortUse { port, times } in ports {
        let is_its =
            |(_, ranges): &&(&'static str, &[RangeInclusive<u16>])| ranges.iter().any(|range| range.contains(port));
        if let Some((device, _)) = DEVICES.iter().find(is_its) {
            *uses.entry(*device).or_default() += *times as f64;
        }
    }
    uses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_belong_to_devices() {
        let used = |ports: &[(u16, u64)]| {
            by_device(&ports.iter().map(|&(port, times)| PortUse { port, times }).collect::<Vec<_>>())
        };
        assert_eq!(
            used(&[
                (112, 20_002),
                (113, 20_002),
                (0x3f9, 22),
                (0x3f8, 183),
                (0x2f9, 6),
                (3320, 1004),
                (3324, 804),
                (1, 1)
            ]),
            BTreeMap::from([
                ("real-time clock", 40_004.0),
                ("first serial port", 205.0),
                ("other serial ports", 6.0),
                ("PCI configuration", 1808.0),
                ("DMA", 1.0),
            ])
        );
        assert_eq!(used(&[(0xfff0, 3), (0x7e, 1)]), BTreeMap::from([(OTHER, 4.0)]));
    }
}
