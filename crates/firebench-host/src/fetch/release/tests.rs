use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;

use firebench_image::digest::sha256;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::data::entries;
use super::super::{Fetched, Source, firecracker};
use super::*;

const VERSION: Version = Version::new(9, 8, 7);
const FIRECRACKER: &[u8] = b"the firecracker";
const JAILER: &[u8] = b"the jailer";

/// Serves the files below a directory over HTTP, each connection with one answer, and gives its URL.
fn serve(root: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
            let first = request.next().expect("a request").expect("text");
            while request.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let path = first.split(' ').nth(1).expect("a path").trim_start_matches('/');
            let (status, body) = match fs::read(root.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", b"no such file".to_vec()),
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    url
}

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        // Written by hand: the library refuses paths that lead out of the archive.
        header.as_gnu_mut().expect("a GNU header").name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        header.set_cksum();
        builder.append(&header, *bytes).expect("room");
    }
    builder.into_inner().expect("room").finish().expect("room")
}

/// The files of a release as the project's scripts make it, with `SHA256SUMS` over what `promised` says.
fn release_files(version: &Version, promised: (&[u8], &[u8])) -> Vec<u8> {
    let sums = format!(
        "{}  ./firecracker-v{version}-x86_64\n{}  ./jailer-v{version}-x86_64\n",
        sha256(promised.0),
        sha256(promised.1)
    );
    let dir = format!("release-v{version}-x86_64");
    archive(&[
        (&format!("{dir}/LICENSE"), b"text"),
        (&format!("{dir}/firecracker-v{version}-x86_64.debug"), b"debug"),
        (&format!("{dir}/firecracker-v{version}-x86_64"), FIRECRACKER),
        (&format!("{dir}/jailer-v{version}-x86_64"), JAILER),
        (&format!("{dir}/SHA256SUMS"), sums.as_bytes()),
    ])
}

/// A server with one release, and a data directory.
struct Fixture {
    _dir: tempfile::TempDir,
    url: String,
    served: PathBuf,
    data: PathBuf,
}

impl Fixture {
    fn new(version: &Version, archive: &[u8]) -> Fixture {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let served = dir.path().join("served").join(format!("v{version}"));
        fs::create_dir_all(&served).expect("room");
        let name = format!("firecracker-v{version}-x86_64.tgz");
        fs::write(served.join(&name), archive).expect("room");
        fs::write(served.join(format!("{name}.sha256.txt")), format!("{}  {name}\n", sha256(archive))).expect("room");
        let url = serve(dir.path().join("served"));
        let data = dir.path().join("data");
        Fixture { _dir: dir, url, served, data }
    }

    fn fetch(&self, version: Version) -> Result<Fetched, FetchError> {
        firecracker(&self.data, &Source::Release { base: format!("{}/", self.url), version })
    }

    /// The error, and that nothing is left of the attempt.
    fn refused(&self, version: Version) -> FetchError {
        let error = self.fetch(version).expect_err("it must be refused");
        assert_eq!(entries(&self.data).count(), 0, "nothing was installed and nothing is left");
        error
    }
}

#[test]
fn a_release_is_installed_with_its_jailer() {
    let fixture = Fixture::new(&VERSION, &release_files(&VERSION, (FIRECRACKER, JAILER)));
    let fetched = fixture.fetch(VERSION).expect("a good release");
    let home = fixture.data.join("firecracker/9.8.7");
    assert_eq!(
        fetched,
        Fetched {
            path: home.join("firecracker"),
            version: "9.8.7".to_owned(),
            sha256: sha256(FIRECRACKER),
            already: false
        }
    );
    assert_eq!(fs::read(home.join("firecracker")).expect("there"), FIRECRACKER);
    assert_eq!(fs::read(home.join("jailer")).expect("there"), JAILER);
    assert!(firebench_os::program::is_executable(&home.join("firecracker")));
    assert_eq!(entries(&fixture.data).count(), 1, "nothing is left of the work");
}

#[test]
fn an_archive_with_another_digest_is_refused() {
    let fixture = Fixture::new(&VERSION, &release_files(&VERSION, (FIRECRACKER, JAILER)));
    let name = "firecracker-v9.8.7-x86_64.tgz";
    fs::write(fixture.served.join(format!("{name}.sha256.txt")), format!("{}  {name}\n", "0".repeat(64)))
        .expect("room");
    let error = fixture.refused(VERSION);
    assert!(matches!(&error, FetchError::Digest { what, .. } if what.ends_with(name)), "{error}");
}

#[test]
fn a_binary_with_another_digest_is_refused() {
    for promised in [(&b"another"[..], JAILER), (FIRECRACKER, &b"another"[..])] {
        let error = Fixture::new(&VERSION, &release_files(&VERSION, promised)).refused(VERSION);
        assert!(matches!(&error, FetchError::Digest { what, .. } if what.ends_with("-v9.8.7-x86_64")), "{error}");
    }
}

#[test]
fn the_pinned_version_must_have_the_pinned_digests() {
    let version = super::super::PINNED_VERSION;
    let error = Fixture::new(&version, &release_files(&version, (FIRECRACKER, JAILER))).refused(version);
    assert!(matches!(&error, FetchError::Digest { expected, .. } if expected.starts_with("b99ea49b")), "{error}");
}

#[test]
fn a_missing_file_is_named_with_the_servers_answer() {
    let fixture = Fixture::new(&VERSION, b"");
    let error = fixture.refused(Version::new(9, 9, 9));
    assert_eq!(
        error.to_string(),
        format!("cannot fetch {}/v9.9.9/firecracker-v9.9.9-x86_64.tgz.sha256.txt", fixture.url)
    );
    let FetchError::Program { source, .. } = error else { panic!("{error}") };
    assert!(source.to_string().contains("404"), "{source}");

    fs::remove_file(fixture.served.join("firecracker-v9.8.7-x86_64.tgz")).expect("it was there");
    let error = fixture.refused(VERSION);
    assert!(error.to_string().ends_with("/v9.8.7/firecracker-v9.8.7-x86_64.tgz"), "{error}");
}

#[test]
fn an_archive_of_another_layout_is_refused() {
    for (path, reason) in [
        ("release-v9.8.7-x86_64/LICENSE", "it does not contain release-v9.8.7-x86_64/SHA256SUMS"),
        ("../../etc/evil", "it contains the path ../../etc/evil, which leads out of it"),
        ("/etc/evil", "it contains the path /etc/evil, which leads out of it"),
    ] {
        let error = Fixture::new(&VERSION, &archive(&[(path, b"x")])).refused(VERSION);
        assert!(error.to_string().ends_with(reason), "{error}");
    }
    let error = Fixture::new(&VERSION, b"not gzip").refused(VERSION);
    assert!(matches!(error, FetchError::Archive { .. }), "{error}");
    let sums_only = archive(&[
        ("release-v9.8.7-x86_64/SHA256SUMS", b"nothing"),
        ("release-v9.8.7-x86_64/firecracker-v9.8.7-x86_64", b"x"),
    ]);
    let error = Fixture::new(&VERSION, &sums_only).refused(VERSION);
    assert!(matches!(error, FetchError::Unlisted { .. }), "{error}");
}

#[test]
fn what_is_no_regular_file_is_refused() {
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Char, tar::EntryType::Fifo] {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_path("release-v9.8.7-x86_64/firecracker-v9.8.7-x86_64").expect("a path");
        header.set_link_name("/bin/true").expect("a path");
        header.set_cksum();
        builder.append(&header, &b""[..]).expect("room");
        let archive = builder.into_inner().expect("room").finish().expect("room");
        let error = Fixture::new(&VERSION, &archive).refused(VERSION);
        assert!(error.to_string().ends_with("is not a regular file"), "{kind:?}: {error}");
    }
}

#[test]
fn an_archive_that_was_tampered_with_installs_nothing() {
    // One bit of a binary, and the digest beside the archive is that of the archive as it was.
    let good = release_files(&VERSION, (FIRECRACKER, JAILER));
    let fixture = Fixture::new(&VERSION, &good);
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::write(fixture.served.join("firecracker-v9.8.7-x86_64.tgz"), &bad).expect("room");
    let error = fixture.refused(VERSION);
    assert!(matches!(error, FetchError::Digest { .. }), "{error}");
}

#[test]
fn other_protocols_are_refused() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let source = Source::Release { base: format!("file://{}", data.path().display()), version: VERSION };
    let error = firecracker(data.path(), &source).expect_err("no HTTP");
    assert!(matches!(error, FetchError::Program { .. }), "{error}");
}

/// Serves `bytes` bytes to who asks for a path that ends with `endless`, without saying how many they will be; else what `good` holds.
fn serve_without_length(good: Vec<u8>, endless: &'static str, bytes: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut first = String::new();
            BufReader::new(&stream).read_line(&mut first).expect("a request");
            let path = first.split(' ').nth(1).unwrap_or_default();
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
            if !path.ends_with(endless) {
                let _ = stream.write_all(&good);
                continue;
            }
            for _ in 0..bytes >> 20 {
                if stream.write_all(&[b'x'; 1 << 20]).is_err() {
                    break;
                }
            }
        }
    });
    url
}

#[test]
fn what_arrives_is_counted_where_the_server_does_not_say_how_much_it_will_be() {
    let name = "firecracker-v9.8.7-x86_64.tgz";
    let list = format!("{}  {name}\n", "0".repeat(64)).into_bytes();
    for (endless, most) in [(".sha256.txt", LARGEST_LIST), (".tgz", LARGEST_DOWNLOAD)] {
        let base = serve_without_length(list.clone(), endless, 1 << 30);
        let data = tempfile::tempdir().expect("a temporary directory");
        let error = firecracker(data.path(), &Source::Release { base, version: VERSION }).expect_err("too large");
        assert!(matches!(&error, FetchError::TooLarge { most: found, .. } if *found == most), "{error}");
        assert_eq!(entries(data.path()).count(), 0, "nothing is left");
    }
}

#[test]
fn what_is_announced_to_be_too_large_is_not_fetched() {
    let fixture = Fixture::new(&VERSION, b"");
    let list = fixture.served.join("firecracker-v9.8.7-x86_64.tgz.sha256.txt");
    fs::write(list, vec![b'x'; LARGEST_LIST as usize + 1]).expect("room");
    let error = fixture.refused(VERSION);
    assert!(matches!(error, FetchError::TooLarge { most: LARGEST_LIST, .. }), "{error}");
}

#[test]
fn headers_and_binaries_of_any_length_are_not_taken_into_memory() {
    let binary = "release-v9.8.7-x86_64/firecracker-v9.8.7-x86_64";
    let long = |kind: u8, bytes: usize| {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_path(if kind == b'0' { binary } else { "././@LongLink" }).expect("a path");
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_size(bytes as u64);
        header.set_cksum();
        builder.append(&header, std::io::Read::take(std::io::repeat(b'a'), bytes as u64)).expect("room");
        builder.into_inner().expect("room").finish().expect("room")
    };
    for kind in *b"LKxg" {
        let error = Fixture::new(&VERSION, &long(kind, 65 << 10)).refused(VERSION);
        let reason = "its header of a member is implausibly large (66560 bytes)";
        assert!(error.to_string().ends_with(reason), "{}: {error}", char::from(kind));
    }
    let error = Fixture::new(&VERSION, &long(b'0', (32 << 20) + 1)).refused(VERSION);
    assert!(error.to_string().ends_with("is implausibly large (33554433 bytes)"), "{error}");
    let error = Fixture::new(&VERSION, &archive(&[(binary, FIRECRACKER), (binary, FIRECRACKER)])).refused(VERSION);
    assert!(error.to_string().ends_with("twice"), "{error}");
    let many: Vec<_> = (0..10_001).map(|_| ("x", &b""[..])).collect();
    let error = Fixture::new(&VERSION, &archive(&many)).refused(VERSION);
    assert!(error.to_string().ends_with("it has more than 10000 members"), "{error}");
}
