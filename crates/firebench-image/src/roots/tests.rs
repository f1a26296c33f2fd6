//! Roots of every kind, made here, and what hostile ones come to.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use tar::EntryType;

use archive::{Archive, CONFIG, gzip, image, oci, packed, saved, sha};

use super::*;

mod archive;

struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Lab {
        Lab(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn source(&self, bytes: &[u8]) -> RootSource {
        let path = self.path("source");
        std::fs::write(&path, bytes).expect("written");
        RootSource { path, tag: None }
    }

    /// The listing of an archive, a line a name, without the root and without times; or what is wrong with it.
    fn list(&self, bytes: &[u8]) -> std::result::Result<Vec<String>, String> {
        let (_, listing) = Root::open(&self.source(bytes), self.0.path()).map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&listing).into_owned();
        let line = |line: &str| {
            let fields: Vec<&str> = line.split('\t').collect();
            format!(
                "{} {} {}:{} {} {} {} {}",
                fields[0], fields[1], fields[2], fields[3], fields[5], fields[7], fields[8], fields[9]
            )
        };
        Ok(text.lines().skip(1).map(|text| line(text).trim_end().to_owned()).collect())
    }

    fn names(&self, bytes: &[u8]) -> Vec<String> {
        let (_, listing) = Root::open(&self.source(bytes), self.0.path()).expect("sound");
        let text = String::from_utf8_lossy(&listing).into_owned();
        text.lines().skip(1).map(|line| line.split('\t').nth(7).expect("a path").to_owned()).collect()
    }

    /// The contents of a file of an archive.
    fn contents(&self, bytes: &[u8], path: &str) -> String {
        let opened = source::open(&self.source(bytes), self.0.path()).expect("sound");
        let mut found = None;
        let walked: std::result::Result<(), Wrong> = opened.tree.walk(|name, _, node| {
            if let (true, Kind::File(contents)) = (name == path.as_bytes(), &node.kind) {
                let mut bytes = Vec::new();
                listing::read(&opened, contents, |piece| {
                    bytes.extend_from_slice(piece);
                    Ok(())
                })?;
                found = String::from_utf8(bytes).ok();
            }
            Ok(())
        });
        walked.expect("read");
        found.expect("there is such a file")
    }
}

#[test]
fn an_archive_keeps_owners_permissions_attributes_and_devices() {
    let lab = Lab::new();
    let capability: &[u8] = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let archive = Archive::new()
        .directory("./")
        .directory("./usr/")
        .entry(EntryType::Regular, "./usr/su", "", b"#!", |header| {
            header.set_mode(0o4755);
            header.set_gid(8);
        })
        .pax(&[("SCHILY.xattr.security.capability", capability), ("uid", b"70000")])
        .file("usr/ping", "ping")
        .entry(EntryType::Char, "dev/null", "", b"", |header| {
            header.set_device_major(1).expect("ustar");
            header.set_device_minor(3).expect("ustar");
        })
        .entry(EntryType::Fifo, "run/pipe", "", b"", |_| {})
        .symlink("lib", "usr/lib")
        .link("usr/ping2", "./usr/ping")
        .end();
    let hex: String = capability.iter().map(|byte| format!("{byte:02x}")).collect();
    let name: String = b"security.capability".iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = [
        "d 0755 0:0 - dev".to_owned(),
        "c 0644 0:0 1 dev/null".to_owned(),
        "l 0644 0:0 - lib usr/lib".to_owned(),
        "d 0755 0:0 - run".to_owned(),
        "p 0644 0:0 - run/pipe".to_owned(),
        "d 0755 0:0 - usr".to_owned(),
        format!("f 0644 70000:0 4 usr/ping  {name}={hex}"),
        "h 0000 0:0 - usr/ping2 usr/ping".to_owned(),
        "f 4755 0:8 2 usr/su".to_owned(),
    ];
    for bytes in [archive.clone(), gzip(&archive), image(std::slice::from_ref(&archive)), image(&[gzip(&archive)])] {
        assert_eq!(lab.list(&bytes).expect("sound"), expected);
    }
    // Nothing was written but the source itself.
    assert_eq!(std::fs::read_dir(lab.0.path()).expect("listed").count(), 1);
}

#[test]
fn layers_hide_and_replace_what_is_below_them() {
    let lab = Lab::new();
    let lower = || {
        Archive::new()
            .file("a/one", "1")
            .file("a/two", "2")
            .file("b/c/deep", "3")
            .directory("lib/")
            .file("plain", "old")
            .symlink("link", "a")
            .end()
    };
    let over = |upper: Archive| lab.names(&image(&[lower(), upper.end()]));
    let gone = over(Archive::new().file("a/.wh.one", "").file("./b/.wh.c", ""));
    assert_eq!(gone, ["a", "a/two", "b", "lib", "link", "plain"]);
    // An opaque directory keeps what its own layer has, before the mark and behind it.
    let opaque = over(Archive::new().file("b/c/new", "").file("b/.wh..wh..opq", "").file("b/d", ""));
    assert_eq!(opaque, ["a", "a/one", "a/two", "b", "b/c", "b/c/new", "b/d", "lib", "link", "plain"]);
    // A whiteout is about lower layers alone.
    assert_eq!(over(Archive::new().file("a/one", "x").file("a/.wh.one", ""))[..3], ["a", "a/one", "a/two"]);
    let file_for_directory = over(Archive::new().file("b", "file"));
    assert_eq!(file_for_directory, ["a", "a/one", "a/two", "b", "lib", "link", "plain"]);
    let directory_for_file = over(Archive::new().directory("plain/").file("plain/x", ""));
    assert!(directory_for_file.contains(&"plain/x".to_owned()));
    // A directory on a directory keeps what is in it.
    assert!(over(Archive::new().directory("a/")).contains(&"a/one".to_owned()));
    // A linked directory is that which it leads to, inside; one that takes its place is another.
    assert!(over(Archive::new().file("link/three", "")).contains(&"a/three".to_owned()));
    assert!(over(Archive::new().directory("link/").file("link/three", "")).contains(&"link/three".to_owned()));
}

#[test]
fn a_hard_link_keeps_the_contents_that_it_was_made_of() {
    let lab = Lab::new();
    let lower = Archive::new().file("data", "old").end();
    let middle = Archive::new().link("kept", "data").end();
    let upper = Archive::new().file("data", "new").end();
    let bytes = image(&[lower, middle, upper]);
    assert_eq!((lab.contents(&bytes, "kept"), lab.contents(&bytes, "data")), ("old".to_owned(), "new".to_owned()));
    let missing = lab.list(&Archive::new().link("a", "b").end()).expect_err("to nothing");
    assert!(missing.ends_with("a is a hard link to b, which is not there"), "{missing}");
}

#[test]
fn what_leads_out_or_is_too_much_is_refused() {
    let lab = Lab::new();
    let refused = |bytes: &[u8]| lab.list(bytes).expect_err("refused");
    for name in ["../x", "a/../../x", "/../x"] {
        let said = refused(&Archive::new().file(name, "").end());
        assert!(said.contains("leads out of it"), "{said}");
    }
    assert!(refused(&Archive::new().link("a", "../x").end()).contains("leads out of it"));
    assert!(refused(&image(&[Archive::new().file("../x", "").end()])).contains("leads out of it"));
    // Links that lead out are targets, and nothing follows them but what runs there.
    let out = Archive::new()
        .symlink("etc", "../../../usr")
        .symlink("abs", "/usr/x")
        .file("etc/passwd", "x")
        .file("abs/y", "")
        .end();
    assert_eq!(lab.names(&out), ["abs", "etc", "usr", "usr/passwd", "usr/x", "usr/x/y"]);
    let circle = Archive::new().symlink("a", "b").symlink("b", "a").file("a/x", "").end();
    assert!(refused(&circle).contains("more than 40 links"));
    let deep: String = "d/".repeat(45);
    let deeper = Archive::new().symlink("a", &deep).symlink(&format!("{deep}b"), &deep).end();
    assert!(lab.list(&deeper).is_ok());
    assert!(refused(&Archive::new().entry(EntryType::GNUSparse, "a", "", b"", |_| {}).end()).contains("does not read"));
    assert!(refused(&Archive::new().file("a\nb", "").end()).contains("control characters"));
    assert!(refused(&Archive::new().pax(&[("path", &[b'x'; 3000])]).file("a", "").end()).contains("longer than 2048"));
    let mut cut = Archive::new().file("a", "contents").end();
    cut.truncate(515);
    assert!(refused(&cut).contains("cut off"));
    let mut damaged = Archive::new().file("a", "x").file("b", "y").end();
    damaged[1024] = b'c';
    assert!(refused(&damaged).contains("wrong checksum"));
    assert!(refused(b"#!/bin/sh\n").contains("neither a directory, nor a tar archive or an ext4 image"));
    assert!(refused(&[]).contains("neither a directory, nor a tar archive"));
}

#[test]
fn a_bomb_is_refused() {
    let lab = Lab::new();
    let mut zeros = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        zeros.write_all(&vec![0; 1 << 20]).expect("written to memory");
    }
    let said = lab.list(&image(&[zeros.finish().expect("finished")])).expect_err("too much");
    assert!(said.contains("unpacks to more than 22 MiB"), "{said}");
}

#[test]
fn a_layer_that_is_a_link_is_followed_in_the_archive_alone() {
    let lab = Lab::new();
    let layer = Archive::new().file("x", "1").end();
    let with = |target: &str| saved(&[("aa/layer.tar", layer.clone())], &[("bb/layer.tar", target)], CONFIG);
    assert_eq!(lab.names(&with("../aa/layer.tar")), ["x"]);
    let refused = |target: &str| lab.list(&with(target)).expect_err("refused");
    let outside = lab.path("outside.tar");
    std::fs::write(&outside, &layer).expect("written");
    assert!(refused(outside.to_str().expect("text")).contains("is a link out of it"));
    assert!(refused("../../outside.tar").contains("is a link out of it"));
    assert!(refused("../outside.tar").contains("is no file in it"));
    assert!(refused("layer.tar").contains("is no file in it"), "a link to itself");
}

const AMD64: &str = r#""platform":{"os":"linux","architecture":"amd64"}"#;

#[test]
fn an_oci_image_is_read_from_a_layout_and_from_an_archive() {
    let lab = Lab::new();
    let layer = gzip(&Archive::new().file("x", "1").end());
    let parts = oci(&layer, CONFIG, &["latest"], AMD64);
    assert_eq!(lab.names(&packed(&parts)), ["x"]);
    let layout = lab.path("layout");
    for (name, bytes) in &parts {
        let path = layout.join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }
    let cache = Cache::open(lab.path("cache")).expect("it opens");
    let source = RootSource { path: layout, tag: None };
    let root = Root::read(&cache, &source).expect("sound");
    assert_eq!((root.config.command(), root.config.env.clone()), (vec!["/bin/x".to_owned()], vec!["A=b".to_owned()]));
    let again = Root::read(&cache, &source).expect("in the cache");
    assert!(again.opened.borrow().is_none() && again.sha256 == root.sha256);
    // A part that is not what its name says.
    let mut wrong = parts.clone();
    wrong[0].1.push(0);
    assert!(lab.list(&packed(&wrong)).expect_err("another layer").contains("SHA-256 by which it is named"));
    let arm = r#""platform":{"os":"linux","architecture":"arm"}"#;
    assert!(
        lab.list(&packed(&oci(&layer, CONFIG, &["x"], arm))).expect_err("none").contains("no image for linux/amd64")
    );
    let config = CONFIG.replace("amd64", "arm64");
    assert!(
        lab.list(&packed(&oci(&layer, &config, &["x"], AMD64))).expect_err("arm64").contains("it is for linux/arm64")
    );
}

#[test]
fn one_of_several_images_is_chosen_by_its_tag() {
    let lab = Lab::new();
    let layer = Archive::new().file("x", "1").end();
    let bytes = packed(&oci(&layer, CONFIG, &["one", "two"], AMD64));
    let said = lab.list(&bytes).expect_err("two");
    assert!(said.ends_with("choose one of them with PATH#TAG (one, two)"), "{said}");
    let mut source = lab.source(&bytes);
    source.tag = Some("two".to_owned());
    assert!(source::open(&source, lab.0.path()).is_ok());
    source.tag = Some("three".to_owned());
    assert!(source::open(&source, lab.0.path()).expect_err("none").to_string().contains("no image three"));
    let mut plain = lab.source(&layer);
    plain.tag = Some("one".to_owned());
    assert!(source::open(&plain, lab.0.path()).expect_err("none").to_string().contains("no container image"));
    assert_eq!(
        RootSource::parse(Path::new("/none/a#b")),
        RootSource { path: "/none/a".into(), tag: Some("b".to_owned()) }
    );
    std::fs::write(lab.path("a#b"), "").expect("written");
    assert_eq!(RootSource::parse(&lab.path("a#b")).tag, None);
}

/// A busybox for tests: any static program will do.
fn spec(lab: &Lab, bytes: &[u8]) -> RootSpec {
    let busybox = std::env::current_exe().expect("this test is a static program");
    let added = lab.path("added");
    std::fs::write(&added, "added").expect("written");
    RootSpec {
        source: lab.source(bytes),
        busybox,
        add: vec![(added, "/opt/added".into())],
        mount_points: vec!["/firebench/agent".to_owned()],
    }
}

#[test]
fn a_disk_and_a_directory_are_made_of_a_root() {
    let lab = Lab::new();
    let archive = Archive::new()
        .entry(EntryType::Regular, "bin/a \"b", "", b"contents", |header| {
            header.set_mode(0o4750);
            header.set_uid(70_000);
        })
        .link("bin/c", "bin/a \"b")
        .pax(&[("SCHILY.xattr.user.x", b"\xff\n")])
        .file("bin/x", "x")
        .entry(EntryType::Char, "dev/null", "", b"", |header| {
            header.set_device_major(1).expect("ustar");
            header.set_device_minor(3).expect("ustar");
        })
        .entry(EntryType::Fifo, "pipe", "", b"", |_| {})
        .symlink("out", "/etc")
        .symlink("tmp", "/etc/tmp")
        .entry(EntryType::Directory, "shut", "", b"", |header| header.set_mode(0))
        .file("shut/in", "in")
        .directory("lost+found/")
        .end();
    let spec = spec(&lab, &archive);
    let cache = Cache::open(lab.path("cache")).expect("it opens");
    let root = Root::read(&cache, &spec.source).expect("sound");
    assert!(root.files.is_program("/bin/c") && !root.files.is_program("/bin/x") && !root.files.is_program("/out"));
    let disk = root.disk(&cache, &spec).expect("built");
    let debugfs = |request: &str| {
        let tool = firebench_os::program::find_program("debugfs").expect("the other tests need it, too");
        let output = Command::new(tool).args(["-R", request]).arg(&disk.path).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let stat = debugfs("stat \"/bin/a \"\"b\"");
    assert!(stat.contains("Mode:  04750") && stat.contains("User: 70000") && stat.contains("Links: 2"), "{stat}");
    assert!(stat.contains("mtime: 0x5f5e1000"), "{stat}");
    assert_eq!(debugfs("cat /bin/c"), "contents");
    assert!(debugfs("stat /dev/null").contains("Type: character special"));
    assert!(debugfs("ea_list /bin/x").contains("user.x (2)"));
    assert!(debugfs("stat /tmp").contains("Type: directory"), "a mount point is one");
    assert_eq!(debugfs("cat /opt/added"), "added");
    // The disk is a root, too: with what was added, and without lost+found.
    let again = Root::read(&cache, &RootSource { path: disk.path.clone(), tag: None }).expect("sound");
    assert!(again.files.is_program("/bin/c") && again.files.is_directory("/proc"), "{:?}", again.files);
    assert!(!again.files.is_directory("/lost+found"));

    let directory = root.directory(&cache, &spec).expect("built").path;
    let own = std::fs::metadata(lab.path("added")).expect("there").uid();
    let found = std::fs::symlink_metadata(directory.join("bin/a \"b")).expect("there");
    assert_eq!(
        (found.uid(), found.permissions().mode() & 0o7777, found.nlink(), found.mtime()),
        (own, 0o750, 2, 1_600_000_000)
    );
    assert_eq!(std::fs::read_link(directory.join("out")).expect("a link"), Path::new("/etc"));
    assert_eq!(std::fs::read_to_string(directory.join("shut/in")).expect("it can be read"), "in");
    assert!(std::fs::symlink_metadata(directory.join("dev/null")).is_err(), "no device on the host");
    assert!(std::fs::metadata(directory.join("firebench/agent")).expect("a mount point").is_file());

    // Both are the same again, also where they are built again.
    let (place, first) = (disk.path.clone(), sha(&std::fs::read(&disk.path).expect("read")));
    disk.guard.discard(&cache).expect("removed");
    let root = Root::read(&cache, &spec.source).expect("in the cache");
    assert_eq!(
        root.places(&cache, &spec).expect("named"),
        Places { disk: (place.clone(), false), directory: (directory, true) }
    );
    assert_eq!(sha(&std::fs::read(root.disk(&cache, &spec).expect("built").path).expect("read")), first);
}

#[test]
fn a_directory_of_the_host_is_a_root() {
    let lab = Lab::new();
    let top = lab.path("tree");
    std::fs::create_dir_all(top.join("bin")).expect("made");
    std::fs::write(top.join("bin/x"), "x").expect("written");
    std::fs::hard_link(top.join("bin/x"), top.join("bin/y")).expect("linked");
    std::os::unix::fs::symlink("/etc", top.join("etc")).expect("linked");
    let cache = Cache::open(lab.path("cache")).expect("it opens");
    let source = RootSource { path: top.clone(), tag: None };
    let root = Root::read(&cache, &source).expect("sound");
    assert_eq!((root.names, root.bytes), (4, 1));
    std::fs::write(top.join("bin/x"), "y").expect("written");
    assert_ne!(Root::read(&cache, &source).expect("sound").sha256, root.sha256);
    let kernels = RootSource { path: "/proc".into(), tag: None };
    assert!(Root::read(&cache, &kernels).expect_err("not a root").to_string().contains("the kernel generates"));
}

#[test]
fn whatever_is_in_an_archive_it_is_read_or_refused() {
    let lab = Lab::new();
    let mut random = 1_u64;
    let layers = [Archive::new().file("a/b", "1").link("c", "a/b").end(), Archive::new().file("a/.wh.b", "").end()];
    let tree =
        Archive::new().directory("d/").symlink("l", "d").file("l/x", "x").pax(&[("path", b"y")]).file("z", "").end();
    for seed in [tree, image(&layers), packed(&oci(&gzip(&layers[0]), CONFIG, &["x"], AMD64))] {
        for _ in 0..300 {
            let mut bytes = seed.clone();
            for _ in 0..4 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (random >> 33) as usize % bytes.len();
                bytes[at] = (random >> 24) as u8;
            }
            // What the checksum is right of comes further.
            for header in bytes.chunks_exact_mut(512) {
                if header.starts_with(b"\0") || random % 3 == 0 {
                    continue;
                }
                header[148..156].fill(b' ');
                let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
                header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
            let _ = lab.list(&bytes);
        }
    }
}
