//! What firebench chooses where the user says nothing, as pure functions.

use std::time::Duration;

use firebench_host::accel;
use firebench_model::experiment::{Design, HostCacheChoice, Settle};
use firebench_model::plan::Deadlines;
use firebench_stats::{Estimand, design};
use firebench_text::units::{Share, Span};
use firebench_vmm::{Accel, HostCache};
use firebench_workload::Speed;

use super::PrepareError;

const MIB: u64 = 1 << 20;

/// How fast instructions are executed.
pub fn speed(chosen: &accel::Chosen) -> Speed {
    match (chosen.emulated, chosen.nested, chosen.accel) {
        (false, ..) => Speed::Real,
        (true, false, Accel::Tcg) => Speed::Emulated,
        (true, ..) => Speed::Nested,
    }
}

/// Memory of a VM in MiB.
pub fn memory_mib(chosen: &accel::Chosen) -> u32 {
    if chosen.emulated { 512 } else { 1024 }
}

/// vCPUs of a VM on a computer with `cpus` CPUs.
pub fn vcpus(cpus: u32) -> u32 {
    cpus.clamp(1, 2)
}

/// Half-width at which a run on a real accelerator is good enough.
const PRECISION: Share = Share::percent(1);
/// How long it may take.
const MAX_TIME: Span = Span::seconds(300);
/// Boots of each contender on an emulated accelerator.
const EMULATED_BOOTS: u32 = 3;

/// A design with everything chosen but the number of contenders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen {
    boots: Option<u32>,
    precision: Share,
    max_time: Span,
    delta: Share,
    seed: u64,
    iterations: Option<u32>,
    warm_up: Option<u32>,
    strict: bool,
    stop_on_verdict: bool,
    settle: Settle,
    estimand: Estimand,
    duet: bool,
}

/// The design: on a real accelerator up to a precision, unless a number of boots is given; on an emulated one a number of
/// boots. The bound of equivalence is twice the precision: with the precision itself hardly any equal pair would ever be
/// found so.
///
/// A boot that is measured as a `whole` has one iteration, which counts.
///
/// # Errors
/// [`PrepareError::Emulated`] for a precision where there is no verdict.
pub fn design(design: &Design, whole: bool, accel: &accel::Chosen) -> Result<Chosen, PrepareError> {
    let wishes = [
        ("precision", design.precision.is_some()),
        ("max-time", design.max_time.is_some()),
        ("stop-on-verdict", design.stop_on_verdict),
        ("strict", design.strict),
    ];
    if let Some((flag, _)) = wishes.iter().find(|(_, wished)| *wished && accel.emulated) {
        return Err(PrepareError::Emulated(flag, accel.reason.clone()));
    }
    let precision = design.precision.unwrap_or(PRECISION);
    let estimand = design.estimand.unwrap_or(Estimand::Typical);
    let boots = design.boots.or(accel.emulated.then_some(EMULATED_BOOTS));
    Ok(Chosen {
        boots,
        precision,
        max_time: design.max_time.unwrap_or(MAX_TIME),
        delta: design.delta.unwrap_or(precision.double()),
        seed: design.seed.map_or_else(firebench_run::runner::seed, Ok)?,
        iterations: if whole { Some(1) } else { design.iterations },
        warm_up: if whole { Some(0) } else { design.warm_up },
        strict: design.strict,
        // Whoever names no precision asks who is faster: a difference beyond doubt is enough.
        stop_on_verdict: design.stop_on_verdict
            || boots.is_none() && design.precision.is_none() && estimand.has_band() && !design.to_the_end,
        settle: design.settle.unwrap_or_else(|| settle(design, accel)),
        estimand,
        duet: design.duet,
    })
}

/// Wherever there is a verdict, throw-away boots, so that no carry-over, seen or not, is in it. In a duet nobody boots after anybody.
fn settle(design: &Design, accel: &accel::Chosen) -> Settle {
    if accel.emulated || design.duet { Settle::Nothing } else { Settle::Boot }
}

impl Chosen {
    /// As the statistics take it.
    pub fn settings(&self, contenders: usize) -> design::Settings {
        design::Settings {
            contenders,
            estimand: self.estimand,
            seed: self.seed,
            size: match self.boots {
                Some(boots) => design::Size::Blocks(boots),
                None => design::Size::Precision {
                    precision: self.precision.part(),
                    max_seconds: self.max_time.as_secs() as f64,
                },
            },
            iterations: self.iterations,
            warm_up: self.warm_up,
            delta: self.delta.part(),
            strict: self.strict,
            stop_on_verdict: self.stop_on_verdict,
            throw_away: self.settle == Settle::Boot,
            duet: self.duet,
        }
    }

    /// Fills in what the user left open.
    pub fn resolve(&self, design: &mut Design) {
        design.boots = self.boots;
        if self.boots.is_none() {
            design.precision = Some(self.precision);
            design.max_time = Some(self.max_time);
        }
        design.stop_on_verdict = self.stop_on_verdict;
        design.estimand = Some(self.estimand);
        design.delta = Some(self.delta);
        design.seed = Some(self.seed);
        design.settle = Some(self.settle);
    }

    /// How long to wait before each boot but the first.
    pub fn pause(&self) -> Duration {
        match self.settle {
            Settle::Pause(span) => Duration::from_secs(span.as_secs()),
            Settle::Boot | Settle::Nothing => Duration::ZERO,
        }
    }
}

/// Deadlines that a run in order never reaches: the slowest boots seen, many times over. `iteration` is the workload's own for an
/// iteration.
pub fn deadlines(speed: Speed, iteration: Duration, design: &Design) -> Deadlines {
    let (boot, power_off) = match speed {
        Speed::Real => (30, 15),
        Speed::Emulated => (60, 30),
        Speed::Nested => (180, 60),
    };
    Deadlines {
        boot: design.boot_deadline.unwrap_or(boot),
        iteration: design.iteration_deadline.unwrap_or(iteration.as_secs()),
        power_off,
    }
}

/// Failed boots that a run bears: enough for a rare fault, too few for one that will not go away.
pub const MAX_FAILURES: u32 = 3;

/// Attempts for a boot that never started: under TCG an early hang is ordinary, on hardware once more is enough.
pub fn attempts(chosen: &accel::Chosen) -> u32 {
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
            let needed = u64::from(memory_mib).saturating_add(1024).saturating_mul(MIB).saturating_add(disk_bytes);
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
    fn throw_away_boots_are_where_a_carry_over_could_move_a_verdict() {
        let chosen = |emulated| accel::Chosen { accel: Accel::Native, nested: false, emulated, reason: String::new() };
        let duet = Design { duet: true, ..Design::default() };
        assert_eq!(settle(&Design::default(), &chosen(false)), Settle::Boot);
        assert_eq!(settle(&duet, &chosen(false)), Settle::Nothing);
        assert_eq!(settle(&Design::default(), &chosen(true)), Settle::Nothing);
    }

    #[test]
    fn the_user_sets_deadlines() {
        let design = Design { boot_deadline: Some(7), ..Design::default() };
        let set = deadlines(Speed::Nested, Duration::from_secs(9), &design);
        assert_eq!((set.boot, set.iteration, set.power_off), (7, 9, 60));
        let design = Design { iteration_deadline: Some(8), ..Design::default() };
        let set = deadlines(Speed::Real, Duration::from_secs(9), &design);
        assert_eq!((set.boot, set.iteration, set.power_off), (30, 8, 15));
    }
}
