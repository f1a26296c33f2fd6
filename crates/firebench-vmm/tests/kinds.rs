//! Every kind of the table as a text: what users see of it, and its launch, word for word, as it is by default and with each value of
//! each setting.
#![cfg(test)]

use std::fmt::Write as _;
use std::path::PathBuf;

use firebench_vmm::kind::Runs;
use firebench_vmm::setting::{Setting, Takes, Value};
use firebench_vmm::{
    Accel, Contender, Drive, Image, Machine, Paths, Root, RootFile, Settings, Tap, Veth, VmmKind, gvisor, kinds, preset,
};
use firebench_vmm::{launch, launch_container, launch_process};

/// The launch without a network card, or why there is none.
fn launched(kind: VmmKind, settings: Settings) -> String {
    launched_with(kind, settings, None, None)
}

fn launched_with(kind: VmmKind, settings: Settings, tap: Option<Tap>, veth: Option<Veth>) -> String {
    let vcpus = kind.max_vcpus.unwrap_or(2).min(2);
    let machine = Machine { vcpus, memory_mib: 1024, accel: kind.accels[0], tap, veth, cpus: None };
    let image = Image {
        kernel: "/cache/vmlinux".into(),
        cmdline: "console=ttyS0 quiet".to_owned(),
        initramfs: "/run/boot-0/initramfs".into(),
        disk: Drive { path: "/cache/root.ext4".into(), read_only: true },
    };
    let program = kind.program.as_ref().map_or("agent", |program| program.name);
    let paths = Paths { binary: format!("/usr/bin/{program}").into(), work_dir: "/run/boot-0".into() };
    let job: PathBuf = "/run/boot-0/job.json".into();
    let launch = match kind.runs {
        Runs::Guest(_) => launch(&Contender { name: kind.name.to_owned(), machine, settings }, &image, &paths),
        Runs::Container(_) => {
            let file = |path: &str, seen: &str| RootFile { path: path.into(), seen: seen.to_owned() };
            let files = vec![file("/cache/random.txt", "/random.txt"), file("/run/boot-0/job.json", "/job.json")];
            let argv = ["/firebench-agent", "host", "/job.json"].map(str::to_owned).to_vec();
            launch_container(kind, &machine, &Root { directory: None, overlay: false, files, argv }, &paths)
        }
        Runs::Process(_) => launch_process(kind, &machine, &job, &paths),
    };
    match launch {
        Ok(launch) => launch.to_shell(),
        Err(error) => format!("refused: {error}"),
    }
}

/// Values of a setting: all, where they can be counted.
fn values(setting: &Setting) -> Vec<Value> {
    match setting.takes {
        Takes::Switch => vec![true.into(), false.into()],
        Takes::Words(words) => words.iter().map(|word| (*word).into()).collect(),
        Takes::Count => vec![Value::Count(2)],
        _ => vec![setting.example.trim_matches('"').into()],
    }
}

fn described(kind: VmmKind) -> String {
    let mut text = String::new();
    let mut line = |line: &str| writeln!(text, "{line}").expect("a string takes everything");
    let accels = kind.accels.iter().map(|accel: &Accel| accel.to_string()).collect::<Vec<_>>().join(", ");
    line(&format!("{}: {}, with {accels}", kind.name, kind.title));
    for setting in kind.settings_of_users() {
        line(&format!("{}: {}: {}", setting.key, setting.takes, setting.help));
    }
    let plain = launched(kind, Settings::new(kind));
    line(&plain);
    for setting in kind.settings_of_users() {
        for value in values(setting) {
            line(&format!("\n{} = {value}:", setting.key));
            let changed = launched(kind, Settings::new(kind).with(setting, value));
            let lines = || changed.lines().filter(|line| !plain.lines().any(|of_plain| of_plain == *line));
            lines().for_each(|new| line(&format!("+ {}", new.trim_end_matches(" \\"))));
            if lines().next().is_none() {
                line("as by default");
            }
        }
    }
    text
}

#[test]
fn kinds_are_what_they_were() {
    for kind in kinds::all() {
        insta::assert_snapshot!(kind.name, described(kind));
    }
}

/// What was a difference between two scripts, line by line.
fn changes(plain: &str, changed: &str) -> String {
    let lines = |of: &str, mark: &str, other: &str| {
        let only = of.lines().filter(|line| !other.lines().any(|of_other| of_other == *line));
        only.map(|line| format!("{mark} {line}\n")).collect::<String>()
    };
    lines(plain, "-", changed) + &lines(changed, "+", plain)
}

#[test]
fn every_kind_but_the_bare_host_can_have_a_network_card() {
    let mut text = String::new();
    for kind in kinds::all() {
        let card = kind.card;
        let settings = || Settings::new(kind);
        let plain = launched(kind, settings());
        let tap = kind.guest().map(|_| Tap { name: "tap0".to_owned(), mac: None });
        let veth = kind.container().map(|_| preset::veth());
        assert_eq!(card.is_some(), tap.is_some() || veth.is_some(), "{kind}");
        let carded = launched_with(kind, settings(), tap, veth);
        assert_eq!(card.is_some(), plain != carded, "{kind}");
        let card = card.unwrap_or("none");
        writeln!(text, "{kind}: {card}\n{}", changes(&plain, &carded)).expect("a string takes everything");
    }
    insta::assert_snapshot!(text);
}

/// What a container writes to its root goes to memory: firebench's over the directory, or gVisor's own. Nobody is given the directory to
/// write to.
#[test]
fn a_writable_root_leaves_its_directory_as_it_is() {
    for kind in kinds::all().filter(|kind| kind.container().is_some()) {
        let machine = Machine { vcpus: 1, memory_mib: 64, accel: kind.accels[0], tap: None, veth: None, cpus: None };
        let paths = Paths { binary: "/usr/bin/x".into(), work_dir: "/run/boot-0".into() };
        let root = |overlay| {
            let directory = Some("/cache/rootfs".into());
            let root = Root { directory, overlay, files: Vec::new(), argv: vec!["/firebench/agent".to_owned()] };
            launch_container(kind, &machine, &root, &paths).expect("it starts")
        };
        let (plain, launch) = (root(false), root(true));
        assert_eq!(plain.overlay, None, "{kind}");
        let all = launch.argv.join(" ") + &launch.files.iter().map(|file| file.contents.as_str()).collect::<String>();
        let Some(overlay) = &launch.overlay else {
            assert!(kind == VmmKind(&gvisor::KIND) && all.contains("--overlay2=root:memory"), "{kind}");
            continue;
        };
        assert!(!all.contains("/cache/rootfs"), "{kind}: {all}");
        assert_eq!((overlay.lower.to_str(), overlay.bytes), (Some("/cache/rootfs"), 64 << 20), "{kind}");
        for path in [&overlay.memory, &overlay.seen] {
            assert!(path.starts_with("/run/boot-0") && launch.directories.contains(path), "{kind}: {path:?}");
        }
        assert!(launch.to_shell().contains("mount -t overlay -o lowerdir=/cache/rootfs,upperdir="), "{kind}");
    }
}
