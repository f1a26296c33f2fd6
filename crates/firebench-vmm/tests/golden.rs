//! Every launch, word for word.

use firebench_vmm::{
    Accel, Contender, Drive, Image, Launch, LaunchError, Machine, Paths, Settings, Tap, VmmKind, firecracker, launch,
    qemu,
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
