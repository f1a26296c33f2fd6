use std::os::unix::fs::{PermissionsExt as _, symlink};

use firebench_model::experiment::ContenderSpec;
use firebench_vmm::{VmmKind, host, runc};
use tempfile::TempDir;

use super::programs::{LIBRARY_CACHE, MOVED, called_by_env};
use super::*;

const HOST: VmmKind = VmmKind(&host::KIND);
const RUNC: VmmKind = VmmKind(&runc::KIND);

/// A directory with a program and a file.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    program(&directory.path().join("tool"), "#!/bin/sh\nexit 0\n");
    std::fs::write(directory.path().join("data"), "data").expect("it is written");
    directory
}

fn program(path: &Path, text: &str) {
    std::fs::write(path, text).expect("it is written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it may be executed");
}

fn experiment(directory: &Path, words: &[&str], kinds: &[VmmKind]) -> Experiment {
    let argv = words.iter().map(|&word| word.to_owned()).collect();
    let spec = CommandSpec { argv, directory: Some(directory.to_owned()), ..CommandSpec::default() };
    Experiment { command: Some(spec), vmm: kinds.to_vec(), ..Experiment::default() }
}

fn places() -> Places {
    // Nothing is looked up or written there.
    let dir = tempfile::tempdir().expect("a directory");
    let cache = firebench_image::cache::Cache::open(dir.path()).expect("it opens");
    Places { cache, data_dir: dir.path().to_owned(), run_dir: dir.path().to_owned(), build: false }
}

fn own(experiment: &Experiment) -> OwnCommand {
    OwnCommand::of(experiment, None, &places()).expect("in order").expect("a command")
}

fn refused(experiment: &Experiment) -> String {
    OwnCommand::of(experiment, None, &places()).expect_err("not in order").to_string()
}

/// Where a file of the host is in every root; None where it is not there.
fn placed<'a>(own: &'a OwnCommand, host: &Path) -> Option<&'a Path> {
    own.files.iter().find(|(from, _)| from == host).map(|(_, to)| to.as_path())
}

#[test]
fn a_program_is_where_it_is_on_the_host_with_all_that_it_needs() {
    let experiment = experiment(Path::new("/usr"), &["env", "a b"], &[HOST, RUNC]);
    let own = own(&experiment);
    let side = Side::default();
    for (contender, runs) in [("host", Runs::OnTheHost), ("runc", Runs::InARoot)] {
        let words = own.words(contender, runs, &side).expect("text");
        assert_eq!(words, ["/usr/bin/env", "a b"]);
        let task = own.task(words, runs, &side).expect("text");
        assert_eq!(task.directory.as_deref(), Some("/usr"), "the program is below it");
    }
    let libc = own.files.iter().find(|(host, _)| host.ends_with("libc.so.6")).expect("it is dynamic");
    assert_eq!(libc.0, libc.1);
    assert!(placed(&own, Path::new(LIBRARY_CACHE)).is_some());
}

#[test]
fn what_a_root_has_for_itself_does_not_hide_a_program() {
    let directory = directory();
    let path = directory.path().join("tool");
    let mut experiment = experiment(directory.path(), &["./tool", "data"], &[HOST, RUNC]);
    experiment.files.add = vec!["data".to_owned()];
    let own = own(&experiment);
    let moved = |path: &Path| Path::new(MOVED).join(path.strip_prefix("/").expect("absolute"));
    assert_eq!(placed(&own, &path), Some(moved(&path).as_path()));
    assert_eq!(placed(&own, &directory.path().join("data")), Some(moved(&directory.path().join("data")).as_path()));
    let side = Side::default();
    let there = own.words("runc", Runs::InARoot, &side).expect("text");
    assert_eq!(there, [moved(&path).to_str().expect("text"), "data"]);
    let task = own.task(there, Runs::InARoot, &side).expect("text");
    assert_eq!(task.directory.as_deref(), moved(directory.path()).to_str());
    let here = own.words("host", Runs::OnTheHost, &side).expect("text");
    assert_eq!(here.first().map(String::as_str), path.to_str());
    // A script needs what interprets it.
    assert!(placed(&own, Path::new("/bin/sh")).is_some(), "{:?}", own.files);
    assert!(own.notices.iter().any(|notice| notice.contains("is a script")), "{:?}", own.notices);
}

#[test]
fn busybox_is_the_same_shell_everywhere() {
    let mut experiment = experiment(Path::new("/"), &["sort", "|", "uniq"], &[HOST, RUNC]);
    if let Some(command) = &mut experiment.command {
        command.shell = Some("sh".to_owned());
        command.prepare = Some("sync; true".to_owned());
        command.env = vec!["A=b=c".to_owned()];
    }
    let own = own(&experiment);
    assert!(own.files.is_empty() && own.program("host").is_none());
    let side = Side { busybox: Some("/b".to_owned()), ..Side::default() };
    let words = own.words("host", Runs::OnTheHost, &side).expect("text");
    assert_eq!(words, ["/b", "sh", "-c", "sort | uniq"]);
    let guest = own.words("host", Runs::InARoot, &Side::default()).expect("text");
    assert_eq!(guest, ["/bin/sh", "-c", "sort | uniq"]);
    let task = own.task(words, Runs::OnTheHost, &side).expect("text");
    assert_eq!(task.prepare, ["/b", "sh", "-c", "sync; true"]);
    assert_eq!((task.conclude.is_empty(), task.env), (true, vec![("A".to_owned(), "b=c".to_owned())]));
}

#[test]
fn what_cannot_be_run_is_refused_before_anything_is_made() {
    let directory = directory();
    let at = directory.path();
    let refused = |words: &[&str]| refused(&experiment(at, words, &[HOST, RUNC]));
    assert_eq!(
        refused(&["no-such-program-anywhere"]),
        "cannot run no-such-program-anywhere: it is in no directory of PATH"
    );
    assert_eq!(refused(&["./data"]), "cannot run ./data: it is not an executable file");
    assert!(refused(&["./missing"]).starts_with("cannot use the program "), "{}", refused(&["./missing"]));
    program(&at.join("empty"), "");
    assert!(refused(&["./empty"]).ends_with("it is not an ELF file"));
    program(&at.join("nobody"), "#! \n");
    assert!(refused(&["./nobody"]).ends_with("its first line names no interpreter"));
    program(&at.join("gone"), "#!/nonexistent/interpreter\n");
    assert_eq!(refused(&["./gone"]), "cannot use the interpreter /nonexistent/interpreter");
    // A script that interprets itself.
    let endless = at.join("endless");
    program(&endless, &format!("#!{}\n", endless.display()));
    assert!(refused(&["./endless"]).ends_with("its interpreter is a script of a script"));
}

#[test]
fn the_host_has_a_file_where_it_is_alone() {
    let directory = directory();
    let mut both = experiment(directory.path(), &["./tool"], &[HOST, RUNC]);
    both.files.add = vec!["data=/data".to_owned()];
    assert!(refused(&both).starts_with("the host sees "), "{}", refused(&both));
    let alone = Experiment { vmm: vec![RUNC], ..both };
    assert_eq!(placed(&own(&alone), &directory.path().join("data")), Some(Path::new("/data")));
}

#[test]
fn links_to_directories_are_followed_and_links_to_programs_are_not() {
    let directory = directory();
    let real = directory.path().join("real");
    std::fs::create_dir(&real).expect("it is made");
    symlink("../tool", real.join("called")).expect("it is made");
    symlink("real", directory.path().join("link")).expect("it is made");
    let own = own(&experiment(directory.path(), &["link/called"], &[RUNC]));
    let canonical = std::fs::canonicalize(&real).expect("it is there").join("called");
    assert_eq!(own.program("runc"), Some(&canonical), "programs look at how they are called");
}

#[test]
fn what_must_be_printed_is_a_digest_or_in_a_file() {
    let directory = directory();
    let expecting = |text: &str| {
        let mut experiment = experiment(directory.path(), &["./tool"], &[RUNC]);
        experiment.command.as_mut().expect("a command").expect_stdout = Some(text.into());
        experiment
    };
    let digest = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7";
    for given in [digest, &digest.to_uppercase(), "data"] {
        let mut inputs = Inputs::default();
        own(&expecting(given)).expect(&mut inputs);
        assert_eq!(inputs.stdout_sha256.as_deref(), Some(digest), "{given}");
    }
    assert!(refused(&expecting("missing")).starts_with("cannot use --expect-stdout "));
}

#[test]
fn each_contender_may_have_a_program_of_its_own() {
    let mut experiment = experiment(Path::new("/"), &["env"], &[]);
    let contender = |name: &str, command: Option<&str>| ContenderSpec {
        command: command.map(str::to_owned),
        ..ContenderSpec::new(name, RUNC)
    };
    let image = ContenderSpec { image: Some("root.ext4".into()), ..contender("image", Some("/in/the/image -x")) };
    experiment.contenders = vec![contender("a", None), contender("b", Some("sort -r")), image];
    let own = own(&experiment);
    let words = |name: &str, runs| own.words(name, runs, &Side::default()).expect("text");
    assert_eq!(words("a", Runs::InARoot), ["/usr/bin/env"]);
    assert_eq!(words("b", Runs::InARoot), ["/usr/bin/sort", "-r"]);
    assert_eq!(words("image", Runs::InTheirRoot), ["/in/the/image", "-x"]);
    assert!(placed(&own, Path::new("/usr/bin/env")).and(placed(&own, Path::new("/usr/bin/sort"))).is_some());
}

#[test]
fn env_calls_what_is_behind_its_options() {
    let called = |line: &'static str| called_by_env(line.split_ascii_whitespace());
    assert_eq!(called("sh"), Some("sh"));
    assert_eq!(called("-S sh -e"), Some("sh"));
    assert_eq!(called("-Ssh -eu"), Some("sh"));
    assert_eq!(called("-u HOME A=b -i sh"), Some("sh"));
    assert_eq!(called("-C /tmp sh"), Some("sh"));
    assert_eq!(called("-i A=b"), None);
}

#[test]
fn the_same_experiment_from_elsewhere_means_the_same() {
    let directory = directory();
    std::fs::create_dir(directory.path().join("below")).expect("it is made");
    let mut experiment = experiment(&directory.path().join("below"), &["../tool"], &[RUNC]);
    if let Some(command) = &mut experiment.command {
        command.input = Some("../data".into());
        command.expect_stdout = Some("../data".into());
    }
    let first = own(&experiment);
    experiment.command = Some(first.resolved());
    let again = own(&experiment);
    assert_eq!((again.program("runc"), &again.input), (first.program("runc"), &first.input));
    std::fs::write(directory.path().join("data"), "other").expect("it is written");
    assert_eq!(own(&experiment).expected, first.expected, "what must be printed is what had to be");
    assert_eq!(
        first.named().collect::<Vec<_>>(),
        [&std::fs::canonicalize(directory.path()).expect("it is there").join("data")]
    );
    experiment.command = Some(CommandSpec { directory: Some(directory.path().join("data")), ..first.resolved() });
    assert!(refused(&experiment).starts_with("cannot use the directory "), "{}", refused(&experiment));
}

#[test]
fn a_file_elsewhere_takes_no_directory_along() {
    let directory = directory();
    let mut experiment = experiment(directory.path(), &["true"], &[RUNC]);
    experiment.files.add = vec!["data=/elsewhere".to_owned()];
    assert_eq!(own(&experiment).directory, None, "nothing is at its own path below it");
    experiment.files.add.push("data".to_owned());
    assert_eq!(own(&experiment).directory.as_deref(), Some(directory.path()));
}

#[test]
fn a_file_in_a_directory_that_is_added_comes_with_it() {
    let directory = directory();
    let mut experiment = experiment(directory.path(), &["./tool"], &[RUNC]);
    experiment.files.add = vec![".".to_owned(), "data=/elsewhere".to_owned()];
    let own = own(&experiment);
    let whole = std::fs::canonicalize(directory.path()).expect("it is there");
    assert!(placed(&own, &whole).is_some(), "{:?}", own.files);
    assert!(placed(&own, &whole.join("tool")).is_none(), "{:?}", own.files);
    assert_eq!(placed(&own, &directory.path().join("data")), Some(Path::new("/elsewhere")));
}

#[test]
fn an_added_program_comes_with_its_libraries_and_stays_aside_in_a_root_of_the_users() {
    let lab = tempfile::tempdir().expect("a directory");
    let tree = lab.path().join("tree");
    std::fs::create_dir_all(tree.join("usr/bin")).expect("room");
    program(&tree.join("usr/bin/sort"), "x");
    let cache = firebench_image::cache::Cache::open(lab.path().join("cache")).expect("it opens");
    let root = Root::read(&cache, &firebench_image::roots::RootSource { path: tree, tag: None }).expect("sound");
    let places = Places { cache, data_dir: lab.path().to_owned(), run_dir: lab.path().to_owned(), build: false };
    let mut experiment = experiment(Path::new("/usr"), &["env", "true"], &[RUNC]);
    experiment.files.add_program = vec!["env".to_owned()];
    let own_files = OwnCommand::of(&experiment, None, &places).expect("sound").expect("a command").files;
    let twice = own_files.iter().filter(|(host, _)| host.ends_with("bin/env")).count();
    assert_eq!(twice, 1, "{own_files:?}");

    experiment.command = Some(CommandSpec { argv: vec!["env".to_owned()], ..CommandSpec::default() });
    experiment.files.root = Some("tree".into());
    let own = OwnCommand::of(&experiment, Some(&root), &places).expect("sound").expect("a command");
    assert_eq!(own.words("runc", Runs::InARoot, &Side::default()).expect("text"), ["/usr/bin/env"]);
    let script = own.files.iter().find(|(_, place)| place == Path::new("/usr/bin/env")).expect("what calls it");
    let text = std::fs::read_to_string(&script.0).expect("written");
    assert!(text.starts_with("#!/firebench/busybox sh\nexec /firebench/programs/0/ld-linux-x86-64.so.2 "), "{text}");
    let aside = |name: &str| own.files.iter().any(|(_, place)| *place == Path::new("/firebench/programs/0").join(name));
    assert!(aside("env") && aside("libc.so.6") && aside("ld-linux-x86-64.so.2"), "{:?}", own.files);
    experiment.files.add_program = vec!["sort".to_owned()];
    let refused = OwnCommand::of(&experiment, Some(&root), &places).expect_err("it is there").to_string();
    assert_eq!(refused, "cannot add the program /usr/bin/sort: the root has something there already");
}
