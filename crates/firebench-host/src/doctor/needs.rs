//! What firebench needs: an accelerator, the VMMs, and what guests are made of.

use std::path::PathBuf;

use firebench_model::experiment::AccelChoice;
use firebench_supervise::kvm::KvmClass;
use firebench_text::errors::sentence;
use firebench_vmm::kind::Jailing;
use firebench_vmm::kinds::EMULATOR;
use firebench_vmm::{Missing, VmmKind, kinds};
use miette::Diagnostic;

use super::check::{Check, State, check};
use super::seen::{Facts, FoundFile};
use super::trials::{Tried, outcome};
use crate::accel::choose;
use crate::tools::{Tool, ToolError};

const E2FSPROGS: &str = "install e2fsprogs (Debian and Ubuntu: apt-get install e2fsprogs)";

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = vec![kvm(facts), accelerator(facts)];
    checks.extend(facts.programs.iter().map(|(kind, found)| vmm(*kind, found)));
    checks.extend([
        kernel(facts),
        small_kernel(facts),
        busybox(facts),
        program("mke2fs", &facts.mke2fs, State::Bad, "it makes the guest's root disk", E2FSPROGS),
        program("debugfs", &facts.debugfs, State::Bad, "it puts the payload into the root disk", E2FSPROGS),
        program(
            "curl",
            &facts.curl,
            State::Info,
            "it downloads releases for `firebench fetch firecracker --from release`",
            "install curl (Debian and Ubuntu: apt-get install curl)",
        ),
        pip(facts),
        confinement(facts),
    ]);
    checks.extend(kinds::all().filter_map(|kind| jail(facts, kind)));
    checks
}

/// How a VMM that misbehaves is confined.
fn confinement(facts: &Facts) -> Check {
    let why = "a VMM that misbehaves must not harm anything but its run";
    let remedy = "docs/privileges.md lists each part and the right that it needs";
    let Some(confinement) = &facts.confinement else {
        return check("confinement", State::Info, "unknown: firebench could not start `true` to find out", why, None);
    };
    if !confinement.missing.is_empty() {
        return check(
            "confinement",
            State::Info,
            confinement.missing.iter().map(Missing::to_string).collect::<Vec<_>>().join("; "),
            why,
            Some(remedy),
        );
    }
    let memory = if confinement.memory_limit.is_some() { "all its processes" } else { "each of its processes" };
    let finding = format!("a VMM has its own namespaces and can write to its own directory only; {memory} limited");
    check("confinement", State::Ok, finding, why, None)
}

fn jail(facts: &Facts, vmm: VmmKind) -> Option<Check> {
    let Jailing::Jailer(jailer) = &vmm.guest()?.jail else { return None };
    let found = facts.jailers.iter().find(|(kind, _)| *kind == vmm).map(|(_, found)| found);
    let why = &format!("`run --jail` starts {} under it, as the project recommends for production", vmm.title);
    let check = |state, finding: String, why: &str, remedy| check(jailer.name, state, finding, why, remedy);
    Some(match (found, facts.root) {
        (None, _) => check(State::Info, format!("{vmm} was not found"), why, None),
        (Some(Err(error)), _) => {
            let remedy = error.help().map(|help| help.to_string());
            check(State::Info, sentence(error), why, remedy.as_deref())
        }
        (Some(Ok(tool)), true) => check(State::Ok, tool.path.display().to_string(), why, None),
        (Some(Ok(tool)), false) => {
            let finding = format!("{}: it needs root, except in a nested host", tool.path.display());
            check(State::Info, finding, why, Some("sudo firebench run --jail"))
        }
    })
}

fn kvm(facts: &Facts) -> Check {
    let kvm = &facts.kvm;
    let state = match kvm.class {
        KvmClass::Hardware => State::Ok,
        KvmClass::NestedHardware => State::Info,
        // No more than a warning: a nested host does without. Whether there can be one is the next check's matter.
        KvmClass::Emulated | KvmClass::Absent | KvmClass::NoPermission | KvmClass::Broken => State::Warn,
    };
    let why = "timings say something about speed only if the CPU itself executes the guests";
    check("kvm", state, kvm.finding.as_str(), why, kvm.remedy.as_deref())
}

/// What `--accel auto` would do on this machine.
fn accelerator(facts: &Facts) -> Check {
    let chosen = choose(AccelChoice::Auto, &facts.kvm, false);
    let why = "an emulated accelerator shows that things work, not how fast they are";
    if !chosen.nested {
        return check("accelerator", State::Ok, format!("auto chooses {}", chosen.accel), why, None);
    }
    match facts.program(EMULATOR) {
        Some(Ok(_)) => check(
            "accelerator",
            State::Warn,
            "auto chooses a nested host: an emulated machine with a working /dev/kvm inside",
            why,
            Some("make /dev/kvm usable (see kvm above) to measure speed"),
        ),
        _ => check(
            "accelerator",
            State::Bad,
            "auto would choose a nested host, but there is no QEMU to emulate it",
            why,
            Some("install QEMU (see qemu below), or make /dev/kvm usable"),
        ),
    }
}

fn vmm(vmm: VmmKind, found: &Result<Tool, ToolError>) -> Check {
    let name = vmm.0.name;
    let missing = if vmm.by_default { State::Bad } else { State::Info };
    let why = "firebench can only measure an installed VMM; the digest identifies the build";
    match found {
        Ok(tool) => {
            let finding = format!("{}, {}, sha256 {}", tool.version_line, tool.path.display(), tool.sha256);
            check(name, State::Ok, finding, why, None)
        }
        Err(error) => {
            let remedy = error.help().map(|help| help.to_string());
            check(name, missing, sentence(error), why, remedy.as_deref())
        }
    }
}

fn kernel(facts: &Facts) -> Check {
    let why = "the guests boot it, from the same bytes under every VMM";
    let remedy = if matches!(facts.apt_get, Some(Ok(_))) {
        "firebench fetch kernel, or give one with --kernel PATH"
    } else {
        "give a kernel with --kernel PATH: without apt-get, firebench cannot fetch Debian's"
    };
    match &facts.kernel {
        Some(file) => check("kernel", State::Ok, describe(file), why, None),
        None => check("kernel", State::Bad, "none was fetched", why, Some(remedy)),
    }
}

fn small_kernel(facts: &Facts) -> Check {
    const NAME: &str = "small kernel";
    let why =
        "guests boot it with `run --kernel small`: in less time than Debian's, and libkrun's guests boot no other";
    match &facts.small_kernel {
        Ok(Some(file)) => check(NAME, State::Ok, describe(file), why, None),
        Ok(None) => {
            check(NAME, State::Info, "was not built (firebench kernel build)", why, Some("firebench kernel build"))
        }
        Err(error) => {
            let remedy = error.help().map(|help| help.to_string());
            check(NAME, State::Warn, sentence(error), why, remedy.as_deref())
        }
    }
}

fn busybox(facts: &Facts) -> Check {
    let why = "the guest's workload runs in it, from the same bytes under every VMM";
    let remedy = if matches!(facts.apt_get, Some(Ok(_))) {
        "firebench fetch busybox, or set FIREBENCH_BUSYBOX to a static busybox"
    } else {
        "install a static busybox, or set FIREBENCH_BUSYBOX to one"
    };
    match &facts.busybox {
        Ok(Some(file)) => match &facts.trials.busybox {
            Some(tried @ Err(_)) => outcome("busybox", tried, |()| String::new(), State::Bad, why),
            _ => check("busybox", State::Ok, describe(file), why, None),
        },
        Ok(None) => check("busybox", State::Bad, "no static busybox was found", why, Some(remedy)),
        Err(error) => check("busybox", State::Bad, sentence(error), why, Some(remedy)),
    }
}

fn program(name: &str, found: &Option<Tried<PathBuf>>, missing: State, why: &str, remedy: &str) -> Check {
    match found {
        Some(tried) => outcome(name, tried, |path| path.display().to_string(), missing, why),
        None => check(name, missing, "not found", why, Some(remedy)),
    }
}

fn pip(facts: &Facts) -> Check {
    let why = "it downloads the wheel for `firebench fetch firecracker --from wheel`";
    match &facts.pip {
        Some(version) => check("pip", State::Ok, version.as_str(), why, None),
        None => {
            let remedy = "install pip (Debian and Ubuntu: apt-get install python3-pip)";
            check("pip", State::Info, "not found", why, Some(remedy))
        }
    }
}

fn describe(file: &FoundFile) -> String {
    format!("{}, sha256 {}", file.path.display(), file.sha256)
}
