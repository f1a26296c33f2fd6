//! Every kind of the table as a text: what users see of it, and its launch, word for word, as it is by default and with each value of
//! each setting.
#![cfg(test)]

use std::fmt::Write as _;

use firebench_vmm::setting::{Setting, Takes, Value};
use firebench_vmm::{Accel, Contender, Drive, Image, Machine, Paths, Settings, VmmKind, kinds, launch};

/// The launch, or why there is none.
fn launched(kind: VmmKind, settings: Settings) -> String {
    let tap = None;
    let machine = Machine { vcpus: 2, memory_mib: 1024, accel: kind.accels[0], tap, cpus: None };
    let image = Image {
        kernel: "/cache/vmlinux".into(),
        cmdline: "console=ttyS0 quiet".to_owned(),
        initramfs: "/run/boot-0/initramfs".into(),
        disk: Drive { path: "/cache/root.ext4".into(), read_only: true },
    };
    let program = kind.program.as_ref().map_or("agent", |program| program.name);
    let paths = Paths { binary: format!("/usr/bin/{program}").into(), work_dir: "/run/boot-0".into() };
    match launch(&Contender { name: kind.name.to_owned(), machine, settings }, &image, &paths) {
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
    if !kind.boots_a_guest() {
        return text;
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
