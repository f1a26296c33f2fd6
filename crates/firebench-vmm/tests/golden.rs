//! Every launch, word for word.
#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test may panic")]

use firebench_vmm::setting::{Setting, Takes};
use firebench_vmm::{
    Accel, Contender, Drive, Image, Launch, LaunchError, Machine, Paths, Settings, Tap, VmmKind, firecracker, host,
    kinds, launch, qemu, uml,
};
use insta::assert_snapshot;

fn machine() -> Machine {
    Machine { vcpus: 2, memory_mib: 1024, accel: Accel::Kvm, tap: None, veth: None, cpus: None }
}

fn tap(mac: Option<&str>) -> Option<Tap> {
    Some(Tap { name: "tap0".to_owned(), mac: mac.map(str::to_owned) })
}

fn image() -> Image {
    Image {
        kernel: "/cache/vmlinux".into(),
        cmdline: "console=ttyS0 reboot=k panic=1 quiet".to_owned(),
        initramfs: "/run/boot-0/initramfs".into(),
        disk: Drive { path: "/cache/root.ext4".into(), read_only: true },
    }
}

const QEMU: VmmKind = VmmKind(&qemu::KIND);
const FIRECRACKER: VmmKind = VmmKind(&firecracker::KIND);

fn of(vmm: VmmKind) -> Settings {
    Settings::new(vmm)
}

fn on(machine: Machine, settings: Settings) -> Contender {
    Contender { name: settings.vmm.name.to_owned(), machine, settings }
}

fn on_qemu(machine: Machine, cpu: Option<&str>) -> Contender {
    on(machine, cpu.map_or(of(QEMU), |cpu| of(QEMU).with(&qemu::CPU, cpu)))
}

fn on_firecracker(machine: Machine, template: Option<&str>) -> Contender {
    on(machine, of(FIRECRACKER).with(&firecracker::TEMPLATE, template.unwrap_or("none")))
}

fn try_launch(contender: &Contender, image: &Image) -> Result<Launch, LaunchError> {
    let program = contender.settings.vmm.program.as_ref().expect("a VMM has a program").name;
    launch(contender, image, &Paths { binary: format!("/usr/bin/{program}").into(), work_dir: "/run/boot-0".into() })
}

fn shell(contender: &Contender) -> String {
    try_launch(contender, &image()).expect("a launch").to_shell()
}

#[test]
fn qemu_with_kvm() {
    assert_snapshot!(shell(&on_qemu(machine(), Some("host"))));
}

#[test]
fn qemu_without_acpi() {
    let launch = try_launch(&on(machine(), of(QEMU).with(&qemu::ACPI, false)), &image()).expect("a launch");
    assert_eq!(launch.argv[1..3], ["-M", "microvm,rtc=off,acpi=off"]);
}

#[test]
fn qemu_with_tcg() {
    assert_snapshot!(shell(&on_qemu(Machine { accel: Accel::Tcg, memory_mib: 768, ..machine() }, Some("max"))));
}

#[test]
fn qemu_with_tap() {
    assert_snapshot!(shell(&on_qemu(Machine { tap: tap(Some("2e:60:bf:c7:64:88")), ..machine() }, None)));
}

#[test]
fn firecracker_passes_the_cpu_through() {
    assert_snapshot!(shell(&on_firecracker(machine(), None)));
}

#[test]
fn firecracker_with_template_and_tap() {
    let machine = Machine { tap: tap(Some("2e:60:bf:c7:64:88")), ..machine() };
    assert_snapshot!(shell(&on_firecracker(machine, Some("T2"))));
}

#[test]
fn firecracker_with_a_tap_of_any_address() {
    let launch =
        try_launch(&on_firecracker(Machine { tap: tap(None), ..machine() }, None), &image()).expect("a launch");
    let config: serde_json::Value = serde_json::from_str(&launch.files[0].contents).expect("JSON");
    let interfaces = serde_json::json!([{ "host_dev_name": "tap0", "iface_id": "tap0" }]);
    assert_eq!(config["network-interfaces"], interfaces);
    assert_eq!(launch.log.as_deref(), Some(std::path::Path::new("/run/boot-0/firecracker.log")));
    assert_eq!(launch.files[1].contents, "", "Firecracker opens its log, it does not make it");
}

#[test]
fn a_writable_disk_with_a_comma() {
    let mut image = image();
    image.disk = Drive { path: "/a,b.ext4".into(), read_only: false };
    let launch = try_launch(&on_qemu(machine(), None), &image).expect("a launch");
    assert!(launch.argv.contains(&"id=test,file=/a,,b.ext4,format=raw,if=none".to_owned()), "{launch:?}");
    let launch = try_launch(&on_firecracker(machine(), None), &image).expect("a launch");
    assert!(launch.files[0].contents.contains("\"is_read_only\": false"), "{launch:?}");
}

#[test]
fn qemu_with_all_of_its_settings() {
    let settings = of(QEMU)
        .with(&qemu::CPU, "host")
        .with(&qemu::ACPI, false)
        .with(&qemu::RTC, true)
        .with(&qemu::CACHE, "none")
        .with(&qemu::IO, "native")
        .with(&qemu::HUGE_PAGES, true)
        .with(&qemu::SANDBOX, "strict");
    let machine = Machine { cpus: Some(vec![2, 3]), memory_mib: 768, ..machine() };
    assert_snapshot!(shell(&on(machine, settings)));
}

fn jailed() -> Settings {
    of(FIRECRACKER).with(&firecracker::JAILER, "/usr/bin/jailer")
}

#[test]
fn firecracker_with_all_of_its_settings() {
    let settings = jailed()
        .with(&firecracker::TEMPLATE, "T2")
        .with(&firecracker::LOG_LEVEL, "Debug")
        .with(&firecracker::CACHE, "writeback")
        .with(&firecracker::IO, "async")
        .with(&firecracker::HUGE_PAGES, true);
    let machine = Machine { cpus: Some(vec![2, 3]), ..machine() };
    assert_snapshot!(shell(&on(machine, settings)));
}

#[test]
fn what_a_vmm_may_write_and_use() {
    const MIB: u64 = 1 << 20;
    for contender in [on_qemu(machine(), None), on_firecracker(machine(), None), on(machine(), jailed())] {
        let launch = try_launch(&contender, &image()).expect("a launch");
        assert_eq!(launch.directory.as_deref(), Some("/run/boot-0".as_ref()));
        let limits = launch.limits.expect("limits");
        assert_eq!((limits.memory, limits.file, limits.processes), ((1024 + 2048) * MIB, 64 * MIB, 512));
        assert_eq!(limits.cached, [image().disk.path]);
        // Who may write to a disk can write to more than the boot's own files.
        let mut writable = image();
        writable.disk.read_only = false;
        let launch = try_launch(&contender, &writable).expect("a launch");
        assert_eq!((launch.directory, launch.limits), (None, None));
    }
    let huge = on(machine(), of(QEMU).with(&qemu::HUGE_PAGES, true));
    let limits = try_launch(&huge, &image()).expect("a launch").limits.expect("limits");
    assert_eq!(limits.file, limits.memory, "huge pages are a file");
    let host = on_host(Machine { accel: Accel::Native, ..machine() }).expect("a launch");
    assert_eq!((host.directory, host.limits), (None, None), "the control is an ordinary process");
}

#[test]
fn the_document_has_the_limits_that_are_set() {
    use firebench_vmm::limits::{FILE_MIB, MEMORY_HEADROOM_MIB, PROCESSES};
    let document = include_str!("../../../docs/privileges.md");
    for words in [
        format!("the guest's and {MEMORY_HEADROOM_MIB} MiB"),
        format!("| {FILE_MIB} MiB;"),
        format!("| processes and threads | {PROCESSES} |"),
        format!("user and group {}", firecracker::JAILED_ID),
        format!("`-sandbox {}`", qemu::SANDBOX_STRICT),
    ] {
        assert!(document.contains(&words), "{words}");
    }
}

#[test]
fn a_jail_holds_what_firecracker_is_given() {
    let contender = on(machine(), jailed());
    let launch = try_launch(&contender, &image()).expect("a launch");
    let jail = launch.jail.expect("a jail");
    assert_eq!(jail.root, std::path::Path::new("/run/boot-0/firecracker/firebench/root"));
    let config: serde_json::Value = serde_json::from_str(&launch.files[0].contents).expect("JSON");
    let given = [
        &config["boot-source"]["kernel_image_path"],
        &config["boot-source"]["initrd_path"],
        &config["drives"][0]["path_on_host"],
    ];
    let mut seen: Vec<_> = given.iter().map(|path| jail.root.join(&path.as_str().expect("text")[1..])).collect();
    let mut held: Vec<_> = jail.files.iter().map(|file| file.seen.clone()).collect();
    seen.sort();
    held.sort();
    assert_eq!(seen, held);
    assert_eq!(launch.log, Some(jail.root.join(&config["logger"]["log_path"].as_str().expect("text")[1..])));
    // The jailer asks for it.
    let paths = Paths { binary: "/usr/bin/fc".into(), work_dir: "/run/boot-0".into() };
    let error = firebench_vmm::launch(&contender, &image(), &paths).expect_err("a name that the jailer refuses");
    assert!(error.to_string().contains("no program without \"firecracker\" in its name"), "{error}");
}

#[test]
fn the_filters_of_system_calls_stay_on() {
    for settings in [of(FIRECRACKER), jailed()] {
        let launch = try_launch(&on(machine(), settings), &image()).expect("a launch");
        let words = launch.argv.iter().chain(launch.files.iter().map(|file| &file.contents));
        assert!(words.clone().count() > 4 && words.clone().all(|word| !word.contains("seccomp")), "{launch:?}");
    }
    for (sandbox, words) in words_of(&qemu::SANDBOX).zip([qemu::SANDBOX_ON, qemu::SANDBOX_STRICT]) {
        let (new, old) = changed(of(QEMU).with(&qemu::SANDBOX, sandbox));
        assert_eq!((new, old), (vec!["-sandbox".to_owned(), words.to_owned()], vec![]));
        assert!(words.starts_with("on") && !words.contains("allow"));
    }
}

fn on_host(machine: Machine) -> Result<Launch, LaunchError> {
    let paths = Paths { binary: "/usr/bin/firebench-agent".into(), work_dir: "/run/boot-0".into() };
    host::launch(&machine, "/run/boot-0/job.json".as_ref(), &paths)
}

#[test]
fn the_bare_host() {
    let launch = on_host(Machine { accel: Accel::Native, cpus: Some(vec![0, 1]), ..machine() }).expect("a launch");
    assert_eq!((launch.memory_limit, launch.cpus.as_deref()), (Some(1 << 30), Some([0, 1].as_slice())));
    assert_snapshot!(launch.to_shell());
    assert_eq!(on_host(machine()).expect_err("no guest").to_string(), "host cannot run guests with kvm");
}

/// The words that a setting takes.
fn words_of(setting: &Setting) -> impl Iterator<Item = &'static str> + use<> {
    let Takes::Words(words) = setting.takes else { panic!("{} takes words", setting.key) };
    words.iter().copied()
}

/// What changes in QEMU's argument vector with these settings: arguments that come and arguments that go.
fn changed(settings: Settings) -> (Vec<String>, Vec<String>) {
    let argv = |settings| try_launch(&on(machine(), settings), &image()).expect("a launch").argv;
    let (before, after) = (argv(of(QEMU)), argv(settings));
    let only = |of: &[String], not: &[String]| of.iter().filter(|word| !not.contains(word)).cloned().collect();
    (only(&after, &before), only(&before, &after))
}

#[test]
fn each_setting_of_qemu() {
    const DRIVE: &str = "id=test,file=/cache/root.ext4,format=raw,if=none,readonly=on";
    for cache in words_of(&qemu::CACHE) {
        let (new, old) = changed(of(QEMU).with(&qemu::CACHE, cache));
        assert_eq!((new, old), (vec![format!("{DRIVE},cache={cache}")], vec![DRIVE.to_owned()]));
    }
    for (io, word) in [("threads", "threads"), ("io-uring", "io_uring")] {
        let (new, _) = changed(of(QEMU).with(&qemu::IO, io));
        assert_eq!(new, [format!("{DRIVE},aio={word}")]);
    }
    let native = of(QEMU).with(&qemu::IO, "native");
    let cached = words_of(&qemu::CACHE).map(|cache| native.clone().with(&qemu::CACHE, cache));
    for settings in cached.chain([native.clone()]) {
        let cache = settings.values.text(&qemu::CACHE).map(str::to_owned);
        let launch = try_launch(&on(machine(), settings), &image());
        match cache.as_deref() {
            Some("none" | "directsync") => {
                assert!(launch.expect("a launch").argv.iter().any(|word| word.ends_with(",aio=native")));
            }
            _ => assert!(matches!(launch, Err(LaunchError::Settings { vmm, .. }) if vmm == QEMU.0.name), "{cache:?}"),
        }
    }
    let (new, old) = changed(of(QEMU).with(&qemu::HUGE_PAGES, true));
    let memory = "memory-backend-memfd,id=mem,size=1g,hugetlb=on,hugetlbsize=2m";
    assert_eq!(new, ["microvm,rtc=off,memory-backend=mem", "-object", memory]);
    assert_eq!(old, ["microvm,rtc=off"]);
}

#[test]
fn each_setting_of_firecracker() {
    let config = |settings: Settings| -> serde_json::Value {
        let launch = try_launch(&on(machine(), settings), &image()).expect("a launch");
        serde_json::from_str(&launch.files[0].contents).expect("JSON")
    };
    for (cache, word) in words_of(&firecracker::CACHE).zip(["Unsafe", "Writeback"]) {
        let config = config(of(FIRECRACKER).with(&firecracker::CACHE, cache));
        assert_eq!((&config["drives"][0]["cache_type"], cache), (&word.into(), &*word.to_lowercase()));
    }
    for (io, word) in words_of(&firecracker::IO).zip(["Sync", "Async"]) {
        let config = config(of(FIRECRACKER).with(&firecracker::IO, io));
        assert_eq!((&config["drives"][0]["io_engine"], io), (&word.into(), &*word.to_lowercase()));
    }
    let huge = of(FIRECRACKER).with(&firecracker::HUGE_PAGES, true);
    assert_eq!(config(huge.clone())["machine-config"]["huge_pages"], "2M");
    assert_eq!(config(of(FIRECRACKER))["machine-config"].get("huge_pages"), None);
    let transparent = of(FIRECRACKER).with(&firecracker::TRANSPARENT_HUGE_PAGES, true);
    assert_eq!(config(transparent.clone())["machine-config"]["huge_pages"], "Transparent");
    // Huge pages hold 2 MiB, and of two kinds one must be chosen.
    let odd = Machine { memory_mib: 511, ..machine() };
    let both = huge.with(&firecracker::TRANSPARENT_HUGE_PAGES, true);
    for (machine, settings) in [(odd.clone(), transparent), (machine(), both)] {
        let contender = on(machine, settings);
        assert!(matches!(try_launch(&contender, &image()), Err(LaunchError::Settings { .. })), "{contender:?}");
    }
    assert!(try_launch(&on(odd, of(FIRECRACKER)), &image()).is_ok());
}

#[test]
fn names_are_those_in_files() {
    fn check<T: serde::Serialize>(all: &[T], name: impl Fn(&T) -> &'static str) {
        for value in all {
            assert_eq!(serde_json::to_value(value).expect("JSON"), name(value));
        }
    }
    check(&kinds::all().collect::<Vec<_>>(), |it| it.0.name);
    check(&[Accel::Kvm, Accel::Tcg, Accel::Native], |it| it.name());
    let read = |text: &str| serde_json::from_str::<VmmKind>(text);
    assert_eq!(read("\"qemu\"").expect("a kind"), QEMU);
    let said = read("\"bochs\"").expect_err("no kind").to_string();
    assert!(said.starts_with("\"bochs\" is not a kind of contender; the kinds are qemu, firecracker, "), "{said}");
}

#[test]
fn the_table_is_one_that_can_be_read() {
    let mut names = std::collections::BTreeSet::new();
    for kind in kinds::all() {
        assert!(names.insert(kind.name), "two kinds called {kind}");
        let (mut keys, mut words) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::from(["vmm"]));
        for setting in kind.settings {
            assert!(keys.insert(setting.key) && words.insert(setting.recorded), "{kind}: {}", setting.key);
            assert!(!setting.help.is_empty() && !setting.help.ends_with('.'), "{kind}: {}", setting.key);
            assert!(!setting.of_user || !setting.example.is_empty(), "{kind}: {} has no example", setting.key);
        }
        let settings = Settings::new(kind);
        let json = serde_json::to_string(&settings).expect("JSON");
        assert_eq!(serde_json::from_str::<Settings>(&json).expect("settings"), settings);
        assert_eq!(settings.describe().is_some(), kind.boots_a_guest(), "{kind}");
    }
}

#[test]
fn vcpus_are_known_by_the_names_of_their_threads() {
    for (name, number) in [("fc_vcpu 0", 0), ("fc_vcpu 31", 31), ("CPU 0/KVM", 0), ("CPU 287/TCG", 287)] {
        assert_eq!(kinds::vcpu_of_thread(name), Some(number), "{name}");
    }
    for name in [
        "",
        "qemu-system-x86",
        "ALL CPUs/TCG",
        "CPU 0/HVF",
        "CPU 0",
        "CPU /KVM",
        "CPU +1/KVM",
        "fc_vcpu",
        "fc_vcpu ",
        "fc_api",
        "IO mon_iothread",
    ] {
        assert_eq!(kinds::vcpu_of_thread(name), None, "{name}");
    }
}

#[test]
fn what_was_written_before_there_were_more_settings_is_read() {
    let read = |text| serde_json::from_str::<Settings>(text).expect("settings");
    let qemu = r#"{"vmm":"qemu","cpu":"host","acpi":true}"#;
    assert_eq!(read(qemu), on_qemu(machine(), Some("host")).settings);
    assert_eq!(serde_json::to_string(&read(qemu)).expect("JSON"), qemu);
    let firecracker = r#"{"vmm":"firecracker","cpu_template":null,"log_level":"Info"}"#;
    assert_eq!(read(firecracker), of(FIRECRACKER));
    assert_eq!(serde_json::to_string(&read(firecracker)).expect("JSON"), firecracker);
    let all = r#"{"vmm":"qemu","cpu":null,"acpi":false,"rtc":true,"cache":"none","aio":"io-uring","huge_pages":true,"sandbox":"on"}"#;
    assert_eq!(serde_json::to_string(&read(all)).expect("JSON"), all);
    for (wrong, said) in [
        (r#"{"vmm":"qemu","colour":"red"}"#, "qemu has no setting `colour`"),
        (r#"{"vmm":"qemu","cache":"red"}"#, "the setting `cache` of qemu takes none, writeback, "),
        (r#"{"vmm":"firecracker","huge_pages":1}"#, "takes on or off, not 1"),
    ] {
        let error = serde_json::from_str::<Settings>(wrong).expect_err(wrong).to_string();
        assert!(error.contains(said), "{error}");
    }
    let launch = r#"{"argv":["a"],"files":[],"log":null,"tap":null}"#;
    let read: Launch = serde_json::from_str(launch).expect("a launch");
    assert_eq!(read, Launch { argv: vec!["a".to_owned()], ..Launch::default() });
    assert_eq!(serde_json::to_string(&read).expect("JSON"), launch);
}

#[test]
fn who_runs_with_what() {
    let able = |accel| kinds::all().filter(|vmm| vmm.supports(accel)).collect::<Vec<_>>();
    assert!(able(Accel::Kvm).starts_with(&[QEMU, FIRECRACKER]));
    assert!(able(Accel::Tcg).starts_with(&[QEMU]));
    let native: Vec<&str> = able(Accel::Native).iter().map(|kind| kind.0.name).collect();
    assert_eq!(native, ["host", "bubblewrap", "runc", "gvisor", "uml"]);
    assert!(!host::KIND.by_default, "the control runs only when it is asked for");
}

#[test]
fn every_script_is_one_that_a_shell_reads() {
    let with_tap = Machine { tap: tap(None), ..machine() };
    for contender in [
        on_qemu(machine(), None),
        on_qemu(with_tap.clone(), Some("host")),
        on_firecracker(machine(), None),
        on_firecracker(with_tap, Some("T2")),
    ] {
        let mut image = image();
        image.cmdline = "console=ttyS0 it's=\"$quoted\" `x` \\".to_owned();
        let script = try_launch(&contender, &image).expect("a launch").to_shell();
        let output = std::process::Command::new("sh").args(["-n", "-c", &script]).output().expect("sh");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}\n{script}");
    }
}

#[test]
fn what_a_vmm_cannot_build_is_an_error() {
    let errors: Vec<String> = [
        on_firecracker(Machine { accel: Accel::Tcg, ..machine() }, None),
        on_firecracker(Machine { vcpus: 33, ..machine() }, None),
        on_firecracker(Machine { vcpus: 0, ..machine() }, None),
        on_qemu(Machine { vcpus: 289, ..machine() }, None),
        on_qemu(Machine { vcpus: 0, ..machine() }, None),
    ]
    .iter()
    .map(|contender| try_launch(contender, &image()).expect_err("no launch").to_string())
    .collect();
    assert_snapshot!(errors.join("\n"));
}

#[test]
fn a_blank_in_a_path_is_nothing_for_user_mode_linux() {
    let contender = on(Machine { accel: Accel::Native, vcpus: 1, ..machine() }, of(VmmKind(&uml::KIND)));
    let disk = Drive { path: "/b lank/root.ext4".into(), read_only: true };
    let images = [Image { disk, ..image() }, Image { initramfs: "/b lank/initramfs".into(), ..image() }];
    for image in images {
        let error = try_launch(&contender, &image).expect_err("no launch").to_string();
        assert!(
            error.contains("/b lank/") && error.contains("a blank separates User Mode Linux's own words"),
            "{error}"
        );
    }
}

#[test]
fn a_path_that_is_no_text_is_an_error() {
    use std::os::unix::ffi::OsStrExt;
    let path: std::path::PathBuf = std::ffi::OsStr::from_bytes(b"/\xff.ext4").into();
    let mut image = image();
    image.disk.path.clone_from(&path);
    for (vmm, contender) in [(QEMU, on_qemu(machine(), None)), (FIRECRACKER, on_firecracker(machine(), None))] {
        let error = try_launch(&contender, &image).expect_err("no launch");
        assert_eq!(error, LaunchError::Path { vmm: vmm.0.name, path: path.clone(), reason: "it is not valid UTF-8" });
    }
}
