//! The boot itself: how long it takes from the execution of a program until user space speaks, and from the end of the work until
//! nothing is left of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use firebench_model::experiment::Experiment;
use firebench_model::metric::{Clock, Metric, Unit, time};
use firebench_model::plan::Inputs;
use firebench_model::record::{BootRecord, BootStatus};
use firebench_protocol::{IterationReport, QUIET};
use firebench_stats::{Better, Scale};
use firebench_text::excerpt;

use crate::reading::{Fault, Reading};
use crate::workload::{Needs, Run, Side, Speed, Workload};

mod remarks;

/// Characters of a wrong output that a message quotes.
const QUOTED: usize = 60;

/// A boot with an empty job, and which part of it verdicts are about: the first of its metrics.
pub struct Boot {
    name: &'static str,
    about: &'static str,
    says_nothing_of: &'static str,
    metrics: &'static [Metric],
}

/// Start.
pub static BOOT: Boot = Boot {
    name: "boot",
    about: "The start of a guest or a container with an empty job, phase by phase",
    says_nothing_of: "when a service answers: it may need more than user space",
    metrics: &OF_A_START,
};

/// End.
pub static SHUTDOWN: Boot = Boot {
    name: "shutdown",
    about: "The end of a guest or a container after an empty job",
    says_nothing_of: "how long a system of services takes to stop: nothing but firebench's agent runs",
    metrics: &OF_AN_END,
};

static OF_A_START: [Metric; 9] = [UP, VMM, KERNEL, AGENT, END, TOTAL, CPU, LINES, LAUNCH];
static OF_AN_END: [Metric; 9] = [END, UP, VMM, KERNEL, AGENT, TOTAL, CPU, LINES, LAUNCH];

const UP: Metric = host("boot", "From the execution of the program until user space reports");
const VMM: Metric = host(
    "vmm",
    "From the execution of the program until its kernel keeps the time, or, without one, until the agent runs",
);
const KERNEL: Metric =
    time("kernel", "From when the kernel keeps the time until user space runs", Clock::Guest, Scale::Ratio, true);
const AGENT: Metric = host("agent", "In user space: firebench's agent, and its empty job");
const END: Metric = host("end", "From the end of the work until the program is gone");
const TOTAL: Metric = host("total", "From the execution of the program until it is gone");
const CPU: Metric = host("cpu", "CPU time of the program, all its life");
const LINES: Metric = Metric {
    name: Cow::Borrowed("lines"),
    title: Cow::Borrowed("Messages that the kernel logged until the agent looked"),
    unit: Some(Unit::of("lines")),
    clock: Some(Clock::Guest),
    better: Better::Less,
    scale: Scale::Raw,
    shown: true,
};
const LAUNCH: Metric = time(
    "launch",
    "Before all of that: firebench's own work until the program is executed",
    Clock::Host,
    Scale::Ratio,
    false,
);

/// A time by the host's clock.
const fn host(name: &'static str, title: &'static str) -> Metric {
    time(name, title, Clock::Host, Scale::Ratio, true)
}

impl Workload for Boot {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn says_nothing_of(&self) -> &'static str {
        self.says_nothing_of
    }

    fn metrics(&self) -> &'static [Metric] {
        self.metrics
    }

    fn measures_boots(&self) -> bool {
        true
    }

    fn of_boot(&self, boot: &BootRecord, guest: bool) -> Result<BTreeMap<&'static str, f64>, (BootStatus, String)> {
        let moments = boot.moments.unwrap_or_default();
        let (Some(done), Some(gone)) = (moments.done, moments.gone) else {
            let why = match &boot.message {
                Some(message) => format!("it did not end by itself: {message}"),
                None => "its end was not seen".to_owned(),
            };
            return Err((BootStatus::VmmExited, why));
        };
        // A guest is quiet before it ends its machine, so that what it asked for can be counted.
        let (kernel, quiet) = if guest { (moments.kernel, QUIET.as_secs_f64()) } else { (0.0, 0.0) };
        let up = moments.up - moments.executed;
        let worked = done + quiet;
        let lines = boot.facts.as_ref().and_then(|facts| facts.kernel_lines);
        let values = [
            ("boot", Some(up)),
            ("vmm", Some(up - moments.awake - kernel)),
            ("kernel", guest.then_some(kernel)),
            ("agent", Some(moments.awake + worked - moments.up)),
            ("end", Some(gone - worked)),
            ("total", Some(gone - moments.executed)),
            ("cpu", boot.vmm_cpu.map(|(user, sys)| user + sys)),
            ("lines", lines.filter(|_| guest).map(f64::from)),
            ("launch", Some(moments.executed)),
        ];
        Ok(values.into_iter().filter_map(|(name, value)| Some((name, value?.max(0.0)))).collect())
    }

    fn needs(&self, _: &Experiment, _: Speed) -> Needs {
        Needs::default()
    }

    fn command(&self, side: &Side) -> Vec<String> {
        side.applet("true")
    }

    fn deadline(&self, _: &Inputs, _: Speed) -> Duration {
        Duration::from_secs(60)
    }

    fn read(&self, _: &Inputs, output: &IterationReport) -> Result<Reading, Fault> {
        match excerpt(output.stdout.trim(), QUOTED).as_str() {
            "" => Ok(Reading::default()),
            text => Err(Fault::WrongOutput(format!("the empty job printed \"{text}\""))),
        }
    }

    /// Which of these figures can be laid beside which of others, and what of a boot they depend on.
    fn remarks(&self, run: &Run<'_>) -> Vec<String> {
        remarks::of(run.report)
    }
}

#[cfg(test)]
mod tests {
    use firebench_model::record::Moments;
    use firebench_protocol::GuestFacts;

    use super::*;

    fn boot() -> BootRecord {
        let moments = Moments {
            executed: 0.004,
            first_byte: Some(0.1),
            up: 0.204,
            done: Some(0.3),
            gone: Some(0.35),
            kernel: 0.12,
            awake: 0.01,
        };
        let facts = GuestFacts { kernel_lines: Some(204), ..GuestFacts::default() };
        BootRecord { moments: Some(moments), facts: Some(facts), vmm_cpu: Some((0.2, 0.1)), ..BootRecord::new(0, 0, 1) }
    }

    #[test]
    fn the_phases_add_up_to_the_whole() {
        for guest in [true, false] {
            let values = BOOT.of_boot(&boot(), guest).expect("it is whole");
            let phases: f64 = ["vmm", "kernel", "agent", "end"].iter().filter_map(|name| values.get(name)).sum();
            assert!((phases - values["total"]).abs() < 1e-9, "{values:?}");
            let start: f64 = ["vmm", "kernel"].iter().filter_map(|name| values.get(name)).sum();
            assert!((start + 0.01 - values["boot"]).abs() < 1e-9, "the agent speaks 10 ms after its start: {values:?}");
            assert_eq!(values.contains_key("kernel"), guest);
            assert_eq!(values.contains_key("lines"), guest);
            assert!((values["cpu"] - 0.3).abs() < 1e-9);
        }
    }

    #[test]
    fn every_value_is_declared_and_every_metric_has_one() {
        let values = BOOT.of_boot(&boot(), true).expect("it is whole");
        for workload in [&BOOT, &SHUTDOWN] {
            let names: Vec<&str> = workload.metrics.iter().map(|metric| metric.name.as_ref()).collect();
            assert!(names.iter().all(|name| values.contains_key(name)) && names.len() == values.len(), "{names:?}");
        }
    }

    #[test]
    fn verdicts_are_about_what_it_is_called_after() {
        let first = |workload: &Boot| workload.metrics[0].name.clone();
        assert_eq!((first(&BOOT).as_ref(), first(&SHUTDOWN).as_ref()), ("boot", "end"));
    }

    #[test]
    fn a_boot_that_did_not_end_by_itself_is_not_whole() {
        let mut boot = boot();
        boot.moments.as_mut().expect("they are known").gone = None;
        boot.message = Some("the VM was still running".to_owned());
        let (status, why) = BOOT.of_boot(&boot, true).expect_err("not whole");
        assert_eq!(
            (status, why.as_str()),
            (BootStatus::VmmExited, "it did not end by itself: the VM was still running")
        );
    }
}
