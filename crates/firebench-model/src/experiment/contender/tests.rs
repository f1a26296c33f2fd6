use firebench_vmm::{firecracker, host, qemu};

use super::*;

const QEMU: VmmKind = VmmKind(&qemu::KIND);
const FIRECRACKER: VmmKind = VmmKind(&firecracker::KIND);

fn parse(text: &str) -> Result<ContenderSpec, ContenderError> {
    text.parse()
}

#[test]
fn reads_what_the_flag_takes() {
    let spec =
        parse("old=firecracker,binary=./fc,vcpus=2,memory=512MiB,template=T2,io=async,huge-pages").expect("good");
    let expected = ContenderSpec {
        binary: Some("./fc".into()),
        vcpus: Some(2),
        memory: Some(Size(512 << 20)),
        own: OwnSettings::default()
            .with(&firecracker::TEMPLATE, "T2")
            .with(&firecracker::IO, "async")
            .with(&firecracker::HUGE_PAGES, true),
        ..ContenderSpec::new("old", FIRECRACKER)
    };
    assert_eq!(spec, expected);
    let cpu = parse("q=qemu,cpu=host,,-avx2").expect("good");
    assert_eq!(cpu.own.get(&qemu::CPU), Some(&Value::from("host,-avx2")));
    let rtc = |text| parse(text).expect("good").own.get(&qemu::RTC).cloned();
    let [on, off] = [true, false].map(|on| Some(Value::Switch(on)));
    assert_eq!((rtc("q=qemu,rtc=off"), rtc("q=qemu,rtc=on"), rtc("q=qemu")), (off, on, None));
    assert_eq!(parse("bare=host,handicap=5%").expect("good").handicap.map(Share::part), Some(0.05));
}

#[test]
fn refuses_what_cannot_be() {
    let said = |text: &str| parse(text).expect_err(text).to_string();
    assert!(said("qemu").contains("does not describe a contender"));
    assert!(said("a=").contains("does not describe a contender"));
    assert!(
        said("a=bochs").contains("\"bochs\" is not a kind of contender; the kinds are qemu"),
        "{}",
        said("a=bochs")
    );
    assert!(said("a=qemu,colour=red").contains("unknown field `colour`"));
    assert!(said("a=qemu,color=red").contains("unknown field `color`"));
    assert!(said("a=qemu,cach=none").ends_with("unknown field `cach`; did you mean `cache`?"));
    assert!(said("a=qemu,vcpus=many").ends_with("vcpus takes a whole number, not \"many\""));
    assert!(
        said("a=qemu,cache=red")
            .ends_with("cache takes none, writeback, writethrough, directsync, unsafe, not \"red\"")
    );
    for key in ["cpu", "append", "kernel", "memory"] {
        assert!(said(&format!("a=qemu,{key}=")).ends_with("not \"\""), "{key}");
    }
    assert!(said("a=qemu,rtc=maybe").ends_with("rtc takes on or off, not \"maybe\""));
    assert!(said("a=qemu,memory").ends_with("memory takes a size such as 512MiB: write memory=VALUE"));
    assert!(said("a=qemu,vcpus=1,vcpus=2").contains("vcpus is given twice"));
    assert_eq!(said("a b=qemu"), "\"a b\" is not a name for a contender");
    assert_eq!(said("a=qemu,template=T2"), "contender a: qemu has no template");
    assert_eq!(said("a=firecracker,rtc=on"), "contender a: firecracker has no rtc");
    assert_eq!(said("a=firecracker,cache=none"), "contender a: firecracker has no cache=none");
    assert_eq!(said("a=qemu,transparent-huge-pages"), "contender a: qemu has no transparent-huge-pages");
    assert_eq!(said("a=host,kernel=x"), "contender a: host has no kernel");
    assert_eq!(said("a=qemu,vcpus=0"), "contender a: vcpus must be at least 1");
    assert!(said("a=qemu,memory=1000").contains("whole number of MiB"));
    assert!(said("a=qemu,image=x,busybox=y").contains("busybox does not go with an image"));
}

#[test]
fn names_are_unique() {
    let twice = [ContenderSpec::new("a", QEMU), ContenderSpec::new("a", VmmKind(&host::KIND))];
    assert_eq!(check_all(&twice), Err(ContenderError::Twice("a".to_owned())));
}

#[test]
fn who_has_a_setting_is_said_from_the_tables() {
    let help = |text: &str| miette::Diagnostic::help(&parse(text).expect_err(text)).expect("a hint").to_string();
    assert_eq!(
        help("a=qemu,template=T2"),
        "template is a setting of firecracker (Firecracker's CPU template, or none); qemu has machine, cpu, rtc, cache, io and huge-pages"
    );
    let hint = help("a=firecracker,cache=none");
    let expected =
        "qemu takes cache=none|writeback|writethrough|directsync|unsafe; firecracker takes cache=unsafe|writeback";
    assert!(hint.starts_with(expected), "{hint}");
    assert_eq!(
        help("a=host,kernel=x"),
        "host does not boot a guest: it takes vcpus, memory, busybox, command, parameters, handicap and concurrent"
    );
}

#[test]
fn files_have_the_words_that_they_always_had() {
    let text = "name = \"a\"\nvmm = \"firecracker\"\nvcpus = 1\nhandicap = \"5%\"\ntemplate = \"T2\"\ncache = \"writeback\"\n\
                io = \"async\"\nhuge-pages = true\ntransparent-huge-pages = true\njail = true\n";
    let spec: ContenderSpec = toml::from_str(text).expect("a contender");
    assert_eq!(toml::to_string(&spec).expect("TOML"), text);
    let json = serde_json::to_string(&spec).expect("JSON");
    assert_eq!(serde_json::from_str::<ContenderSpec>(&json).expect("a contender"), spec);
    for (line, said) in [
        ("colour = \"red\"", "unknown field `colour`"),
        ("bina = \"x\"", "did you mean `binary`?"),
        (
            "smm = true",
            "unknown field `smm` of a contender; there are api, append, binary, busybox, cache, command, concurrent, core-scheduling, cpu,",
        ),
        ("add = [\"x\"]", "unknown field `add` of a contender"),
        ("cpu = [1]", "cpu takes a CPU model: expected true, false"),
        ("cpu = \"\"", "cpu takes a CPU model, not \"\""),
        ("cache = \"red\"", "cache takes none, writeback, writethrough, directsync, unsafe, not \"red\""),
        ("rtc = 1", "rtc takes on or off, not 1"),
        ("vcpus = \"many\"", "invalid type"),
    ] {
        let text = format!("name = \"a\"\nvmm = \"qemu\"\n{line}\n");
        let error = toml::from_str::<ContenderSpec>(&text).expect_err(line).to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn every_common_setting_is_seen_where_it_is_given() {
    for common in &COMMON {
        let (setting, key) = (&common.setting, common.setting.key);
        let value = match setting.takes {
            Takes::Switch => String::new(),
            _ => format!("={}", setting.example.trim_matches('"')),
        };
        let vmm = kinds::all().find(|vmm| (common.is_of)(*vmm)).expect("a kind that has it");
        let spec: ContenderSpec = format!("a={vmm},{key}{value}").parse().expect(key);
        assert!(spec.gives(key), "{key}");
        assert!(!ContenderSpec::new("a", vmm).gives(key), "{key}");
    }
}
