//! What the tests with the fake VMM share.

use firebench_model::record::{BootRecord, BootStatus, Report};
use serde_json::Value;

use crate::failed_boot;
use crate::support::clean::assert_clean;
use crate::support::common::Lab;
use crate::support::fake::{misbehaving, run};
use crate::support::invocation::{Invocation, Outcome, report};

/// What firebench may need of memory, whatever a guest or a VMM does.
const MOST_MEMORY_KIB: u64 = 150 << 10;

/// A fault of the fake VMM.
pub struct Injected {
    lab: Lab,
    /// Whom it plays, and the settings of the contender.
    vmm: &'static str,
    misdeeds: Value,
    args: Vec<String>,
}

/// The one boot is done with these misdeeds: see `examples/fake_vmm/script.rs`.
pub fn inject(misdeeds: Value) -> Injected {
    Injected { lab: Lab::without_vms(), vmm: "qemu", misdeeds, args: Vec::new() }
}

impl Injected {
    /// It plays Firecracker, not QEMU.
    pub fn by_firecracker(self) -> Self {
        Injected { vmm: "firecracker", ..self }
    }

    /// It plays Firecracker, which is told its machine by its API socket.
    pub fn by_api(self) -> Self {
        Injected { vmm: "firecracker,api=on", ..self }
    }

    /// It plays this VMM.
    pub fn by(self, vmm: &'static str) -> Self {
        Injected { vmm, ..self }
    }

    /// It plays libkrun, whose guests boot the small kernel.
    pub fn by_libkrun(self) -> Self {
        Injected { vmm: "libkrun", ..self }.with(&["--kernel", "small"])
    }

    /// More arguments.
    pub fn with(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// The run, not yet under way.
    pub fn invocation(&self) -> Invocation<'_> {
        let (name, _) = self.vmm.split_once(',').unwrap_or((self.vmm, ""));
        run(&self.lab, self.vmm, &misbehaving(&self.lab, name, &self.misdeeds)).args(&self.args).within(60)
    }

    /// The boot fails: with this status, in an error that says all of `words`, and with this hint.
    #[track_caller]
    pub fn fails(self, status: BootStatus, words: &[&str], hint: &str) -> (Outcome, BootRecord) {
        let outcome = self.invocation().run().fails(3, &["a, boot 1: "]).fails(3, words);
        assert!(outcome.stderr.lines().any(|line| line.starts_with("hint: ") && line.contains(hint)), "{outcome}");
        let report = self.look(&outcome);
        let boot = failed_boot(&report);
        assert_eq!(boot.status, status, "{outcome}");
        let message = boot.message.as_deref().unwrap_or_default();
        assert!(!message.is_empty() && outcome.error().contains(message), "{message}\n{outcome}");
        (outcome, boot.clone())
    }

    /// The boot is good; a notice says all of `words`, or there is none where there are none.
    #[track_caller]
    pub fn goes_well(self, words: &[&str]) -> (Outcome, BootRecord) {
        let outcome = self.invocation().run().ok();
        let report = self.look(&outcome);
        let [contender] = report.contenders.as_slice() else { panic!("one contender: {outcome}") };
        let [boot] = contender.boots.as_slice() else { panic!("one boot: {outcome}") };
        assert_eq!((boot.status, boot.iterations.len()), (BootStatus::Ok, 2), "{outcome}");
        assert_eq!(boot.message.is_some(), !words.is_empty(), "{:?}", boot.message);
        let said =
            |notice: &String| notice.starts_with("a, block 1: ") && words.iter().all(|word| notice.contains(word));
        let told = report.notices.iter().any(said);
        assert!(told || words.is_empty(), "{words:?}: {:?}", report.notices);
        (outcome, boot.clone())
    }

    /// What holds of every run, however it ended.
    #[track_caller]
    fn look(&self, outcome: &Outcome) -> Report {
        assert!(outcome.peak_kib > 0 && outcome.peak_kib < MOST_MEMORY_KIB, "{} KiB: {outcome}", outcome.peak_kib);
        assert_clean(&self.lab, outcome);
        report(&self.lab.path("out"))
    }
}
