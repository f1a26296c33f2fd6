//! What is said of two runs beside their times.

use firebench_analysis::compare::Comparison;
use firebench_analysis::facts::Difference;
use firebench_model::record::{Artifact, Report, RunEnd};
use firebench_vmm::{Settings, VmmKind, firecracker};

use crate::runs::{compare, compare_runs, run};

/// What differs between a run and a changed copy of it: of the runs, and of their firecrackers.
fn differences(change: impl Fn(&mut Report)) -> (Vec<String>, Vec<String>) {
    let mut changed = run(20.0, 20.0);
    change(&mut changed);
    let comparison = compare(run(20.0, 20.5), changed, &[]);
    assert!(comparison.pairs[0].differences.is_empty(), "nothing of qemu's was changed");
    let phrases = |differences: &[Difference]| {
        differences.iter().map(|Difference { what, a, b }| format!("{what}: {a}, {b}")).collect()
    };
    (phrases(&comparison.differences), phrases(&comparison.pairs[1].differences))
}

#[test]
fn what_differs_is_named_with_both_values() {
    let (runs, contenders) = differences(|run| {
        run.firebench = "0.2.0".to_owned();
        run.design.iterations = 5;
        run.experiment.design.cold = true;
        run.host.governors = vec!["powersave".to_owned()];
        run.host.mitigations.insert("mds".to_owned(), "Vulnerable".to_owned());
        run.host.load_average = Some([9.0; 3]);
        run.host.disk_free = None;
        let firecracker = &mut run.contenders[1];
        firecracker.version = "Firecracker v1.13.0".to_owned();
        firecracker.sha256 = "cd".repeat(32);
        firecracker.vcpus = 2;
        firecracker.cmdline.push_str(" pci=off");
        firecracker.settings = Some(Settings::new(VmmKind(&firecracker::KIND)).with(&firecracker::LOG_LEVEL, "Debug"));
        let own = Artifact {
            contenders: vec!["firecracker".to_owned()],
            sha256: "ef".repeat(32),
            ..run.artifacts[0].clone()
        };
        run.artifacts.push(own);
    });
    assert_eq!(
        runs,
        [
            "firebench: 0.1.0, 0.2.0",
            "iterations: 3, 5",
            "guest's caches dropped: no, yes",
            "host governors: [\"performance\"], [\"powersave\"]",
            "host mitigations mds: Not affected, Vulnerable",
        ]
    );
    let own = format!("kernel's SHA-256: {}, {}", crate::fixture::DIGEST, "ef".repeat(32));
    let executable = format!("executable's SHA-256: {}, {}", run(1.0, 1.0).contenders[1].sha256, "cd".repeat(32));
    let given = &run(1.0, 1.0).contenders[1].cmdline;
    let cmdline = format!("kernel command line: {given}, {given} pci=off");
    assert_eq!(
        contenders,
        [
            "version: Firecracker v1.12.1, Firecracker v1.13.0",
            &executable,
            "vCPUs: 1, 2",
            "setting cpu_template: T2, none",
            &cmdline,
            &own,
        ]
    );
}

/// Another layout makes another root disk of the same files, and nothing else another one.
#[test]
fn runs_of_other_layouts_are_the_same_experiment() {
    let laid_out = |layout: u32| {
        let mut run = run(20.0, 20.5);
        let firecracker = &mut run.contenders[1];
        firecracker.boots.iter_mut().for_each(|boot| boot.life_seconds += f64::from(layout));
        let disk = run.artifacts.iter_mut().find(|file| file.role == "root disk").expect("it has one");
        disk.sha256 = format!("{layout:064}");
        run.experiment.design.layout = layout;
        run
    };
    let comparison = compare(laid_out(0), laid_out(1), &[]);
    let said: Vec<String> = comparison.differences.iter().map(|found| found.what.clone()).collect();
    assert_eq!(said, ["layout of the files"]);
    assert!(comparison.pairs.iter().all(|pair| pair.differences.is_empty()));
    let runs = [[0, 1, 2], [3, 4, 5]].map(|layouts| layouts.map(laid_out).to_vec());
    let comparison = compare_runs(runs[0].clone(), runs[1].clone(), &[]);
    assert_eq!(comparison.warnings, Vec::<String>::new());
    assert!(comparison.verdicts().all(|judged| judged.unlike.is_empty()), "the gate is fair");
    let mut other = runs[1].clone();
    let last = other.last_mut().expect("a run");
    last.experiment.design.layout = 0;
    last.artifacts.iter_mut().for_each(|file| file.sha256 = "ab".repeat(32));
    let unlike = |comparison: &Comparison| comparison.verdicts().next().map(|judged| judged.unlike.clone());
    assert_eq!(unlike(&compare_runs(runs[0].clone(), other, &[])), Some(vec!["root disk".to_owned()]));
}

/// The warnings about a changed copy of a run beside the run.
fn warnings(change: impl Fn(&mut Report)) -> Vec<String> {
    let mut changed = run(20.0, 20.0);
    change(&mut changed);
    compare(run(20.0, 20.5), changed, &[]).warnings
}

#[test]
fn what_makes_the_numbers_mean_less_is_said_first() {
    let said = warnings(|run| {
        run.host.cpu_model = Some("Intel Xeon".to_owned());
        run.host.kernel = None;
    });
    assert_eq!(
        said,
        [
            "The runs are of different machines, which are compared along with the contenders: CPU AMD EPYC 9D14 96-Core \
          Processor against Intel Xeon; kernel 6.1.0-40-amd64 against unknown."
        ]
    );
    let said = warnings(|run| {
        run.failure = Some("qemu, boot 3: timed out".to_owned());
        run.design.end = Some(RunEnd::Verdict);
    });
    assert!(said[0] == "B failed: qemu, boot 3: timed out." && said[1].starts_with("B ended as soon as"), "{said:?}");
    let said = warnings(|run| run.contenders[0].name = "kvmtool".to_owned());
    assert_eq!(
        said,
        ["Not compared, because B does not have it: qemu.", "Not compared, because A does not have it: kvmtool."]
    );
    let said = warnings(|run| {
        run.contenders.iter_mut().flat_map(|c| &mut c.boots).for_each(|boot| boot.iterations.truncate(1));
    });
    assert_eq!(said, ["The first iteration of a boot counts in one of the runs, and not in the other."]);
}
