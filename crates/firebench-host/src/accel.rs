//! The choice of the accelerator, by what the user asked for and what /dev/kvm can do.

use firebench_model::experiment::AccelChoice;
use firebench_supervise::kvm::{KvmClass, KvmReport};
use firebench_vmm::Accel;

/// What executes guest instructions, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The accelerator that each VMM is started with.
    pub accel: Accel,
    /// Whether the VMs run inside a nested host.
    pub nested: bool,
    /// Whether guest instructions are emulated at any level.
    pub emulated: bool,
    /// Why, in a sentence with the figures.
    pub reason: String,
}

/// The user asked for KVM, which does not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("cannot use --accel kvm: {finding}")]
#[diagnostic(help("{remedy}; or use --accel auto, which takes what is usable"))]
pub struct NoKvm {
    finding: String,
    remedy: String,
}

/// The error if the chosen KVM does not work at all in this process. A slow one is the user's choice.
pub fn no_kvm(chosen: &Chosen, kvm: &KvmReport) -> Option<NoKvm> {
    let dead = matches!(kvm.class, KvmClass::Absent | KvmClass::NoPermission | KvmClass::Broken);
    let remedy = kvm.remedy.clone().unwrap_or_else(|| "see `firebench doctor`".to_owned());
    (dead && chosen.accel == Accel::Kvm && !chosen.nested).then(|| NoKvm { finding: kvm.finding.clone(), remedy })
}

/// Chooses the accelerator. Pure. With `all_native`, the CPU itself runs every contender, and there is nothing to accelerate.
pub fn choose(choice: AccelChoice, kvm: &KvmReport, all_native: bool) -> Chosen {
    if all_native && choice != AccelChoice::Nested {
        let reason = "no contender has a virtual CPU, so nothing is virtualised".to_owned();
        return Chosen { accel: Accel::Native, nested: false, emulated: false, reason };
    }
    let asked = |flag: &str| format!("requested with {flag}; {}", kvm.finding);
    match choice {
        AccelChoice::Tcg => Chosen { accel: Accel::Tcg, nested: false, emulated: true, reason: asked("--accel tcg") },
        AccelChoice::Nested => {
            Chosen { accel: Accel::Kvm, nested: true, emulated: true, reason: asked("--accel nested") }
        }
        AccelChoice::Kvm => Chosen {
            accel: Accel::Kvm,
            nested: false,
            emulated: kvm.class == KvmClass::Emulated,
            reason: asked("--accel kvm"),
        },
        AccelChoice::Auto if kvm.class.usable() => {
            Chosen { accel: Accel::Kvm, nested: false, emulated: false, reason: kvm.finding.clone() }
        }
        AccelChoice::Auto => Chosen {
            accel: Accel::Kvm,
            nested: true,
            emulated: true,
            reason: format!("{}; so everything runs in a nested host", kvm.finding.trim_end_matches('.')),
        },
    }
}
