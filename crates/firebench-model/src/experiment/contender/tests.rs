use super::*;

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
        template: Some("T2".to_owned()),
        io: Some(Io::Async),
        huge_pages: true,
        ..ContenderSpec::new("old", VmmKind::Firecracker)
    };
    assert_eq!(spec, expected);
    assert_eq!(parse("q=qemu,cpu=host,,-avx2").expect("good").cpu.as_deref(), Some("host,-avx2"));
    let rtc = |text| parse(text).expect("good").rtc;
    assert_eq!((rtc("q=qemu,rtc=off"), rtc("q=qemu,rtc=on"), rtc("q=qemu")), (Some(false), Some(true), None));
    assert_eq!(parse("bare=host,handicap=5%").expect("good").handicap.map(Share::part), Some(0.05));
}

#[test]
fn refuses_what_cannot_be() {
    let said = |text: &str| parse(text).expect_err(text).to_string();
    assert!(said("qemu").contains("does not describe a contender"));
    assert!(said("a=").contains("does not describe a contender"));
    assert!(said("a=bochs").contains("unknown variant `bochs`"), "{}", said("a=bochs"));
    assert!(said("a=qemu,colour=red").contains("unknown field `colour`"));
    assert!(said("a=qemu,vcpus=many").contains("invalid type"), "{}", said("a=qemu,vcpus=many"));
    assert!(said("a=qemu,vcpus=1,vcpus=2").contains("there twice"));
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
    let twice = [ContenderSpec::new("a", VmmKind::Qemu), ContenderSpec::new("a", VmmKind::Host)];
    assert_eq!(check_all(&twice), Err(ContenderError::Twice("a".to_owned())));
}
