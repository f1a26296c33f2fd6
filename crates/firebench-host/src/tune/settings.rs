//! The settings, and the value that each one should have.

use std::io;

use super::machine::Machine;

const CPUFREQ: &str = "sys/devices/system/cpu/cpufreq";
const NO_TURBO: &str = "sys/devices/system/cpu/intel_pstate/no_turbo";
const BOOST: &str = "sys/devices/system/cpu/cpufreq/boost";
const KSM: &str = "sys/kernel/mm/ksm/run";
const SMT: &str = "sys/devices/system/cpu/smt/control";
/// As good as `off`.
const NO_SMT: [&str; 3] = ["forceoff", "notsupported", "notimplemented"];
const THP_MODES: [&str; 3] = ["always", "madvise", "never"];
const THP: &str = "sys/kernel/mm/transparent_hugepage/enabled";

/// Settings that are only made on request, because they change what is measured, not only how steadily.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Switch hyper-threads off.
    pub smt_off: bool,
    /// Transparent huge pages: `always`, `madvise` or `never`.
    pub thp: Option<String>,
}

/// The settings to change, and why the others do not change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tuning {
    /// In the order in which they are made.
    pub changes: Vec<Change>,
    /// A line for each setting that does not change: `ksm: off already`.
    pub notes: Vec<String>,
}

/// One value that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is: `governor`.
    pub name: &'static str,
    /// Its file, relative to the root of the file system.
    pub path: String,
    /// The value now.
    pub before: String,
    /// The value to be.
    pub after: String,
}

impl Tuning {
    fn note(&mut self, name: &str, text: &str) {
        let line = format!("{name}: {text}");
        // One line for all CPUs.
        if !self.notes.contains(&line) {
            self.notes.push(line);
        }
    }

    /// Wants `after` in the file, unless it holds that or one of `as_good`.
    fn want(&mut self, machine: &dyn Machine, name: &'static str, path: &str, after: &str, as_good: &[&str]) {
        match machine.read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.note(
                name,
                "this machine does not have this \
            setting",
            ),
            Err(error) => self.note(name, &format!("cannot be read: {error}")),
            Ok(now) if now == after => self.note(name, &format!("{} already", word(path, &now))),
            Ok(now) if as_good.contains(&now.as_str()) => self.note(name, word(path, &now)),
            Ok(now) if machine.is_read_only(path) => {
                self.note(name, &format!("{}, and nobody can change it on this machine", word(path, &now)));
            }
            Ok(before) => {
                let (path, after) = (path.to_owned(), after.to_owned());
                self.changes.push(Change { name, path, before, after });
            }
        }
    }

    /// Says that a setting stays unless `option` is given.
    fn offer(&mut self, machine: &dyn Machine, name: &'static str, path: &str, option: &str) {
        match machine.read(path) {
            Ok(now) => self.note(name, &format!("{now}, not changed without {option}")),
            Err(_) => self.note(name, "this machine does not have this setting"),
        }
    }
}

/// What is to be changed on `machine`. Changes nothing. SMT comes last: CPUs that it takes away take their governor's
/// file along.
pub(super) fn plan(machine: &dyn Machine, request: &Request) -> Tuning {
    let mut plan = Tuning::default();
    governors(machine, &mut plan);
    // Intel's driver says it the other way round.
    match machine.read(NO_TURBO) {
        Ok(_) => plan.want(machine, "turbo", NO_TURBO, "1", &[]),
        Err(_) => plan.want(machine, "turbo", BOOST, "0", &[]),
    }
    // 0 stops merging and leaves merged pages merged; 2, which takes them apart, may need more memory than there is.
    plan.want(machine, "ksm", KSM, "0", &["2"]);
    match &request.thp {
        Some(mode) => plan.want(machine, "transparent huge pages", THP, mode, &[]),
        None => plan.offer(machine, "transparent huge pages", THP, "--thp"),
    }
    let is_off = machine.read(SMT).is_ok_and(|now| now == "off" || NO_SMT.contains(&now.as_str()));
    match request.smt_off || is_off {
        true => plan.want(machine, "smt", SMT, "off", &NO_SMT),
        false => plan.offer(machine, "smt", SMT, "--smt-off"),
    }
    plan
}

/// Every CPU's, or that of each group of CPUs with one frequency.
fn governors(machine: &dyn Machine, plan: &mut Tuning) {
    let policies = machine.names(CPUFREQ).into_iter().filter(|name| name.starts_with("policy"));
    let mut any = false;
    for policy in policies {
        any = true;
        let offered = machine.read(&format!("{CPUFREQ}/{policy}/scaling_available_governors"));
        if offered.is_ok_and(|names| !names.split_ascii_whitespace().any(|name| name == "performance")) {
            plan.note("governor", "the kernel does not offer the governor performance");
        } else {
            plan.want(machine, "governor", &format!("{CPUFREQ}/{policy}/scaling_governor"), "performance", &[]);
        }
    }
    if !any {
        plan.note("governor", "this machine does not have this setting");
    }
}

/// Whether a setting of a record is one that [`plan`] makes: its file, its name, and values that it can have.
pub(super) fn is_known(name: &str, path: &str, before: &str, ours: &[String]) -> bool {
    let policy = path.strip_prefix(CPUFREQ).and_then(|rest| rest.strip_prefix("/policy"));
    let policy = policy.and_then(|rest| rest.strip_suffix("/scaling_governor"));
    let numbered = policy.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    // Kernels have governors of their own: any word will do.
    let word =
        |value: &str| (1..=32).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let switch = ["0", "1"];
    let (known, befores, values): (&str, &[&str], &[&str]) = match path {
        NO_TURBO => ("turbo", &switch, &["1"]),
        BOOST => ("turbo", &switch, &["0"]),
        KSM => ("ksm", &["0", "1", "2"], &["0"]),
        THP => ("transparent huge pages", &THP_MODES, &THP_MODES),
        SMT => ("smt", &["on", "off"], &["off"]),
        _ if numbered && word(before) => ("governor", &[before], &["performance"]),
        _ => return false,
    };
    name == known && befores.contains(&before) && ours.iter().all(|value| values.contains(&value.as_str()))
}

/// The value of a switch in words, of anything else as it is.
pub(super) fn word<'a>(path: &str, value: &'a str) -> &'a str {
    match (path, value) {
        (NO_TURBO, "0") | (BOOST | KSM, "1") => "on",
        (NO_TURBO, "1") | (BOOST, "0") | (KSM, "0" | "2") => "off",
        (SMT, "notsupported" | "notimplemented") => "not supported",
        _ => value,
    }
}
