//! What a contender costs in memory of the host: the mappings of all its processes, before and after its guest has read a file.

mod remarks;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use firebench_model::experiment::Experiment;
use firebench_model::metric::{Clock, Metric, Unit};
use firebench_model::plan::Inputs;
use firebench_model::record::{BootRecord, BootStatus};
use firebench_protocol::IterationReport;
use firebench_stats::{Better, Scale};
use firebench_text::units::Size;

use super::memory::{Memory, PAYLOAD_FLAG, SIZE_FLAG};
use crate::reading::{Fault, Reading};
use crate::workload::{Flag, FlagError, Given, Needs, Run, Side, Speed, Workload};

/// Memory of the host.
pub struct Footprint;

/// Seconds for which the command holds still before and after its work: many times as long as a look at a few processes takes, and the
/// guest's report after it.
fn still(emulated: bool) -> u64 {
    if emulated { 10 } else { 2 }
}

const MIB: u64 = 1 << 20;

static FLAGS: [Flag; 2] = [SIZE_FLAG, PAYLOAD_FLAG];

static METRICS: [Metric; 10] = [
    bytes("pss", "Memory after the work, pages that several processes share divided among them", Scale::Ratio, true),
    bytes("rss", "The same, shared pages counted for each process", Scale::Ratio, true),
    bytes("pss_up", "As pss, before the work", Scale::Ratio, true),
    bytes("guest", "Of pss: the guest's memory", Scale::Raw, true),
    bytes("files", "Of pss: the guest's kernel and initramfs, where they are mapped", Scale::Raw, true),
    bytes("program", "Of pss: programs, libraries and other files", Scale::Raw, true),
    bytes("heap", "Of pss: heap, stacks and other memory without a name", Scale::Raw, true),
    bytes("jit", "Of pss: code that an emulator made", Scale::Raw, true),
    bytes("shared", "Of pss: other memory that is shared by name", Scale::Raw, true),
    bytes("unaccounted", "Between the sum of all mappings and the kernel's own sum", Scale::Raw, false),
];

/// Bytes of the host's memory.
const fn bytes(name: &'static str, title: &'static str, scale: Scale, shown: bool) -> Metric {
    Metric {
        name: Cow::Borrowed(name),
        title: Cow::Borrowed(title),
        unit: Some(Unit::BYTES),
        clock: Some(Clock::Host),
        better: Better::Less,
        scale,
        shown,
    }
}

impl Workload for Footprint {
    fn name(&self) -> &'static str {
        "footprint"
    }

    fn about(&self) -> &'static str {
        "What a contender has of the host's memory, by kind of mapping, before and after `sha256sum` over a file"
    }

    fn says_nothing_of(&self) -> &'static str {
        "what the next one of the same would add, nor of memory that the kernel needs for it"
    }

    fn flags(&self) -> &'static [Flag] {
        &FLAGS
    }

    fn ask(&self, given: &Given, experiment: &mut Experiment) -> Result<(), FlagError> {
        Memory.ask(given, experiment)
    }

    fn metrics(&self) -> &'static [Metric] {
        &METRICS
    }

    fn measures_boots(&self) -> bool {
        true
    }

    fn of_boot(&self, boot: &BootRecord, _: bool) -> Result<BTreeMap<&'static str, f64>, (BootStatus, String)> {
        let seen = boot.footprint.clone().unwrap_or_default();
        let Some(work) = seen.work else {
            return Err(match seen.missing {
                // Nothing is wrong with the boot, but for what was not seen of it.
                Some(why) => (BootStatus::Void, why),
                None => (BootStatus::VmmExited, "nobody looked at its memory".to_owned()),
            });
        };
        let parts = work.parts;
        let values = [
            ("pss", Some(work.pss)),
            ("rss", Some(work.rss)),
            ("pss_up", seen.boot.map(|boot| boot.pss)),
            ("guest", Some(parts.guest)),
            ("files", Some(parts.files)),
            ("program", Some(parts.program)),
            ("heap", Some(parts.heap)),
            ("jit", Some(parts.translator)),
            ("shared", Some(parts.shared)),
            ("unaccounted", Some(work.pss.abs_diff(work.rollup))),
        ];
        // Fewer than 2^53 of them.
        Ok(values.into_iter().filter_map(|(name, value)| Some((name, value? as f64))).collect())
    }

    fn holds_still(&self, emulated: bool) -> Option<Duration> {
        Some(Duration::from_secs(still(emulated)))
    }

    fn needs(&self, _: &Experiment, speed: Speed) -> Needs {
        let mib: u64 = if speed == Speed::Real { 64 } else { 16 };
        Needs { payload: Some(Size(mib.saturating_mul(MIB))) }
    }

    /// `sleep`, `sha256sum` and `sleep`, one after the other.
    fn command(&self, side: &Side) -> Vec<String> {
        let applet = |words: &str| match side.busybox {
            Some(_) => format!("\"$0\" {words}"),
            None => format!("/bin/{words}"),
        };
        let (still, work) = (applet(&format!("sleep {}", still(side.emulated))), applet("sha256sum \"$@\""));
        let mut command = side.applet("sh");
        let busybox = side.busybox.clone().unwrap_or_else(|| "sh".to_owned());
        command.extend(["-c".to_owned(), format!("{still} && {work} && {still}"), busybox]);
        command.extend([&side.payload, &side.handicap].into_iter().flatten().cloned());
        command
    }

    fn deadline(&self, inputs: &Inputs, speed: Speed) -> Duration {
        let still = Duration::from_secs(still(speed != Speed::Real).saturating_mul(2));
        Memory.deadline(inputs, speed).saturating_add(still)
    }

    fn read(&self, inputs: &Inputs, output: &IterationReport) -> Result<Reading, Fault> {
        Memory.read(inputs, output)
    }

    fn remarks(&self, run: &Run<'_>) -> Vec<String> {
        remarks::of(run.report)
    }
}

#[cfg(test)]
mod tests {
    use firebench_model::record::{self, MemoryUse, Parts};

    use super::*;

    fn boot(seen: record::Footprint) -> BootRecord {
        BootRecord { footprint: Some(seen), ..BootRecord::new(0, 0, 1) }
    }

    fn used(pss: u64, parts: Parts) -> MemoryUse {
        MemoryUse { processes: 2, mappings: 300, rss: pss + 4096, pss, rollup: pss + 1024, parts, guest_by_size: false }
    }

    #[test]
    fn every_value_is_declared_every_metric_has_one_and_the_parts_add_up() {
        let parts = Parts { guest: 100, files: 20, program: 30, heap: 5, translator: 40, shared: 6 };
        let seen = record::Footprint {
            boot: Some(used(50, Parts::default())),
            work: Some(used(201, parts)),
            ..record::Footprint::default()
        };
        let values = Footprint.of_boot(&boot(seen), true).expect("it was seen");
        let names: Vec<&str> = METRICS.iter().map(|metric| metric.name.as_ref()).collect();
        assert!(names.iter().all(|name| values.contains_key(name)) && names.len() == values.len(), "{values:?}");
        let parts: f64 = ["guest", "files", "program", "heap", "jit", "shared"].iter().map(|name| values[name]).sum();
        assert_eq!((values["pss"], values["pss_up"], parts), (201.0, 50.0, 201.0));
        assert_eq!(values["unaccounted"], 1024.0, "whichever is larger");
    }

    #[test]
    fn without_a_look_after_the_work_there_is_nothing_and_it_is_said_why() {
        let missing = Some("its memory could not be looked at: no right".to_owned());
        let seen = record::Footprint { boot: Some(used(50, Parts::default())), work: None, missing: missing.clone() };
        assert_eq!(Footprint.of_boot(&boot(seen), true).err(), missing.clone().map(|why| (BootStatus::Void, why)));
        assert!(Footprint.of_boot(&BootRecord::new(0, 0, 1), true).is_err());
        let late =
            record::Footprint { work: Some(used(50, Parts::default())), missing, ..record::Footprint::default() };
        let values = Footprint.of_boot(&boot(late), true).expect("the one that counts is there");
        assert!(!values.contains_key("pss_up"), "{values:?}");
    }
}
