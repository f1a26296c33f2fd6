//! Mistakes in the command line and in the files that it names.

use crate::support::common::Lab;

#[test]
fn bad_usage_is_refused_with_code_2_and_a_hint() {
    let lab = Lab::without_vms();
    let damaged_json = lab.file("damaged.json", "{ \"schema\": \"firebench.report/1\", ");
    let other_schema = lab.file("other.json", "{ \"schema\": \"firebench.report/99\" }");
    let no_experiment = lab.file("none.md", "# A page\n\nof somebody else\n");
    let bad_toml = lab.file("bad.toml", "workload = \"memory\"\nboots = 3\n");
    let hidden = lab.file("hidden.toml", "workload = \"memory\"\n[files]\nkernel = \"a\\u0007\"\n");
    let nobody = lab.file("nobody.toml", "workload = \"memory\"\nvmm = []\n");
    let contender = "[[contender]]\nname = \"a\"\nvmm = \"qemu\"\nbinary = \" \"\n";
    let nameless = lab.file("nameless.toml", format!("workload = \"memory\"\n{contender}"));
    let endless_toml = lab.file("endless.toml", "[a]\n".repeat(300_000));
    let binary = lab.file("binary", [0xff, 0xfe, 0x00]);
    let from = |path: &std::path::Path| vec!["--from".to_owned(), path.display().to_string()];
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let cases = [
        (words("memory --bogus"), "--bogus"),
        (words("mammary"), "mammary"),
        (Vec::new(), "no workload was given"),
        (words("memory --size 0"), "must not be empty"),
        (words("memory --size many"), "many"),
        (words("memory --memory 1.5GiB"), "1.5GiB"),
        (words("memory --memory 1000001"), "whole number of MiB"),
        (words("memory --memory 0"), "--memory must be at least 1"),
        (words("memory --boots 0"), "--boots must be at least 1"),
        (words("memory --iterations 0"), "--iterations must be at least 1"),
        (words("memory --vcpus 0"), "--vcpus must be at least 1"),
        (words("memory --boots -1"), "-1"),
        (words("memory --vmm xen"), "the kinds are qemu, firecracker, "),
        (words("memory --contender a=qemu --vmm qemu"), "cannot be used with"),
        (words("memory --contender qemu"), "does not describe a contender"),
        (words("memory --contender a=qemu,colour=red"), "unknown field `colour`"),
        (words("memory --contender a=qemu,template=T2"), "qemu has no template"),
        (words("memory --contender a=qemu --contender a=host"), "two contenders called a"),
        (words("memory --boots 3 --precision 1%"), "cannot be used with"),
        (words("memory --precision 0"), "invalid share"),
        (words("memory --precision 1"), "did you mean 1%?"),
        (words("memory --precision 100%"), "must be below 100%"),
        (words("memory --delta 2"), "did you mean 2%?"),
        (words("memory --contender a=host,handicap=5"), "did you mean 5%?"),
        (words("memory --vmm host --tap"), "--tap has no effect"),
        (words("memory --vmm host --append quiet"), "--append has no effect"),
        (words("memory --vmm host --preset published"), "--preset published has no effect"),
        (words("memory --vmm host --vcpus 100000"), "cannot have 100000 CPUs"),
        (words("memory --vmm firecracker --accel nested --vcpus 64"), "accepts 1 to 32 vCPUs"),
        (words("memory --vmm qemu,qemu"), "two contenders called qemu"),
        (words("memory --kernel /nonexistent"), "cannot use --kernel /nonexistent"),
        (words("memory --modules /nonexistent"), "cannot use --modules /nonexistent"),
        (words("memory --cache /dev/null"), "the cache /dev/null is not a directory"),
        (words("memory --data /dev/null"), "the data directory /dev/null is not a directory"),
        (words("memory --payload /nonexistent"), "cannot use --payload /nonexistent"),
        (words("memory --add /nonexistent"), "cannot use --add /nonexistent"),
        (words("memory --contender a=qemu,image=/nonexistent"), "cannot use image of contender a /nonexistent"),
        (words("memory --append \u{1b}[2J"), "machine.append contains the character U+001B"),
        (words("memory --append a\nb"), "machine.append contains the character U+000A"),
        (words("memory --contender a=qemu,append=\u{202e}x"), "contender.append contains the character U+202E"),
        (from(&hidden), "files.kernel contains the character U+0007"),
        (words("--resume 0123abcd --store /nonexistent"), "cannot find the store /nonexistent"),
        (words("memory --max-time soon"), "invalid time"),
        (words("memory --warm-up 3 --iterations 3"), "leaves none of 3 iterations"),
        (words("memory --accel hax"), "hax"),
        (words("memory --preset published --vcpus 2"), "cannot use --vcpus with --preset published"),
        (words("memory --preset published --memory 1GiB"), "cannot use --memory with --preset published"),
        (words("memory --payload /etc/passwd --size 1MiB"), "the file has its own size"),
        (words("memory --payload seeded:many"), "many"),
        (words("memory --block small"), "invalid size"),
        (words("memory --block 511"), "must be at least 512"),
        (words("memory --block 2MiB --size 1MiB"), "larger than the payload, which has 1MiB"),
        (words("memory --vmm host --block 1MiB --payload /etc/passwd"), "--block 1MiB is larger than the payload"),
        (
            words("memory --vmm host --block 1MiB --size 1MiB --memory 1MiB"),
            "too little for the buffer of --block 1MiB",
        ),
        (words("memory --contender a=host,busybox=/bin/true --block 4KiB"), "busybox has no effect with --block"),
        (words("memory --dry-run --out x"), "--out"),
        (words("memory --vmm host --boots 1 --size 1MiB --out /dev/null"), "a file is in the way"),
        (words("memory --vmm host --boots 1 --size 1MiB --junit /nonexistent/x"), "cannot write /nonexistent/x"),
        (words("memory --boot-deadline 0"), "--boot-deadline must be at least 1"),
        (from(&nobody), "no contender takes part"),
        (from(&nameless), "contender.binary is empty"),
        (from("/nonexistent".as_ref()), "/nonexistent"),
        (from(&damaged_json), "this is not a report of firebench"),
        (from(&other_schema), "firebench.report/99"),
        (from(&no_experiment), "experiment"),
        (from(&bad_toml), "boots"),
        (from(&endless_toml), "it has more than 1 MiB"),
        (from(&binary), "binary"),
    ];
    for (args, word) in cases {
        let outcome = lab.firebench(&["run"]).args(&args).within(30).run();
        eprintln!("{args:?}\n{outcome}");
        outcome.fails(2, &[word]);
    }
}

#[test]
fn other_commands_say_code_2_to_what_is_not_there_too() {
    let lab = Lab::without_vms();
    for args in [
        "show --store /nonexistent",
        "runs --store /nonexistent",
        "export --store /nonexistent",
        "delete --yes latest --store /nonexistent",
        "compare /nonexistent /nonexistent",
        "import /nonexistent",
        "fetch firecracker --from /nonexistent",
        "image build --file /nonexistent",
        "image build --size 1MiB --add /nonexistent",
        "calibrate --effect 5",
        "calibrate --precision 1 --live",
    ] {
        let args: Vec<&str> = args.split(' ').collect();
        let outcome = lab.firebench(&args).within(30).run();
        eprintln!("{args:?}\n{outcome}");
        outcome.fails(2, &[]);
    }
    assert!(
        lab.firebench(&["runs"]).run().ok().stdout.starts_with("no runs yet"),
        "its own store is made by the first run"
    );
}
