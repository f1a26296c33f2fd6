//! The fake VMM: `examples/fake_vmm/`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use firebench_image::payload::Payload;

use crate::support::common::{Lab, build, firebench};
use crate::support::executable::copy;
use crate::support::invocation::Invocation;

#[path = "../../examples/fake_vmm/choice.rs"]
pub mod choice;

/// Size of the payload whose digest the fake VMM knows: `--size 1MiB`.
const BYTES: u64 = 1 << 20;

/// The example of this build: cargo builds examples for `cargo test` alone, not for one of its tests.
fn built() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let example = firebench().with_file_name("examples").join("fake_vmm");
    BUILT.get_or_init(|| build(&["--package", "firebench", "--example", "fake_vmm"]));
    example
}

/// A fake VMM in the lab's directory, with its script, of which `behaviour` is all but the digest.
pub fn fake(lab: &Lab, behaviour: &str) -> PathBuf {
    let built = built();
    let fake = lab.path("fake-vmm");
    copy(&built, &fake);
    let digest = Payload::seeded(BYTES).digest().expect("a digest").expect("a seeded payload's");
    // Whole at any time: another run of the same lab may be reading it.
    let script = lab.file("fake-vmm.new", format!("{{\"digest\": \"{digest}\", {behaviour}}}"));
    std::fs::rename(script, lab.path("fake-vmm.json")).expect("the test's own file can be renamed");
    fake
}

/// One that plays `vmm` and does everything well but for `misdeeds`: see `examples/fake_vmm/script.rs`.
pub fn misbehaving(lab: &Lab, vmm: &str, misdeeds: &serde_json::Value) -> PathBuf {
    fake(lab, &format!("\"vmm\": \"{vmm}\", \"boot_ms\": 5, \"iteration_ms\": 5, \"misdeeds\": {misdeeds}"))
}

/// A run of one boot of a fake VMM that plays `vmm`, with two iterations; its report goes to `out` in the lab.
pub fn run<'a>(lab: &'a Lab, vmm: &str, fake: &Path) -> Invocation<'a> {
    let accel = if vmm == "qemu" { "tcg" } else { "kvm" };
    let contender = format!("--contender=a={vmm},binary={}", fake.display());
    let args = ["run", "memory", "--size", "1MiB", "--boots", "1", "--iterations", "2", "--accel", accel, "--out"];
    lab.firebench(&args).arg(lab.path("out")).arg(contender)
}
