//! `--dry-run`: what is printed is what the published benchmark ran, a shell understands it, and it works.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::require;
use crate::support::common::{Lab, SOON, wait_for};
use crate::support::need;

const QEMU: &str = include_str!("../../../firebench-vmm/tests/published/qemu.txt");
const FIRECTL: &str = include_str!("../../../firebench-vmm/tests/published/firectl.txt");

/// The words of the command of a shell script that runs `program`, from that on.
fn words(script: &str, program: &str) -> Vec<String> {
    let joined = script.replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.starts_with('#')).filter_map(shlex::split);
    let mut found = lines.filter_map(|words| {
        let at = words.iter().position(|word| word.rsplit('/').next() == Some(program))?;
        (at + 1 < words.len()).then(|| words[at..].to_vec())
    });
    found.next().unwrap_or_else(|| panic!("no {program} in\n{script}"))
}

/// The text between `cat > ... <<'EOF'` and its end.
fn document(script: &str) -> Value {
    let (_, rest) = script.split_once("firecracker.json <<'EOF'\n").unwrap_or_else(|| panic!("no file in\n{script}"));
    let (text, _) = rest.split_once("\nEOF\n").expect("its end");
    serde_json::from_str(text).expect("JSON")
}

/// A shell reads it without running any of it.
fn assert_is_shell(script: &str) {
    let mut sh = Command::new("sh").arg("-n").stdin(Stdio::piped()).spawn().expect("sh runs");
    sh.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("sh reads");
    assert!(sh.wait().expect("sh").success(), "{script}");
}

fn dry_run(lab: &Lab, args: &[&str]) -> String {
    let outcome = lab.firebench(&["run", "memory", "--dry-run", "--size", "1MiB"]).args(args).run().ok();
    assert_is_shell(&outcome.stdout);
    outcome.stdout
}

#[test]
fn the_published_machines_are_those_of_the_document() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::without_vms();
    let script = dry_run(&lab, &["--preset", "published", "--accel", "kvm"]);

    // QEMU, word for word: paths apart, with the agent's initramfs, a firmware that leaves it alone, a read-only disk.
    let mut expected = words(QEMU, "qemu-system-x86_64");
    let ours = words(&script, "qemu-system-x86_64");
    let place = |words: &[String], flag: &str| words.iter().position(|word| word == flag).expect("the flag") + 1;
    let (kernel, drive) = (place(&expected, "-kernel"), place(&expected, "-drive"));
    expected[0].clone_from(&ours[0]);
    expected[kernel].clone_from(&ours[place(&ours, "-kernel")]);
    let image = ours[place(&ours, "-drive")].split(',').find_map(|part| part.strip_prefix("file=")).expect("a file");
    expected[drive] = format!("id=test,file={image},format=raw,if=none,readonly=on");
    let initramfs = ours[place(&ours, "-initrd")].clone();
    let added = ["-initrd", &initramfs, "-bios", "qboot.rom"].map(str::to_owned);
    expected.splice(kernel + 1..kernel + 1, added);
    assert_eq!(ours, expected);

    // Firecracker: what firectl makes of the document's flags.
    let flags = words(FIRECTL, "firectl");
    let flag = |name: &str| {
        let value = flags.iter().find_map(|word| word.strip_prefix(&format!("--{name}=")));
        value.unwrap_or_else(|| panic!("{name}: {flags:?}"))
    };
    let config = document(&script);
    assert_eq!(words(&script, "firecracker")[1..3], ["--no-api", "--config-file"]);
    let (tap, mac) = flag("tap-device").split_once('/').expect("NAME/MAC");
    assert_eq!(config["network-interfaces"][0]["host_dev_name"], tap);
    assert_eq!(config["network-interfaces"][0]["guest_mac"], mac);
    assert_eq!(config["logger"]["level"], flag("log-level"));
    assert_eq!(config["machine-config"]["vcpu_count"], 1);
    assert_eq!(config["machine-config"]["mem_size_mib"].to_string(), flags[flags.len() - 1]);
    assert_eq!(config["machine-config"]["smt"], false);
    // What is not as published is said.
    let options = flag("kernel-opts").replace("noapic ", "");
    assert_eq!(config["boot-source"]["boot_args"], options);
    assert!(script.contains("# published: firecracker's `noapic` is left out"), "{script}");
    match config["machine-config"].get("cpu_template") {
        Some(template) => assert_eq!(template, flag("cpu-template")),
        None => assert!(script.contains("# published: firecracker's CPU template T2 is left out"), "{script}"),
    }
    assert_eq!(script.matches("tuntap add dev tap0 mode tap").count(), 2, "both taps, each in a namespace\n{script}");
}

#[test]
fn a_dry_run_builds_no_disk_and_names_what_is_missing() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::without_vms().with_empty_cache();
    let script = dry_run(&lab, &["--accel", "nested", "--contender=a=qemu", "--contender=b=host,handicap=50%"]);
    for what in ["root disk", "file", "file of the handicap"] {
        let said = format!("# not built yet: {what} for a payload of 1 MiB: {}", lab.cache.display());
        assert!(script.contains(&said), "{said}\n{script}");
    }
    assert!(script.contains("Run the same command without --dry-run to build it"), "{script}");
    for kind in ["disk", "payload", "tools"] {
        assert!(!lab.cache.join("entries").join(kind).exists(), "{kind} was built");
    }
    // What it names is where it is then.
    let path = lab.firebench(&["image", "build", "--size", "1MiB"]).run().ok().stdout;
    let path = path.lines().next().expect("a path");
    assert!(script.contains(&format!("root disk for a payload of 1 MiB: {path}\n")), "{path}\n{script}");
    let script = dry_run(&lab, &["--accel", "tcg", "--vmm", "qemu"]);
    assert!(!script.contains("not built yet") && script.contains(path), "{script}");
}

#[test]
fn the_matched_machines_are_alike() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::without_vms();
    lab.firebench(&["image", "build", "--size", "1MiB"]).run().ok();
    let script = dry_run(&lab, &["--accel", "kvm", "--vcpus", "3", "--memory", "768MiB"]);
    let qemu = words(&script, "qemu-system-x86_64");
    let config = document(&script);
    let value = |flag: &str| qemu[qemu.iter().position(|word| word == flag).expect("the flag") + 1].as_str();
    assert_eq!((value("-smp"), value("-m"), value("-cpu")), ("3", "768m", "host"));
    assert_eq!(config["machine-config"], serde_json::json!({ "vcpu_count": 3, "mem_size_mib": 768, "smt": false }));
    assert_eq!(config["boot-source"]["boot_args"], value("-append"));
    assert_eq!(config["boot-source"]["kernel_image_path"], value("-kernel"));
    let disk = config["drives"][0]["path_on_host"].as_str().expect("a path");
    assert_eq!(value("-drive"), format!("id=test,file={disk},format=raw,if=none,readonly=on"));
    assert!(!script.contains("tap0"), "{script}");
    let files = ["kernel_image_path", "initrd_path"].map(|name| config["boot-source"][name].as_str().expect("a path"));
    for file in files.into_iter().chain([disk]) {
        assert!(std::path::Path::new(file).is_file(), "{file} is there for whoever pastes");
    }
}

#[test]
fn a_nested_dry_run_shows_the_host_too() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::without_vms();
    let script = dry_run(&lab, &["--accel", "nested"]);
    assert!(script.contains("inside one nested host"), "{script}");
    assert!(script.lines().any(|line| line.starts_with("# /") && line.contains("max,+svm,+npt,la57=off")), "{script}");
}

#[test]
fn what_is_printed_boots_when_it_is_pasted() {
    require!(need::tcg());
    let lab = Lab::new();
    lab.firebench(&["image", "build", "--size", "1MiB"]).run().ok();
    let script = dry_run(&lab, &["--accel", "tcg", "--vmm", "qemu"]);
    // A guest under TCG may hang at its start: firebench itself tries again, too.
    let spoke = (0..3).any(|_| {
        let output = lab.file("console", "");
        let console = std::fs::File::create(&output).expect("a file");
        let mut sh = Command::new("sh");
        sh.arg("-c").arg(&script).stdin(Stdio::null()).stdout(console).process_group(0).env("TMPDIR", &lab.tmp);
        let mut sh = sh.spawn().expect("sh runs");
        let begun = std::time::Instant::now();
        let spoke = loop {
            let said = String::from_utf8_lossy(&std::fs::read(&output).expect("our file")).into_owned();
            if said.contains("@firebench1") {
                break true;
            }
            if begun.elapsed() > Duration::from_secs(60) {
                break false;
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let group = nix::unistd::Pid::from_raw(sh.id() as i32);
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        sh.wait().expect("sh");
        wait_for("its end", SOON, || lab.processes(&[]).is_empty().then_some(()));
        spoke
    });
    assert!(spoke, "no frame came out of\n{script}");
}
