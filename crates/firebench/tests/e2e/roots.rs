//! Commands in roots of the user's: a Debian with Python, as a tar and as container images of every kind, in all that runs at real speed.

use std::path::{Path, PathBuf};
use std::process::Command;

use firebench_model::record::{BootStatus, Report};

use crate::require;
use crate::support::common::Lab;
use crate::support::invocation::report;
use crate::support::need;

const CONTAINED: [&str; 4] = ["bubblewrap", "runc", "gvisor", "uml"];

/// Runs a program that must succeed.
#[track_caller]
fn made(program: &str, args: &[&str], dir: &Path) {
    let output = Command::new(program).args(args).current_dir(dir).output().expect("it is there");
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A Debian with Python, by its name.
fn debian() -> String {
    let suite = std::fs::read_to_string("/etc/os-release").expect("a Debian");
    let suite = suite.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap_or("stable").to_owned();
    format!("debian:{suite},python3-minimal")
}

/// The archive that firebench has of it.
fn archive(lab: &Lab, debian: &str) -> PathBuf {
    let entries = std::fs::read_dir(lab.cache.join("entries/debian-root")).expect("there are some");
    let is_it = |entry: &PathBuf| {
        std::fs::read_to_string(entry.join("meta.json")).is_ok_and(|meta| meta.contains(&format!("\"{debian}\"")))
    };
    entries.map(|entry| entry.expect("readable").path()).find(is_it).expect("it was made").join("root.tar")
}

/// The same with one more layer, as an OCI layout, and as archives of both kinds.
fn images(dir: &Path) -> [PathBuf; 3] {
    std::fs::create_dir_all(dir.join("upper/etc")).expect("made");
    std::fs::write(dir.join("upper/etc/issue"), "of the second layer\n").expect("written");
    std::fs::write(dir.join("upper/etc/.wh.motd"), "").expect("written");
    made("tar", &["-C", "upper", "-cf", "upper.tar", "."], dir);
    made("umoci", &["init", "--layout", "oci"], dir);
    made("umoci", &["new", "--image", "oci:t"], dir);
    for layer in ["root.tar", "upper.tar"] {
        made("umoci", &["raw", "add-layer", "--image", "oci:t", layer], dir);
    }
    let run = "import os; print(open('/etc/issue').read(), os.path.exists('/etc/motd'), os.getcwd(), os.environ['OF_THE_IMAGE'])";
    let config = ["--config.env", "OF_THE_IMAGE=yes", "--config.workingdir", "/srv/work"];
    let command = ["--config.cmd", "python3", "--config.cmd", "-c", "--config.cmd", run];
    made("umoci", &[&["config", "--image", "oci:t"][..], &config, &command].concat(), dir);
    for archive in ["oci-archive:a.oci.tar:t", "docker-archive:a.docker.tar:me/t:1"] {
        made("skopeo", &["--insecure-policy", "copy", "-q", "oci:oci:t", archive], dir);
    }
    ["oci", "a.oci.tar", "a.docker.tar"].map(|name| dir.join(name))
}

/// Runs a command in a root under all contenders, without a network; each must print `expected`.
#[track_caller]
fn in_all(lab: &Lab, root: &Path, expected: &str, command: &[&str]) -> Report {
    let (out, wanted) = (lab.path("out"), lab.path("expected"));
    std::fs::write(&wanted, expected).expect("written");
    let args =
        ["run", "--vmm", "bubblewrap,runc,gvisor,uml", "--boots", "1", "--iterations", "2", "--memory", "256MiB"];
    let run = lab.firebench(&args).arg("--root").arg(root).arg("--expect-stdout").arg(&wanted).arg("--out").arg(&out);
    let run = if command.is_empty() { run } else { run.arg("--").args(command) };
    run.env("http_proxy", "http://127.0.0.1:1").run().ok();
    let report = report(&out);
    let said = |notice: &String| notice.contains("all files in it belong to whoever runs firebench");
    assert!(report.notices.iter().any(said), "{:?}", report.notices);
    assert_eq!(report.contenders.iter().map(|contender| contender.name.as_str()).collect::<Vec<_>>(), CONTAINED);
    for contender in &report.contenders {
        let (name, boots) = (&contender.name, &contender.boots);
        // On a busy machine a boot may be void, and another one takes its place.
        let fine = boots.iter().all(|boot| matches!(boot.status, BootStatus::Ok | BootStatus::Void));
        assert!(fine && boots.iter().any(|boot| boot.status == BootStatus::Ok), "{name}: {boots:?}");
    }
    report
}

/// The digest of the root of a run.
fn root(report: &Report) -> &str {
    &report.artifacts.iter().find(|artifact| artifact.role == "root").expect("it is named").sha256
}

#[test]
fn python_runs_in_a_debian_and_in_images_of_it() {
    require!(need::isolations());
    require!(need::images());
    let lab = Lab::new();
    let dir = lab.path("made");
    std::fs::create_dir(&dir).expect("made");
    let debian = debian();
    lab.firebench(&["image", "build", "--from", &debian]).within(900).run().ok();
    let first = in_all(&lab, Path::new(&debian), "42\n", &["python3", "-c", "print(6*7)"]);
    let said = |notice: &String| notice.starts_with(&format!("{debian} is what Debian's mirror had on 20"));
    assert!(first.notices.iter().any(said), "{:?}", first.notices);
    std::fs::copy(archive(&lab, &debian), dir.join("root.tar")).expect("copied");
    let said = "of the second layer\n False /srv/work yes\n";
    let roots = images(&dir).map(|image| in_all(&lab, &image, said, &[]));
    assert!(roots.iter().all(|other| root(other) == root(&roots[0])), "the same tree in every archive");
}

/// A small tree with busybox, as an ext4 image.
fn image_of_busybox(lab: &Lab) -> PathBuf {
    let tree = lab.path("tree");
    for directory in ["bin", "etc"] {
        std::fs::create_dir_all(tree.join(directory)).expect("made");
    }
    std::fs::copy(need::busybox_path().expect("it is needed"), tree.join("bin/busybox")).expect("copied");
    for applet in ["sh", "cat"] {
        std::os::unix::fs::symlink("busybox", tree.join("bin").join(applet)).expect("linked");
    }
    std::fs::write(tree.join("etc/issue"), "as it was\n").expect("written");
    let image = lab.path("root.ext4");
    made("mke2fs", &["-q", "-t", "ext4", "-d", "tree", "root.ext4", "16m"], &lab.path(""));
    image
}

/// Every boot begins with the same bytes, whatever the one before wrote; and nothing of it stays anywhere.
#[test]
fn an_ext4_image_can_be_written_to_and_a_program_added() {
    require!(need::isolations());
    require!(need::overlay_of_uml());
    let lab = Lab::new();
    let image = image_of_busybox(&lab);
    let (before, out) = (std::fs::read(&image).expect("there"), lab.path("out"));
    let line = "cat /etc/issue && echo other >/etc/issue && mkdir /own && numfmt --to=iec 2048 | cat /etc/issue -";
    lab.file("expected", "as it was\nother\n2.0K\n");
    let args =
        ["run", "--vmm", "bubblewrap,runc,gvisor,uml", "--boots", "2", "--iterations", "1", "--memory", "256MiB"];
    let more = ["--overlay", "--add-program", "numfmt", "--expect-stdout", "expected"];
    let run = lab.firebench(&args).args(more).arg("--root").arg(&image).arg("--out").arg(&out).at(&lab.path(""));
    run.args(["--", "sh", "-c", line]).run().ok();
    let report = report(&out);
    let said = |notice: &String| notice.ends_with("is gone at the next boot");
    assert!(report.notices.iter().any(said), "{:?}", report.notices);
    for contender in &report.contenders {
        let good = contender.boots.iter().filter(|boot| boot.status == BootStatus::Ok).count();
        assert!(good >= 2, "{}: {:?}", contender.name, contender.boots);
    }
    assert!(std::fs::read(&image).expect("there") == before);
    // The root of the containers is as it was, too.
    let plain = lab.firebench(&["run", "--vmm", "runc", "--boots", "1", "--iterations", "1", "--root"]).arg(&image);
    let outcome = plain.args(["--show-output", "--", "cat", "/etc/issue"]).run().ok();
    assert!(outcome.stderr.contains("    as it was\n"), "{outcome}");
    let plain = lab.firebench(&["run", "--vmm", "runc", "--boots", "1", "--iterations", "1", "--root"]).arg(&image);
    plain.args(["--", "sh", "-c", "echo x >/etc/issue"]).run().fails(3, &["Read-only file system"]);
}

#[test]
fn what_cannot_run_in_a_root_is_refused() {
    require!(need::isolations());
    let lab = Lab::new();
    let tree = lab.path("tree");
    std::fs::create_dir_all(tree.join("bin")).expect("made");
    std::fs::write(tree.join("bin/x"), "x").expect("written");
    let refused = |args: &[&str], said: &[&str]| {
        lab.firebench(&["run", "--root"]).arg(&tree).args(args).run().fails(2, said);
    };
    refused(&["--vmm", "host", "--", "/bin/x"], &["the bare host, which does not run in a root of yours"]);
    refused(&["--vmm", "runc", "--", "/bin/x"], &["cannot find the program /bin/x in the root"]);
    refused(&["--vmm", "runc", "--", "sh"], &["cannot find the program sh in the root", "it was looked for in"]);
    refused(&["--vmm", "runc"], &["says no command to run"]);
    refused(&["memory", "--vmm", "runc"], &["it has a root of its own"]);
    std::fs::create_dir_all(tree.join("usr/bin")).expect("made");
    std::fs::write(tree.join("usr/bin/sort"), "x").expect("written");
    let add = ["--vmm", "runc", "--add-program", "/usr/bin/sort", "--", "/usr/bin/sort"];
    refused(&add, &["cannot add the program /usr/bin/sort: the root has something there already"]);
    let other = |args: &[&str], said: &[&str]| lab.firebench(&["run", "--vmm", "runc"]).args(args).run().fails(2, said);
    other(&["--overlay", "--", "true"], &["--overlay makes a root of yours writable, and there is none"]);
    other(&["--root", "debian:trixie,-x", "--", "true"], &["is no Debian: no package is called \"-x\""]);
    other(&["--root", "debian:trixie,zsh", "--dry-run", "--", "true"], &["was not made yet", "image build --from"]);
}
