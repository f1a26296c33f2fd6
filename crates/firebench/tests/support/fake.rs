//! The fake VMM: `examples/fake_vmm.rs`.

use std::path::PathBuf;
use std::sync::OnceLock;

use firebench_image::payload::Payload;

use crate::support::common::{Lab, build, firebench};

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
    std::fs::copy(&built, &fake).unwrap_or_else(|error| panic!("{}: {error}", built.display()));
    let digest = Payload::seeded(BYTES).digest().expect("a digest").expect("a seeded payload's");
    lab.file("fake-vmm.json", format!("{{\"digest\": \"{digest}\", {behaviour}}}"));
    fake
}
