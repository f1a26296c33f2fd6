use super::*;

/// A file of `fixtures/`: real mappings, the largest ones and those that the kernel names, without the fields that nobody reads here.
fn read(text: &str, marks: &Marks) -> MemoryUse {
    let mut smaps = Smaps::new(marks);
    text.lines().for_each(|line| smaps.line(line));
    smaps.end()
}

fn sum(parts: Parts) -> u64 {
    parts.guest + parts.files + parts.program + parts.heap + parts.translator + parts.shared
}

const KIB: u64 = 1024;

/// QEMU 7.2, microvm with TCG, 512 MiB, from its start to the end of the kernel's.
#[test]
fn qemu_with_tcg() {
    let text = include_str!("fixtures/qemu_tcg");
    let kernel = MappedFile { path: "/elsewhere/vmlinux".to_owned(), device: "fe:00".to_owned(), inode: 10_012_081 };
    let marks = Marks { guest_names: &[], guest_bytes: Some(512 << 20), files: vec![kernel] };
    let used = read(text, &marks);
    let parts = used.parts;
    assert_eq!(parts.guest, 34_816 * KIB, "the mapping of 512 MiB");
    assert!(used.guest_by_size);
    assert_eq!(parts.files, 15_104 * KIB, "the kernel, by its inode");
    assert_eq!(parts.translator, 6_144 * KIB, "what can be written and executed");
    assert_eq!(parts.shared, 0);
    assert_eq!(sum(parts), used.pss);
    // Under another name, and as another file.
    let by_path = MappedFile { path: "/kernels/vmlinux".to_owned(), device: "00:2a".to_owned(), inode: 7 };
    assert_eq!(read(text, &Marks { files: vec![by_path], ..marks.clone() }).parts, parts);
    let unknown = read(text, &Marks { files: Vec::new(), ..marks.clone() }).parts;
    assert_eq!((unknown.files, unknown.program), (0, parts.program + parts.files));
    // A guest that is larger than anything that is mapped as memory.
    let larger = read(text, &Marks { guest_bytes: Some(1 << 30), ..marks });
    assert_eq!((larger.parts.guest, larger.guest_by_size), (0, false));
    assert_eq!(larger.parts.heap, parts.heap + parts.guest);
}

/// The sandbox of gVisor (20240729), which runs `sleep`.
#[test]
fn gvisor() {
    let text = include_str!("fixtures/gvisor_sandbox");
    let marks = Marks { guest_names: &["memfd:runsc-memory"], ..Marks::default() };
    let used = read(text, &marks);
    assert_eq!((used.parts.guest, used.guest_by_size), (110 * KIB, false), "what it gives the workload, by its name");
    assert!(used.parts.shared > 0, "what it shares with its own processes");
    assert_eq!((used.parts.files, used.processes), (0, 1));
    assert!(used.parts.program > used.parts.heap && used.parts.heap > 5_000 * KIB, "{used:?}");
    assert_eq!(sum(used.parts), used.pss);
}

/// User Mode Linux 7.2 with 256 MiB, after its work.
#[test]
fn user_mode_linux() {
    let marks = Marks { guest_names: &["/#", "vm_file-"], guest_bytes: Some(256 << 20), files: Vec::new() };
    let used = read(include_str!("fixtures/uml"), &marks);
    let parts = used.parts;
    assert_eq!((parts.guest, used.guest_by_size), (52_288 * KIB, false), "all pieces of its file, by its name");
    assert_eq!((parts.shared, parts.translator), (0, 0), "a guest's memory may be executed");
    assert_eq!(sum(parts), used.pss);
}

fn entry(header: &str, rss: u64) -> String {
    format!("{header}\nSize: 4 kB\nRss: {rss} kB\nPss: {rss} kB\nPrivate_Hugetlb: 0 kB\nVmFlags: rd wr\n")
}

#[test]
fn a_guest_may_have_two_pieces() {
    let text = entry("7f0000000000-7f00d0000000 rw-p 00000000 00:00 0", 300)
        + &entry("7f0100000000-7f0170000000 rw-p 00000000 00:00 0 ", 200)
        + &entry("7f0200000000-7f0204000000 rw-p 00000000 00:00 0 ", 50)
        + &entry("7f0300000000-7f0400000000 ---p 00000000 00:00 0 ", 0)
        + &entry("7f0500000000-7f0600000000 r--p 00000000 00:00 0 ", 1);
    let marks = Marks { guest_bytes: Some(5 << 30), ..Marks::default() };
    let parts = read(&text, &marks).parts;
    assert_eq!((parts.guest, parts.heap), (500 * KIB, 51 * KIB));
}

#[test]
fn huge_pages_are_in_neither_sum_of_the_kernel() {
    let text = "7f0000000000-7f0020000000 rw-p 00000000 00:10 5  /anon_hugepage (deleted)\nRss: 0 kB\nPss: 0 kB\n\
        Shared_Hugetlb: 0 kB\nPrivate_Hugetlb: 524288 kB\n";
    let marks = Marks { guest_bytes: Some(512 << 20), ..Marks::default() };
    let used = read(text, &marks);
    assert_eq!((used.rss, used.pss, used.parts.guest), (512 << 20, 512 << 20, 512 << 20));
    assert_eq!(of_rollup("Private_Hugetlb:  524288 kB"), Some(512 << 20));
    assert_eq!(
        (of_rollup("Pss:   12 kB"), of_rollup("Pss_Anon:   12 kB"), of_rollup("Pss: x kB")),
        (Some(12 * KIB), None, None)
    );
}

#[test]
fn names_are_the_processes_own() {
    let of = |header: &str| read(&entry(header, 8), &Marks { guest_names: &["vm_file-"], ..Marks::default() }).parts;
    let whole = 8 * KIB;
    assert_eq!(of("7f0-7f1 rwxs 00000000 00:1c 3   /dev/shm/vm_file-Ab (deleted)").guest, whole);
    assert_eq!(of("7f0-7f1 rw-s 00000000 00:1c 3   /dev/shm/other file (deleted)").shared, whole);
    assert_eq!(of("7f0-7f1 rw-s 00000000 fe:00 3   /tmp/other").shared, whole);
    assert_eq!(of("7f0-7f1 r-xp 00000000 fe:00 3   /tmp/program").program, whole);
    assert_eq!(of("7f0-7f1 r--p 00000000 fe:00 3   /usr/lib/a b.so").program, whole);
    assert_eq!(of("7f0-7f1 rw-p 00000000 00:00 0   [anon: Go: heap]").heap, whole);
    assert_eq!(of("7f0-7f1 rw-p 00000000 00:00 0   [stack]").heap, whole);
    assert_eq!(of("7f0-7f1 r-xp 00000000 00:00 0   [vdso]").program, whole);
    assert_eq!(of("7f0-7f1 rwxp 00000000 00:00 0 ").translator, whole);
}

#[test]
fn what_is_no_mapping_is_passed_over() {
    for text in
        ["", "\n", "Rss: 5 kB\n", "nonsense\nRss: 5 kB\n", "z-y rw-p\nRss: 5 kB", "7f0-7f1 rw-p 0 0:0\nPss: 1 kB\n"]
    {
        assert_eq!(read(text, &Marks::default()).pss, 0, "{text:?}");
    }
    let huge = format!("7f0-7f1 rw-p 0 0:0 0\nRss: {0} kB\nPss: {0} kB\n", u64::MAX);
    assert_eq!(read(&huge.repeat(3), &Marks::default()).pss, u64::MAX);
}

#[test]
fn a_hostile_process_takes_no_memory() {
    let marks = Marks { guest_bytes: Some(1 << 40), ..Marks::default() };
    let mut smaps = Smaps::new(&marks);
    for _ in 0..100_000 {
        smaps.line("7f0000000000-7f0000001000 rw-p 00000000 00:00 0");
        smaps.line("Rss: 4 kB");
    }
    assert!(smaps.candidates.len() <= CANDIDATES);
    assert_eq!(smaps.end().mappings, 100_000);
}
