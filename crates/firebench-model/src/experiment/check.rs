//! What can be wrong with an experiment, whatever the machine: the same checks for flags, files, reports and stored runs. Pure.

use std::collections::BTreeSet;

use firebench_stats::Estimand;
use firebench_text as text;
use firebench_text::units::Size;
use firebench_vmm::VmmKind;
use serde_json::Value;

use super::{ContenderSpec, Experiment, ExperimentError, HashLoop, LEAST_BLOCK, Preset, Settle, check_all};

impl Experiment {
    /// Checks everything that depends neither on the machine nor on the workload.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn check(&self) -> Result<(), ExperimentError> {
        let whole = serde_json::to_value(self).map_err(|_| ExperimentError::NotText)?;
        check_texts("", &whole)?;
        self.check_machine()?;
        self.check_design()?;
        if self.specs().is_empty() {
            return Err(ExperimentError::Nobody);
        }
        check_all(&self.specs())?;
        self.check_commands()?;
        let host = |spec: &ContenderSpec| spec.vmm.is_host();
        if self.files.overlay && self.files.root.is_none() {
            return Err(ExperimentError::OverlayOfNothing);
        }
        if let Some(spec) = self.specs().into_iter().find(|spec| self.files.root.is_some() && host(spec)) {
            return Err(ExperimentError::HostInRoot(spec.name));
        }
        self.check_duet()?;
        self.check_useless()?;
        self.check_cold()?;
        self.http.check()?;
        self.check_published()?;
        if self.payload.size() == Some(Size(0)) {
            return Err(ExperimentError::Empty);
        }
        self.hash_loop.as_ref().map_or(Ok(()), check_loop)?;
        self.payload.block().map_or(Ok(()), |block| self.check_block(block))
    }

    fn check_block(&self, block: Size) -> Result<(), ExperimentError> {
        if block < LEAST_BLOCK {
            return Err(ExperimentError::SmallBlock(block));
        }
        if let Some(payload) = self.payload.size().filter(|&payload| block > payload) {
            return Err(ExperimentError::LargeBlock { block, payload });
        }
        match self.specs().into_iter().find(|spec| spec.busybox.is_some()) {
            Some(spec) => Err(ExperimentError::BlockWithBusybox(spec.name)),
            None => Ok(()),
        }
    }

    fn check_machine(&self) -> Result<(), ExperimentError> {
        let machine = &self.machine;
        let zero = [("--vcpus", machine.vcpus == Some(0)), ("--memory", machine.memory == Some(Size(0)))];
        if let Some((flag, _)) = zero.into_iter().find(|(_, zero)| *zero) {
            return Err(ExperimentError::Zero(flag));
        }
        let given = [("--vcpus", machine.vcpus.is_some()), ("--memory", machine.memory.is_some())];
        match given.into_iter().find(|(_, given)| *given && self.preset == Preset::Published) {
            Some((flag, _)) => Err(ExperimentError::Published(flag)),
            None => match machine.memory.filter(|memory| memory.mib().is_none()) {
                Some(memory) => Err(ExperimentError::Memory(memory)),
                None => Ok(()),
            },
        }
    }

    fn check_design(&self) -> Result<(), ExperimentError> {
        let design = &self.design;
        let counts = [("--boots", design.boots), ("--iterations", design.iterations)];
        let counts = counts.map(|(name, count)| (name, count.map(u64::from)));
        let deadlines =
            [("--boot-deadline", design.boot_deadline), ("--iteration-deadline", design.iteration_deadline)];
        if let Some((name, _)) = counts.into_iter().chain(deadlines).find(|(_, count)| *count == Some(0)) {
            return Err(ExperimentError::Zero(name));
        }
        if let (Some(warm_up), Some(iterations)) =
            (design.warm_up, design.iterations.or(design.boots.map(|_| unchosen(design))))
        {
            if warm_up >= iterations {
                return Err(ExperimentError::AllWarmUp { warm_up, iterations });
            }
        }
        let estimand = design.estimand.unwrap_or(Estimand::Typical);
        if estimand == Estimand::Mean {
            return Err(ExperimentError::OldMean);
        }
        let watched = [("--strict", design.strict), ("--stop-on-verdict", design.stop_on_verdict)];
        if let Some((option, _)) = watched.into_iter().find(|(_, asked)| *asked && !estimand.has_band()) {
            return Err(ExperimentError::NoBand { option, estimand: estimand.name() });
        }
        if design.boots.is_some() && (design.precision.is_some() || design.max_time.is_some()) {
            return Err(ExperimentError::BothSizes);
        }
        let shares = [("--precision", design.precision), ("--delta", design.delta)];
        let wide = shares.into_iter().find_map(|(option, share)| Some((option, share.filter(|s| s.part() >= 1.0)?)));
        wide.map_or(Ok(()), |(option, share)| Err(ExperimentError::TooWide { option, share }))
    }

    fn check_duet(&self) -> Result<(), ExperimentError> {
        let specs = self.specs();
        let has_host = specs.iter().any(|spec| !spec.vmm.boots_a_guest());
        match self.design.duet {
            true if specs.len() < 2 => Err(ExperimentError::LoneDuet),
            true if self.design.settle == Some(Settle::Boot) => Err(ExperimentError::DuetAfterBoot),
            true if self.design.cold && has_host => Err(ExperimentError::ColdDuet),
            true if specs.iter().any(|spec| spec.concurrent.is_some_and(|many| many > 1)) => {
                Err(ExperimentError::CrowdedDuet)
            }
            _ => Ok(()),
        }
    }

    /// Whether every contender is the bare host.
    pub fn only_hosts(&self) -> bool {
        self.all(|vmm| vmm.is_host())
    }

    /// Whether nothing is virtualised at all: everything runs at real speed, whatever accelerator there is.
    pub fn all_native(&self) -> bool {
        self.all(|vmm| vmm.is_native())
    }

    fn all(&self, holds: impl Fn(VmmKind) -> bool) -> bool {
        let specs = self.specs();
        !specs.is_empty() && specs.iter().all(|spec| holds(spec.vmm))
    }

    fn check_published(&self) -> Result<(), ExperimentError> {
        let unknown = |spec: &ContenderSpec| spec.vmm.guest().is_some_and(|guest| guest.published.is_none());
        match self.specs().iter().find(|spec| self.preset == Preset::Published && unknown(spec)) {
            Some(spec) => Err(ExperimentError::NotPublished(spec.vmm)),
            None => Ok(()),
        }
    }

    fn check_useless(&self) -> Result<(), ExperimentError> {
        let guestless = self.all(|vmm| !vmm.boots_a_guest());
        let given = [
            ("--tap", self.machine.tap, self.all(|vmm| vmm.card.is_none())),
            ("--append", !self.machine.append.is_empty(), guestless),
            ("--kernel", self.files.kernel.is_some(), self.all(|vmm| !vmm.takes_a_kernel())),
            ("--add", !self.files.add.is_empty() && !self.has_own_commands(), self.only_hosts()),
            ("--preset published", self.preset == Preset::Published, guestless),
        ];
        match given.into_iter().find(|(_, given, useless)| *given && *useless) {
            Some((option, ..)) => {
                let kinds: BTreeSet<VmmKind> = self.specs().iter().map(|spec| spec.vmm).collect();
                let kinds = kinds.iter().map(|kind| kind.0.name).collect::<Vec<_>>().join(", ");
                Err(ExperimentError::ForNobody { option, kinds })
            }
            None => Ok(()),
        }
    }

    fn check_cold(&self) -> Result<(), ExperimentError> {
        let keeps = |vmm: VmmKind| !vmm.sees_disks();
        match self.specs().iter().find(|spec| self.design.cold && keeps(spec.vmm)) {
            Some(spec) => Err(ExperimentError::NotCold(spec.vmm)),
            None => Ok(()),
        }
    }
}

fn check_loop(asked: &HashLoop) -> Result<(), ExperimentError> {
    let zero = [("--rounds", asked.rounds == Some(0)), ("--buffer", asked.buffer == Some(Size(0)))];
    if let Some((flag, _)) = zero.into_iter().find(|(_, zero)| *zero) {
        return Err(ExperimentError::Zero(flag));
    }
    let buffer = asked.buffer.unwrap_or(HashLoop::BUFFER).0;
    let bytes = buffer.saturating_mul(u64::from(asked.rounds.unwrap_or(1)));
    if bytes > HashLoop::MOST.0 { Err(ExperimentError::LongLoop(Size(bytes))) } else { Ok(()) }
}

/// Iterations of a boot where nobody chose them, but for the warm-up that was given: see `firebench_stats::design`.
fn unchosen(design: &super::Design) -> u32 {
    if design.duet { 5 } else { 3 }
}

/// Whether a character that is not seen is a part of what users write there: commands have lines.
fn may_be_in(field: &str, character: char) -> bool {
    const LINES: [&str; 5] =
        ["command.argv", "command.prepare", "command.conclude", "command.env", "contender.command"];
    matches!(character, '\n' | '\t') && LINES.contains(&field)
}

/// Looks at every text of an experiment: none is empty, none has an invisible character.
fn check_texts(field: &str, value: &Value) -> Result<(), ExperimentError> {
    match value {
        Value::String(text) if text.trim().is_empty() && field != "command.argv" => {
            Err(ExperimentError::EmptyText(field.to_owned()))
        }
        Value::String(text) => match text.chars().find(|&c| text::is_hidden(c) && !may_be_in(field, c)) {
            Some(character) => Err(ExperimentError::Hidden { field: field.to_owned(), character }),
            None => Ok(()),
        },
        Value::Array(items) => items.iter().try_for_each(|item| check_texts(field, item)),
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            let field = if field.is_empty() { key.clone() } else { format!("{field}.{key}") };
            check_texts(&field, value)
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
