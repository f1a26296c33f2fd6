//! The options that say what an experiment is.

use super::super::programs;

/// The heading of the options of a design in the help.
pub(super) const DESIGN: &str = "Design";

/// The options that a resumed run takes from its stored plan.
const OF_AN_EXPERIMENT: [&str; 45] = [
    "workload",
    "words",
    "command",
    "shell",
    "prepare",
    "conclude",
    "input",
    "env",
    "parameter_scan",
    "parameter_step_size",
    "parameter_list",
    "expect_exit",
    "expect_stdout",
    "from",
    "preset",
    "vmm",
    "contender",
    "accel",
    "memory",
    "vcpus",
    "tap",
    "pin",
    "jail",
    "boots",
    "precision",
    "delta",
    "estimand",
    "stop_on_verdict",
    "strict",
    "duet",
    "concurrent",
    "primary",
    "iterations",
    "warm_up",
    "seed",
    "layout",
    "settle",
    "cold",
    "host_cache",
    "kernel",
    "modules",
    "append",
    "root",
    "add",
    "dry_run",
];

/// The same with the programs of kinds and the flags of workloads.
pub(super) fn of_an_experiment() -> impl Iterator<Item = &'static str> {
    let of_workloads = firebench_workload::flags().into_iter().map(|flag| flag.name);
    OF_AN_EXPERIMENT.into_iter().chain(programs::ids()).chain(of_workloads)
}
