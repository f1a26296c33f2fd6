//! Every launch, word for word.
#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test may panic")]

use firebench_vmm::{
    Accel, Contender, Drive, Image, Launch, LaunchError, Machine, Paths, Settings, Tap, VmmKind, firecracker, host,
    launch, qemu,
};
use insta::assert_snapshot;

fn machine() -> Machine {
    Machine { vcpus: 2, memory_mib: 1024, accel: Accel::Kvm, tap: None, cpus: None }
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

fn on_qemu(machine: Machine, cpu: Option<&str>) -> Contender {
    let settings = Settings::Qemu(qemu::Settings { cpu: cpu.map(str::to_owned), ..qemu::Settings::default() });
    Contender { name: "qemu".to_owned(), machine, settings }
}

fn on_firecracker(machine: Machine, template: Option<&str>) -> Contender {
    let settings =
        firecracker::Settings { cpu_template: template.map(str::to_owned), ..firecracker::Settings::default() };
    Contender { name: "firecracker".to_owned(), machine, settings: Settings::Firecracker(settings) }
}

fn try_launch(contender: &Contender, image: &Image) -> Result<Launch, LaunchError> {
    let program = contender.settings.vmm().program();
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
    let settings = Settings::Qemu(qemu::Settings { acpi: false, ..qemu::Settings::default() });
    let launch = try_launch(&Contender { settings, ..on_qemu(machine(), None) }, &image()).expect("a launch");
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
    let settings = Settings::Qemu(qemu::Settings {
        cpu: Some("host".to_owned()),
        acpi: false,
        rtc: true,
        cache: Some(qemu::Cache::None),
        aio: Some(qemu::Aio::Native),
        huge_pages: true,
        sandbox: Some(qemu::Sandbox::Strict),
    });
    let machine = Machine { cpus: Some(vec![2, 3]), memory_mib: 768, ..machine() };
    assert_snapshot!(shell(&Contender { settings, ..on_qemu(machine, None) }));
}

#[test]
fn firecracker_with_all_of_its_settings() {
    let settings = Settings::Firecracker(firecracker::Settings {
        cpu_template: Some("T2".to_owned()),
        log_level: "Debug".to_owned(),
        cache_type: Some(firecracker::CacheType::Writeback),
        io_engine: Some(firecracker::IoEngine::Async),
        huge_pages: true,
        transparent_huge_pages: false,
        jailer: Some("/usr/bin/jailer".into()),
    });
    let machine = Machine { cpus: Some(vec![2, 3]), ..machine() };
    assert_snapshot!(shell(&Contender { settings, ..on_firecracker(machine, None) }));
}

#[test]
fn what_a_vmm_may_write_and_use() {
    const MIB: u64 = 1 << 20;
    let template = firecracker::Settings { jailer: Some("/usr/bin/jailer".into()), ..firecracker::Settings::default() };
    let jailed = Contender { settings: Settings::Firecracker(template), ..on_firecracker(machine(), None) };
    for contender in [on_qemu(machine(), None), on_firecracker(machine(), None), jailed] {
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
    let settings = qemu::Settings { huge_pages: true, ..qemu::Settings::default() };
    let huge = Contender { settings: Settings::Qemu(settings), ..on_qemu(machine(), None) };
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
        format!("`-sandbox {}`", qemu::Sandbox::Strict.words()),
    ] {
        assert!(document.contains(&words), "{words}");
    }
}

#[test]
fn a_jail_holds_what_firecracker_is_given() {
    let settings = firecracker::Settings { jailer: Some("/usr/bin/jailer".into()), ..firecracker::Settings::default() };
    let contender = Contender { settings: Settings::Firecracker(settings), ..on_firecracker(machine(), None) };
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
    for jailer in [None, Some("/usr/bin/jailer".into())] {
        let settings = firecracker::Settings { jailer, ..firecracker::Settings::default() };
        let contender = Contender { settings: Settings::Firecracker(settings), ..on_firecracker(machine(), None) };
        let launch = try_launch(&contender, &image()).expect("a launch");
        let words = launch.argv.iter().chain(launch.files.iter().map(|file| &file.contents));
        assert!(words.clone().count() > 4 && words.clone().all(|word| !word.contains("seccomp")), "{launch:?}");
    }
    for sandbox in qemu::Sandbox::ALL {
        let (new, old) = changed(qemu::Settings { sandbox: Some(sandbox), ..qemu::Settings::default() });
        assert_eq!((new, old), (vec!["-sandbox".to_owned(), sandbox.words().to_owned()], vec![]));
        assert!(sandbox.words().starts_with("on") && !sandbox.words().contains("allow"));
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

/// What changes in QEMU's argument vector with these settings: arguments that come and arguments that go.
fn changed(settings: qemu::Settings) -> (Vec<String>, Vec<String>) {
    let argv = |settings| {
        let contender = Contender { settings: Settings::Qemu(settings), ..on_qemu(machine(), None) };
        try_launch(&contender, &image()).expect("a launch").argv
    };
    let (before, after) = (argv(qemu::Settings::default()), argv(settings));
    let only = |of: &[String], not: &[String]| of.iter().filter(|word| !not.contains(word)).cloned().collect();
    (only(&after, &before), only(&before, &after))
}

#[test]
fn each_setting_of_qemu() {
    const DRIVE: &str = "id=test,file=/cache/root.ext4,format=raw,if=none,readonly=on";
    for cache in qemu::Cache::ALL {
        let (new, old) = changed(qemu::Settings { cache: Some(cache), ..qemu::Settings::default() });
        assert_eq!((new, old), (vec![format!("{DRIVE},cache={}", cache.name())], vec![DRIVE.to_owned()]));
    }
    for (aio, word) in [(qemu::Aio::Threads, "threads"), (qemu::Aio::IoUring, "io_uring")] {
        let (new, _) = changed(qemu::Settings { aio: Some(aio), ..qemu::Settings::default() });
        assert_eq!(new, [format!("{DRIVE},aio={word}")]);
    }
    for cache in qemu::Cache::ALL.map(Some).into_iter().chain([None]) {
        let settings =
            Settings::Qemu(qemu::Settings { cache, aio: Some(qemu::Aio::Native), ..qemu::Settings::default() });
        let launch = try_launch(&Contender { settings, ..on_qemu(machine(), None) }, &image());
        match cache.filter(|cache| cache.direct()) {
            Some(_) => assert!(launch.expect("a launch").argv.iter().any(|word| word.ends_with(",aio=native"))),
            None => assert!(matches!(launch, Err(LaunchError::Settings { vmm: VmmKind::Qemu, .. })), "{cache:?}"),
        }
    }
    let (new, old) = changed(qemu::Settings { huge_pages: true, ..qemu::Settings::default() });
    let memory = "memory-backend-memfd,id=mem,size=1g,hugetlb=on,hugetlbsize=2m";
    assert_eq!(new, ["microvm,rtc=off,memory-backend=mem", "-object", memory]);
    assert_eq!(old, ["microvm,rtc=off"]);
}

#[test]
fn each_setting_of_firecracker() {
    let config = |settings: firecracker::Settings| -> serde_json::Value {
        let contender = Contender { settings: Settings::Firecracker(settings), ..on_firecracker(machine(), None) };
        serde_json::from_str(&try_launch(&contender, &image()).expect("a launch").files[0].contents).expect("JSON")
    };
    let default = firecracker::Settings::default;
    for (cache_type, word) in firecracker::CacheType::ALL.into_iter().zip(["Unsafe", "Writeback"]) {
        let config = config(firecracker::Settings { cache_type: Some(cache_type), ..default() });
        assert_eq!((&config["drives"][0]["cache_type"], cache_type.name()), (&word.into(), &*word.to_lowercase()));
    }
    for (io_engine, word) in firecracker::IoEngine::ALL.into_iter().zip(["Sync", "Async"]) {
        let config = config(firecracker::Settings { io_engine: Some(io_engine), ..default() });
        assert_eq!((&config["drives"][0]["io_engine"], io_engine.name()), (&word.into(), &*word.to_lowercase()));
    }
    assert_eq!(config(firecracker::Settings { huge_pages: true, ..default() })["machine-config"]["huge_pages"], "2M");
    assert_eq!(config(default())["machine-config"].get("huge_pages"), None);
    let transparent = firecracker::Settings { transparent_huge_pages: true, ..default() };
    assert_eq!(config(transparent.clone())["machine-config"]["huge_pages"], "Transparent");
    // Huge pages hold 2 MiB, and of two kinds one must be chosen.
    let odd = Machine { memory_mib: 511, ..machine() };
    let both = firecracker::Settings { huge_pages: true, ..transparent.clone() };
    for (machine, settings) in [(odd.clone(), transparent), (machine(), both)] {
        let contender = Contender { name: "a".to_owned(), machine, settings: Settings::Firecracker(settings) };
        assert!(matches!(try_launch(&contender, &image()), Err(LaunchError::Settings { .. })), "{contender:?}");
    }
    let plain = Contender { name: "a".to_owned(), machine: odd, settings: Settings::Firecracker(default()) };
    assert!(try_launch(&plain, &image()).is_ok());
}

#[test]
fn names_are_those_in_files() {
    fn check<T: serde::Serialize>(all: &[T], name: impl Fn(&T) -> &'static str) {
        for value in all {
            assert_eq!(serde_json::to_value(value).expect("JSON"), name(value));
        }
    }
    check(&VmmKind::EVERY, |it| it.name());
    check(&[Accel::Kvm, Accel::Tcg, Accel::Native], |it| it.name());
    check(&qemu::Cache::ALL, |it| it.name());
    check(&qemu::Aio::ALL, |it| it.name());
    check(&qemu::Sandbox::ALL, |it| it.name());
    check(&firecracker::CacheType::ALL, |it| it.name());
    check(&firecracker::IoEngine::ALL, |it| it.name());
}

#[test]
fn what_was_written_before_there_were_more_settings_is_read() {
    let read = |text| serde_json::from_str::<Settings>(text).expect("settings");
    let qemu = r#"{"vmm":"qemu","cpu":"host","acpi":true}"#;
    assert_eq!(read(qemu), on_qemu(machine(), Some("host")).settings);
    assert_eq!(serde_json::to_string(&read(qemu)).expect("JSON"), qemu);
    let firecracker = r#"{"vmm":"firecracker","cpu_template":null,"log_level":"Info"}"#;
    assert_eq!(read(firecracker), Settings::Firecracker(firecracker::Settings::default()));
    assert_eq!(serde_json::to_string(&read(firecracker)).expect("JSON"), firecracker);
    let launch = r#"{"argv":["a"],"files":[],"log":null,"tap":null}"#;
    let read: Launch = serde_json::from_str(launch).expect("a launch");
    assert_eq!(read, Launch { argv: vec!["a".to_owned()], ..Launch::default() });
    assert_eq!(serde_json::to_string(&read).expect("JSON"), launch);
}

#[test]
fn who_runs_with_what() {
    let able = |accel| VmmKind::EVERY.into_iter().filter(|vmm| vmm.supports(accel)).collect::<Vec<_>>();
    assert_eq!(able(Accel::Kvm), [VmmKind::Qemu, VmmKind::Firecracker]);
    assert_eq!(able(Accel::Tcg), [VmmKind::Qemu]);
    assert_eq!(able(Accel::Native), [VmmKind::Host]);
    assert!(!VmmKind::ALL.contains(&VmmKind::Host), "the control runs only when it is asked for");
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
fn a_path_that_is_no_text_is_an_error() {
    use std::os::unix::ffi::OsStrExt;
    let path: std::path::PathBuf = std::ffi::OsStr::from_bytes(b"/\xff.ext4").into();
    let mut image = image();
    image.disk.path.clone_from(&path);
    for (vmm, contender) in
        [(VmmKind::Qemu, on_qemu(machine(), None)), (VmmKind::Firecracker, on_firecracker(machine(), None))]
    {
        let error = try_launch(&contender, &image).expect_err("no launch");
        assert_eq!(error, LaunchError::Path { vmm, path: path.clone(), reason: "it is not valid UTF-8" });
    }
}
