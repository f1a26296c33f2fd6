//! The program as firebench starts it. That it boots guests is for the tests of `firebench`: it takes a kernel and a /dev/kvm.
#![cfg(test)]

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_firebench-libkrun")).args(arguments).output().expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_says_its_version_and_its_options() {
    let version = run(&["--version"]);
    assert!(version.status.success());
    assert!(text(&version.stdout).starts_with("libkrun 1."), "{version:?}");
    let help = text(&run(&["--help"]).stdout);
    for option in
        ["--kernel", "--initramfs", "--cmdline", "--vcpus", "--memory", "--disk", "--writable", "--tap", "--mac"]
    {
        assert!(help.lines().any(|line| line.trim_start().starts_with(option)), "{option} is not in {help}");
    }
}

#[test]
fn a_wrong_command_line_is_one_error_with_a_hint() {
    let output = run(&["--bios", "x"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "error: \"--bios\" is not an option\nhint: firebench-libkrun --help lists the options\n"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn what_libkrun_refuses_is_said_and_no_guest_starts() {
    let output = run(&["--kernel", "/nonexistent", "--initramfs", "/nonexistent", "--cmdline", "console=ttyS0"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("error: libkrun cannot take the kernel and the initramfs: Invalid argument"), "{said}");
    // libkrun's own words stand above, without colours.
    assert!(said.contains("No such file or directory") && !said.contains('\u{1b}'), "{said}");
    assert!(output.stdout.is_empty());
}
