//! Archives: Debian packages, Firecracker's releases, wheels.

use std::cell::OnceCell;
use std::io::Write;
use std::path::{Path, PathBuf};

use firebench_host::fetch::archive::{LARGEST_BINARY, LARGEST_LIST, from_tgz, from_zip};
use firebench_image::deb::{KernelPackage, file};
use firebench_image::kernel;
use firebench_image::roots::{Root, RootSource};
use firebench_os::outside::most_unpacked;
use tempfile::TempDir;

use crate::heap::bounded;
use crate::{clean, work};

/// What opening a package may hold: what decompressors look back on, and what comes out of it, at most [`MOST_UNPACKED`] for
/// inputs as small as these, in a buffer that was just doubled for it.
fn most_of_package(length: usize) -> usize {
    let unpacked = usize::try_from(most_unpacked(length as u64, MOST_UNPACKED)).unwrap_or(usize::MAX);
    (256 << 20) + 4 * unpacked
}

/// Files of a package are refused beyond this.
const MOST_UNPACKED: u64 = 512 << 20;

/// What an archive of a release may hold: two binaries in buffers that were just doubled for them, and a few headers.
const MOST_OF_RELEASE: usize = 5 * (32 << 20);

/// A binary, and a list.
const WANTED: [(&str, u64); 2] = [("release/firecracker", LARGEST_BINARY), ("release/SHA256SUMS", LARGEST_LIST)];

/// A directory with `package.deb` and the empty directory `work`, in which packages are opened.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().expect("room for a directory"));
        std::fs::create_dir(place.work()).expect("room for a directory");
        place
    }

    fn work(&self) -> PathBuf {
        self.0.path().join("work")
    }

    fn package(&self) -> PathBuf {
        self.0.path().join("package.deb")
    }
}

/// Names that are written out: many small files take their time.
const FEW: u64 = 200;

/// Reads a root, and writes a small one out: nothing comes to be beside its directory. What is no archive is taken for the layer of an
/// image.
pub fn root(data: &[u8]) {
    let archive = if is_archive(data) { data.to_vec() } else { saved(data) };
    PLACE.with(|place| {
        let place = place.get_or_init(Place::new);
        std::fs::write(place.package(), &archive).expect("room for an archive");
        let source = RootSource { path: place.package(), tag: None };
        let most = most_of_package(archive.len());
        let read = bounded(most, || work::bounded(archive.len(), 8, || Root::read_in(&source, &place.work())));
        match read {
            Ok((root, listing)) => {
                for line in listing.split(|byte| *byte == b'\n') {
                    let path = line.split(|byte| *byte == b'\t').nth(7).unwrap_or_default();
                    assert!(
                        !path.starts_with(b"/")
                            && path.split(|byte| *byte == b'/').all(|part| part != b".." && part != b".")
                    );
                }
                if root.names <= FEW {
                    if let Err(error) = root.unpack(&place.work()) {
                        clean::error(&error);
                    }
                    std::fs::remove_dir_all(place.work()).expect("all of it can be removed");
                    std::fs::create_dir(place.work()).expect("room for a directory");
                }
            }
            Err(error) => clean::error(&error),
        }
        assert_eq!(names(&place.work()), [""; 0], "nothing is left in the folder");
        assert_eq!(names(place.0.path()), ["package.deb", "work"], "nothing is written beside it");
    });
}

/// Whether it begins as an archive or an ext4 image does.
fn is_archive(data: &[u8]) -> bool {
    let is_ext4 = data.get(0x438..0x43a) == Some(&[0x53, 0xef]);
    is_ext4 || data.get(257..262) == Some(b"ustar") && data.get(..100).is_some_and(|name| !name.starts_with(b"layer"))
}

/// An image with this layer.
fn saved(data: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    let manifest = br#"[{"Config":"c","Layers":["l","m"]}]"#;
    let below = saved_member("a/b", b"below");
    for (name, contents) in [("l", &below[..]), ("m", data), ("c", b"{}"), ("manifest.json", manifest)] {
        archive.extend(saved_member(name, contents));
    }
    archive
}

fn saved_member(name: &str, contents: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_size(contents.len() as u64);
    header.set_path(name).expect("a short name");
    header.set_cksum();
    let mut member = [header.as_bytes(), contents].concat();
    member.resize(member.len().next_multiple_of(512), 0);
    member
}

thread_local! {
    static PLACE: OnceCell<Place> = const { OnceCell::new() };
}

/// Opens a package, reads its modules, and sees that nothing was written under a name. What does not begin like a package
/// is taken for its inner archive, compressed or not.
pub fn deb(data: &[u8]) {
    let package = if data.starts_with(b"!<arch>\n") { data.to_vec() } else { around(data) };
    PLACE.with(|place| {
        let place = place.get_or_init(Place::new);
        std::fs::write(place.package(), &package).expect("room for a package");
        let most = most_of_package(package.len());
        let once = |opens: &mut dyn FnMut()| bounded(most, || work::bounded(package.len(), 4, opens));
        once(&mut || match KernelPackage::open_in(&place.package(), &place.work()) {
            Ok(package) => {
                if let Err(error) = kernel::inspect(package.vmlinuz()) {
                    clean::error(&error);
                }
                if let Err(error) = package.modules(&["virtio_blk", "kvm_amd", "a"]) {
                    clean::error(&error);
                }
            }
            Err(error) => clean::error(&error),
        });
        once(&mut || {
            if let Err(error) = file(&place.package(), &["boot/vmlinuz-6.1.0-t", "bin/busybox"]) {
                clean::error(&error);
            }
        });
        assert_eq!(names(&place.work()), [""; 0], "nothing is left in the folder");
        assert_eq!(names(place.0.path()), ["package.deb", "work"], "nothing is written beside it");
    });
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("it is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("it is there").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A package with this inner archive.
fn around(data: &[u8]) -> Vec<u8> {
    let name = match data {
        [0xfd, b'7', b'z', ..] => "data.tar.xz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "data.tar.zst",
        [0x1f, 0x8b, ..] => "data.tar.gz",
        _ => "data.tar",
    };
    let mut package = b"!<arch>\n".to_vec();
    for (name, contents) in [("debian-binary", &b"2.0\n"[..]), (name, data)] {
        let size = contents.len();
        package.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100644).bytes());
        package.extend(contents);
        package.resize(package.len().next_multiple_of(2), b'\n');
    }
    package
}

/// Reads single files out of a release (gzipped tar) and a wheel (ZIP). What is neither is taken for a tar.
pub fn release(data: &[u8]) {
    let wanted = WANTED.map(|(name, most)| (name.to_owned(), most));
    if data.starts_with(b"PK") {
        bounded(MOST_OF_RELEASE, || {
            work::bounded(data.len(), 1, || drop(from_zip(data, "bin/firecracker", LARGEST_BINARY)))
        });
        return;
    }
    let zipped = if data.starts_with(&[0x1f, 0x8b]) { data.to_vec() } else { gzip(data) };
    bounded(MOST_OF_RELEASE, || {
        work::bounded(zipped.len(), 1, || {
            if let Ok(files) = from_tgz(&zipped, &wanted) {
                let bounded =
                    |(name, most): &(String, u64)| files.get(name).is_none_or(|file| file.len() as u64 <= *most);
                assert!(wanted.iter().all(bounded), "no more than it may have");
                assert!(files.len() <= 2 && files.keys().all(|name| WANTED.iter().any(|(wanted, _)| wanted == name)));
            }
        });
    });
}

/// Gzipped without an attempt to make it smaller.
fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(data).and_then(|()| encoder.finish()).expect("it is written to memory")
}
