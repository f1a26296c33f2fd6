//! Is `/dev/kvm` real? A question of speed, not of a file.
//!
//! Some sandboxes offer a `/dev/kvm` whose back end interprets every guest instruction. A VMM starts on it and then
//! seems to hang. [`probe`] finds out in milliseconds: a one-page guest counts down a register, and the number of loop
//! iterations a second distinguishes silicon (one iteration a cycle or so) from an interpreter (a thousand times
//! slower).

pub mod cpuid;
mod guest;
mod timeout;
pub mod tsc;

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::access::{self, Access};
use guest::{GuestError, LoopGuest};
use timeout::{Ended, PATIENCE, with_timeout};

pub use tsc::{TscFrequency, TscSource, tsc_khz};

/// Where Linux has its virtual machine device.
pub const DEVICE: &str = "/dev/kvm";

/// A real CPU does one iteration of the loop in about a cycle, so even one throttled to 800 MHz and robbed of two
/// thirds of its time stays above this.
const HARDWARE_LOOPS_PER_SECOND: f64 = 200e6;
/// No silicon is below this; between the two figures lies a starved machine or a very good translator.
const SURELY_EMULATED_LOOPS_PER_SECOND: f64 = 50e6;

/// Iterations of the first round: 8 ms on an interpreter, nothing on hardware.
const FIRST_ROUND: u32 = 10_000;
/// A first round at least as quick as this earns longer ones.
const QUICK: Duration = Duration::from_millis(2);
/// What a longer round should take.
const LONG_ROUND_SECONDS: f64 = 3e-3;
/// Bounds of a longer round's iterations: enough to drown the cost of entering and leaving the guest.
const LONG_ROUND: (f64, f64) = (100_000.0, 5_000_000.0);
/// Longer rounds; the best one counts, so that a moment without the CPU does not.
const LONG_ROUNDS: u32 = 3;

/// What stands behind the KVM device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KvmClass {
    /// The CPU's own virtualisation on bare metal.
    Hardware,
    /// The CPU's own virtualisation, passed through by the hypervisor under which this machine runs.
    NestedHardware,
    /// Guest instructions are interpreted or translated: works, but timings say nothing about speed.
    Emulated,
    /// There is no device.
    Absent,
    /// The device may not be opened by this user.
    NoPermission,
    /// The device is there and does not do what KVM does.
    Broken,
}

impl KvmClass {
    /// Whether VMMs run on such a KVM at the speed of the CPU.
    pub fn usable(self) -> bool {
        matches!(self, KvmClass::Hardware | KvmClass::NestedHardware)
    }
}

/// What [`probe`] found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KvmReport {
    /// The verdict.
    pub class: KvmClass,
    /// Iterations a second of the guest's loop, where it ran.
    pub loops_per_second: Option<f64>,
    /// The hypervisor's signature where this machine is itself a guest, such as `KVMKVMKVM`.
    pub hypervisor: Option<String>,
    /// What was found, as one sentence with its figure.
    pub finding: String,
    /// What the user can do about it, as one sentence; absent where nothing need be done.
    pub remedy: Option<String>,
}

impl KvmReport {
    /// Whether VMMs run on this KVM at the speed of the CPU.
    pub fn usable(&self) -> bool {
        self.class.usable()
    }
}

/// Finds out what the KVM `device` is worth. Takes about 10 ms, and never longer than about 2 s.
pub fn probe(device: &Path) -> KvmReport {
    probe_within(device, PATIENCE)
}

fn probe_within(device: &Path, patience: Duration) -> KvmReport {
    let hypervisor = cpuid::hypervisor();
    let owned = device.to_owned();
    match with_timeout(patience, move |stop| measure(&owned, stop)) {
        Ended::InTime(Ok(speed)) => report_speed(device, speed, hypervisor),
        Ended::InTime(Err(error)) => report_error(device, &error, hypervisor),
        Ended::Late => report_hung(device, patience, hypervisor),
        Ended::NoThread(errno) => {
            report_error(device, &GuestError::Call { call: "a thread to try it", errno }, hypervisor)
        }
    }
}

/// Loop iterations a second: one short round, and longer ones if that was quick.
fn measure(device: &Path, stop: &timeout::Stop) -> Result<f64, GuestError> {
    let mut guest = LoopGuest::new(device)?;
    let first = guest.run(FIRST_ROUND, stop)?;
    let mut best = speed(FIRST_ROUND, first);
    if first < QUICK {
        let (fewest, most) = LONG_ROUND;
        let loops = (best * LONG_ROUND_SECONDS).clamp(fewest, most) as u32;
        for _ in 0..LONG_ROUNDS {
            best = best.max(speed(loops, guest.run(loops, stop)?));
        }
    }
    Ok(best)
}

fn speed(loops: u32, elapsed: Duration) -> f64 {
    f64::from(loops) / elapsed.as_secs_f64().max(1e-9)
}

/// The class of a KVM that runs its guest at `loops_per_second` on a machine under `hypervisor` (none on bare metal).
///
/// Between 50 and 200 million is called emulated as well: to take a starved machine for an emulator costs time, to
/// take an emulator for hardware costs a false statement about speed. And a KVM inside an emulated machine (QEMU's
/// TCG) is emulated however quick the translator is.
pub fn classify(loops_per_second: f64, hypervisor: Option<&str>) -> KvmClass {
    match hypervisor {
        Some(cpuid::TCG) => KvmClass::Emulated,
        None if loops_per_second > HARDWARE_LOOPS_PER_SECOND => KvmClass::Hardware,
        Some(_) if loops_per_second > HARDWARE_LOOPS_PER_SECOND => KvmClass::NestedHardware,
        _ => KvmClass::Emulated,
    }
}

fn report_speed(device: &Path, loops_per_second: f64, hypervisor: Option<String>) -> KvmReport {
    let class = classify(loops_per_second, hypervisor.as_deref());
    let figure = format!("{} million loop iterations a second", millions(loops_per_second));
    let device = device.display();
    let signature = hypervisor.as_deref().unwrap_or_default();
    let (finding, remedy) = match class {
        KvmClass::Hardware => (format!("{device} is the CPU's own virtualisation: {figure}"), None),
        KvmClass::NestedHardware => (
            format!("{device} is the CPU's own virtualisation under another hypervisor ({signature}): {figure}"),
            Some("exits cost more under another hypervisor: for figures about input and output, use bare metal".into()),
        ),
        _ if signature == cpuid::TCG => (
            format!("{device} belongs to an emulated machine ({signature}): {figure}, which says nothing about speed"),
            Some("timings from here show that things work, not how fast they are: measure on a real machine".into()),
        ),
        _ if loops_per_second > SURELY_EMULATED_LOOPS_PER_SECOND => (
            format!("{device} is slower than any idle CPU: {figure}, where hardware does over 200 million"),
            Some(
                "run firebench again when the machine is idle; if the figure stays the same, KVM is emulated \
            here"
                    .into(),
            ),
        ),
        _ => (
            format!("{device} emulates guest instructions: {figure}, where hardware does over 200 million"),
            Some(
                "use --accel nested or tcg to check that things work; to measure speed, use bare metal or a cloud \
                instance with nested virtualisation"
                    .into(),
            ),
        ),
    };
    KvmReport { class, loops_per_second: Some(loops_per_second), hypervisor, finding, remedy }
}

/// `1.2`, `1200`: two digits where the figure is small.
fn millions(loops_per_second: f64) -> String {
    let millions = loops_per_second / 1e6;
    if millions < 10.0 { format!("{millions:.2}") } else { format!("{millions:.0}") }
}

fn report_error(device: &Path, error: &GuestError, hypervisor: Option<String>) -> KvmReport {
    let class = match error {
        GuestError::Open(errno) => class_of_open_error(*errno),
        GuestError::Call { .. } | GuestError::Guest(_) => KvmClass::Broken,
    };
    let path = device;
    let device = device.display();
    let (finding, remedy) = match class {
        KvmClass::Absent => (format!("{device} does not exist: {error}"), access::missing_kvm(Path::new("/"))),
        KvmClass::NoPermission => (format!("this user may not open {device}: {error}"), Access::look(path).remedy()),
        _ => (
            format!("{device} does not work: {error}"),
            "look for kvm in the kernel's log (dmesg), and reload the kvm_intel or kvm_amd module".to_owned(),
        ),
    };
    KvmReport { class, loops_per_second: None, hypervisor, finding, remedy: Some(remedy) }
}

fn class_of_open_error(errno: i32) -> KvmClass {
    match errno {
        // ENODEV and ENXIO: the file is there, the module behind it is not.
        libc::ENOENT | libc::ENOTDIR | libc::ENODEV | libc::ENXIO => KvmClass::Absent,
        libc::EACCES | libc::EPERM => KvmClass::NoPermission,
        _ => KvmClass::Broken,
    }
}

fn report_hung(device: &Path, patience: Duration, hypervisor: Option<String>) -> KvmReport {
    KvmReport {
        class: KvmClass::Broken,
        loops_per_second: None,
        hypervisor,
        finding: format!(
            "{} hangs: {FIRST_ROUND} loop iterations did not finish within {} s",
            device.display(),
            patience.as_secs_f64()
        ),
        remedy: Some("look for kvm in the kernel's log (dmesg); --accel nested and tcg do not need it".to_owned()),
    }
}

#[cfg(test)]
mod tests;
