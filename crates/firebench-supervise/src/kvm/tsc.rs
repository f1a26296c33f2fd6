//! The frequency of the host's time-stamp counter, for `tsc_early_khz=` on a guest's command line.
//!
//! An emulated guest that has to find the frequency by itself hangs at boot in about one start of three.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cpuid;
use super::guest::Vm;
use super::timeout::{Ended, PATIENCE, with_timeout};

/// Where the figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TscSource {
    /// The kernel's own, through KVM.
    Kvm,
    /// The CPU's or the hypervisor's word.
    Cpuid,
    /// Counted against `CLOCK_MONOTONIC_RAW`, to about 0.01%.
    Measured,
}

/// A frequency and its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TscFrequency {
    /// Ticks a millisecond.
    pub khz: u32,
    /// Where it comes from.
    pub source: TscSource,
}

/// What a time-stamp counter can run at, in kHz; anything else is a wrong answer.
const PLAUSIBLE: std::ops::RangeInclusive<u32> = 100_000..=20_000_000;

/// The frequency of this machine's time-stamp counter: from the KVM `device` if that answers, else from CPUID, else
/// measured, which takes 20 ms.
pub fn tsc_khz(device: &Path) -> TscFrequency {
    let plausible = |khz: &u32| PLAUSIBLE.contains(khz);
    if let Some(khz) = from_kvm(device).filter(plausible) {
        TscFrequency { khz, source: TscSource::Kvm }
    } else if let Some(khz) = cpuid::tsc_khz().filter(plausible) {
        TscFrequency { khz, source: TscSource::Cpuid }
    } else {
        TscFrequency { khz: measure(Duration::from_millis(20)), source: TscSource::Measured }
    }
}

fn from_kvm(device: &Path) -> Option<u32> {
    let device = device.to_owned();
    match with_timeout(PATIENCE, move |_| Vm::new(&device)?.tsc_khz()) {
        Ended::InTime(answer) => answer.ok(),
        Ended::Late | Ended::NoThread(_) => None,
    }
}

/// Counts for `span`.
fn measure(span: Duration) -> u32 {
    let (first_tick, first_time) = tick();
    std::thread::sleep(span);
    let (last_tick, last_time) = tick();
    let ticks = last_tick.saturating_sub(first_tick) as f64;
    let milliseconds = last_time.saturating_sub(first_time).as_secs_f64() * 1e3;
    (ticks / milliseconds.max(1e-3)).round() as u32
}

/// Counter and clock of the same moment: the closest of several pairs, since the thread may lose the CPU in between.
fn tick() -> (u64, Duration) {
    let mut best = (0, Duration::ZERO);
    let mut shortest = u64::MAX;
    for _ in 0..8 {
        let before = counter();
        let time = raw_clock();
        let took = counter().saturating_sub(before);
        if took < shortest {
            shortest = took;
            best = (before.saturating_add(took / 2), time);
        }
    }
    best
}

#[expect(unsafe_code, reason = "RDTSC")]
fn counter() -> u64 {
    // SAFETY: every x86_64 CPU has RDTSC, and it changes nothing.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// `CLOCK_MONOTONIC_RAW`: the clock that no time server bends.
#[expect(unsafe_code, reason = "a system call that std does not wrap")]
fn raw_clock() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for the call. The clock exists on every Linux; should the call fail nevertheless,
    // the time stays 0.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_RAW, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_agree() {
        let told = tsc_khz(Path::new("/dev/kvm"));
        let measured = measure(Duration::from_millis(50));
        let difference = f64::from(told.khz) / f64::from(measured) - 1.0;
        assert!(difference.abs() < 0.01, "{told:?}, measured {measured} kHz");
    }

    #[test]
    fn no_kvm_is_no_obstacle() {
        let frequency = tsc_khz(Path::new("/nowhere/kvm"));
        assert_ne!(frequency.source, TscSource::Kvm);
        assert!(PLAUSIBLE.contains(&frequency.khz), "{frequency:?}");
    }
}
