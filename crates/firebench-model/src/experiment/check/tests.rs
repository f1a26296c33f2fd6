//! What is refused, and what is not.

use super::*;
use crate::experiment::{OwnSettings, PayloadSpec};
use firebench_vmm::{firecracker, host, qemu};

const QEMU: VmmKind = VmmKind(&qemu::KIND);
const HOST: VmmKind = VmmKind(&host::KIND);

fn hosts() -> Experiment {
    Experiment { vmm: vec![HOST], ..Experiment::default() }
}

#[test]
fn every_text_of_an_experiment_is_looked_at_for_invisible_characters() {
    type Put = fn(&mut Experiment, String);
    let places: [(&str, Put); 11] = [
        ("machine.append", |e, text| e.machine.append = text),
        ("files.kernel", |e, text| e.files.kernel = Some(text.into())),
        ("files.qemu", |e, text| e.files.programs.set(QEMU, text.into())),
        ("files.firecracker", |e, text| e.files.programs.set(VmmKind(&firecracker::KIND), text.into())),
        ("files.add", |e, text| e.files.add.push(text)),
        ("payload.path", |e, text| e.payload = PayloadSpec::File { path: text.into(), block: None }),
        ("contender.name", |e, text| e.contenders[0].name = text),
        ("contender.append", |e, text| e.contenders[0].append = Some(text)),
        ("contender.binary", |e, text| e.contenders[0].binary = Some(text.into())),
        ("contender.cpu", |e, text| e.contenders[0].own = OwnSettings::default().with(&qemu::CPU, text)),
        ("contender.image", |e, text| e.contenders[0].image = Some(text.into())),
    ];
    for character in ['\u{1b}', '\0', '\n', '\r', '\t', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2028}'] {
        for (field, put) in places {
            let mut experiment =
                Experiment { contenders: vec![ContenderSpec::new("a", QEMU)], ..Experiment::default() };
            put(&mut experiment, format!("a{character}b"));
            let expected = ExperimentError::Hidden { field: field.to_owned(), character };
            assert_eq!(experiment.check(), Err(expected), "{field} {character:?}");
        }
    }
    let said = ExperimentError::Hidden { field: "machine.append".to_owned(), character: '\u{1b}' }.to_string();
    assert_eq!(said, "machine.append contains the character U+001B, which is invisible");
    let plain = Experiment {
        files: super::super::Files { kernel: Some("Zürich Kern".into()), ..Default::default() },
        ..Experiment::default()
    };
    assert_eq!(plain.check(), Ok(()));
}

#[test]
fn what_says_nothing_is_refused() {
    let nobody = Experiment { vmm: Vec::new(), ..Experiment::default() };
    assert_eq!(nobody.check(), Err(ExperimentError::Nobody));
    type Put = fn(&mut ContenderSpec);
    let puts: [(&str, Put); 3] = [
        ("contender.append", |c| c.append = Some(String::new())),
        ("contender.binary", |c| c.binary = Some("".into())),
        ("contender.cpu", |c| c.own = OwnSettings::default().with(&qemu::CPU, String::new())),
    ];
    for (field, put) in puts {
        let mut contender = ContenderSpec::new("a", QEMU);
        put(&mut contender);
        let experiment = Experiment { contenders: vec![contender], ..Experiment::default() };
        assert_eq!(experiment.check(), Err(ExperimentError::EmptyText(field.to_owned())));
    }
}

#[test]
fn what_no_contender_can_have_is_refused() {
    type Put = fn(&mut Experiment);
    let cases: [(&str, Put); 5] = [
        ("--tap", |e| e.machine.tap = true),
        ("--append", |e| e.machine.append = "quiet".to_owned()),
        ("--kernel", |e| e.files.kernel = Some("vmlinux".into())),
        ("--add", |e| e.files.add.push("tool".to_owned())),
        ("--preset published", |e| e.preset = Preset::Published),
    ];
    for (flag, put) in cases {
        let mut alone = hosts();
        put(&mut alone);
        assert_eq!(alone.check(), Err(ExperimentError::ForNobody { option: flag, kinds: "host".to_owned() }));
        let mut beside = Experiment { vmm: vec![QEMU, HOST], ..Experiment::default() };
        put(&mut beside);
        assert_eq!(beside.check(), Ok(()), "{flag}");
    }
    assert_eq!(hosts().check(), Ok(()));
}

#[test]
fn a_duet_needs_somebody_beside_and_caches_apart() {
    let duet = |vmm: Vec<VmmKind>, cold| {
        let design = super::super::Design { duet: true, cold, ..Default::default() };
        Experiment { vmm, design, ..Experiment::default() }.check()
    };
    assert_eq!(duet(vec![QEMU], false), Err(ExperimentError::LoneDuet));
    assert_eq!(duet(vec![QEMU, HOST], true), Err(ExperimentError::ColdDuet));
    assert_eq!(duet(vec![QEMU, HOST], false), Ok(()));
    let design = super::super::Design { duet: true, settle: Some(Settle::Boot), ..Default::default() };
    let beside = Experiment { vmm: vec![QEMU, HOST], design, ..Experiment::default() };
    assert_eq!(beside.check(), Err(ExperimentError::DuetAfterBoot));
    assert_eq!(duet(vec![QEMU, VmmKind(&firecracker::KIND)], true), Ok(()));
}

#[test]
fn shares_that_every_run_meets_are_refused() {
    let mut experiment = hosts();
    experiment.design.precision = Some(firebench_text::units::Share::percent(100));
    let said = experiment.check().expect_err("too wide").to_string();
    assert_eq!(said, "--precision 100% is too wide: it must be below 100%");
}

#[test]
fn blocks_are_neither_tiny_nor_larger_than_what_is_read() {
    let check = |size: Option<Size>, block| {
        let payload = PayloadSpec::Seeded { seed: 1, size, block: Some(Size(block)) };
        Experiment { payload, ..hosts() }.check()
    };
    let payload = Size(1 << 20);
    assert_eq!(check(Some(payload), 511), Err(ExperimentError::SmallBlock(Size(511))));
    assert_eq!(check(None, 0), Err(ExperimentError::SmallBlock(Size(0))));
    let block = Size((1 << 20) + 1);
    assert_eq!(check(Some(payload), block.0), Err(ExperimentError::LargeBlock { block, payload }));
    for (size, block) in [(Some(payload), 512), (Some(payload), 1 << 20), (Some(payload), 1000), (None, 1 << 40)] {
        assert_eq!(check(size, block), Ok(()), "{size:?} {block}");
    }
    let own = ContenderSpec { busybox: Some("b".into()), ..ContenderSpec::new("own", QEMU) };
    let payload = PayloadSpec::default().with_block(Some(Size(4096)));
    let experiment = Experiment { contenders: vec![own], payload, ..Experiment::default() };
    assert_eq!(experiment.check(), Err(ExperimentError::BlockWithBusybox("own".to_owned())));
}

#[test]
fn the_same_vmm_is_not_named_twice() {
    let twice = Experiment { vmm: vec![QEMU, QEMU], ..Experiment::default() };
    assert!(matches!(twice.check(), Err(ExperimentError::Contender(crate::experiment::ContenderError::Twice(_)))));
}
