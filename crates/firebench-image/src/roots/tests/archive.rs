//! Archives and images, made with whatever names.

use std::io::Write as _;

use sha2::{Digest as _, Sha256};
use tar::EntryType;

/// An archive that is written entry by entry, with any name.
pub(super) struct Archive(Vec<u8>);

impl Archive {
    pub(super) fn new() -> Archive {
        Archive(Vec::new())
    }

    pub(super) fn entry(
        mut self,
        kind: EntryType,
        name: &str,
        link: &str,
        contents: &[u8],
        change: impl FnOnce(&mut tar::Header),
    ) -> Archive {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_600_000_000);
        header.set_size(contents.len() as u64);
        // The safe interface refuses names such as `../x`, which are what is tested here.
        header.as_ustar_mut().expect("ustar").name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_ustar_mut().expect("ustar").linkname[..link.len()].copy_from_slice(link.as_bytes());
        change(&mut header);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(contents);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(super) fn file(self, name: &str, contents: &str) -> Archive {
        self.entry(EntryType::Regular, name, "", contents.as_bytes(), |_| {})
    }

    pub(super) fn bytes(self, name: &str, contents: &[u8]) -> Archive {
        self.entry(EntryType::Regular, name, "", contents, |_| {})
    }

    pub(super) fn directory(self, name: &str) -> Archive {
        self.entry(EntryType::Directory, name, "", b"", |_| {})
    }

    pub(super) fn symlink(self, name: &str, to: &str) -> Archive {
        self.entry(EntryType::Symlink, name, to, b"", |_| {})
    }

    pub(super) fn link(self, name: &str, to: &str) -> Archive {
        self.entry(EntryType::Link, name, to, b"", |_| {})
    }

    /// Attributes of the next entry.
    pub(super) fn pax(self, records: &[(&str, &[u8])]) -> Archive {
        let mut bytes = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let length = (rest + 1..).find(|length| length.to_string().len() + rest == *length).expect("one fits");
            bytes.extend([format!("{length} {key}=").as_bytes(), value, b"\n"].concat());
        }
        self.entry(EntryType::XHeader, "pax", "", &bytes, |_| {})
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("written to memory")
}

/// What `docker save` writes of these layers, in the format before OCI's: `links` are members that are symbolic links.
pub(super) fn saved(layers: &[(&str, Vec<u8>)], links: &[(&str, &str)], config: &str) -> Vec<u8> {
    let names: Vec<String> = layers.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let links_too: Vec<String> = links.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let all = [names, links_too].concat().join(",");
    let mut archive = Archive::new();
    for (name, layer) in layers {
        archive = archive.bytes(name, layer);
    }
    for (name, to) in links {
        archive = archive.symlink(name, to);
    }
    archive = archive.file("config.json", config);
    archive
        .file("manifest.json", &format!(r#"[{{"Config":"config.json","RepoTags":["me/x:1"],"Layers":[{all}]}}]"#))
        .end()
}

pub(super) const CONFIG: &str = r#"{"architecture":"amd64","os":"linux","config":{"Env":["A=b"],"Cmd":["/bin/x"],"Entrypoint":null},"rootfs":{"diff_ids":null}}"#;

/// Layers in an archive.
pub(super) fn image(layers: &[Vec<u8>]) -> Vec<u8> {
    let names: Vec<String> = (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
    let layers: Vec<(&str, Vec<u8>)> = names.iter().map(String::as_str).zip(layers.iter().cloned()).collect();
    saved(&layers, &[], CONFIG)
}

pub(super) fn sha(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An OCI layout: its parts, and index.json behind them, as skopeo writes it.
pub(super) fn oci(layer: &[u8], config: &str, tags: &[&str], platform: &str) -> Vec<(String, Vec<u8>)> {
    let blob = |bytes: &[u8]| (format!("blobs/sha256/{}", sha(bytes)), bytes.to_vec());
    let descriptor = |bytes: &[u8]| format!(r#"{{"digest":"sha256:{}","size":{}}}"#, sha(bytes), bytes.len());
    let manifest = format!(r#"{{"config":{},"layers":[{}]}}"#, descriptor(config.as_bytes()), descriptor(layer));
    let index = format!(
        r#"{{"manifests":[{{"digest":"sha256:{0}","platform":{{"os":"linux","architecture":"arm64"}}}},{{"digest":"sha256:{1}",{platform}}}]}}"#,
        "0".repeat(64),
        sha(manifest.as_bytes())
    );
    let tagged = |tag: &&str| {
        format!(
            r#"{{"digest":"sha256:{}","annotations":{{"org.opencontainers.image.ref.name":"{tag}"}}}}"#,
            sha(index.as_bytes())
        )
    };
    let top = format!(r#"{{"manifests":[{}]}}"#, tags.iter().map(tagged).collect::<Vec<_>>().join(","));
    let layout = ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
    let parts = [layer, config.as_bytes(), manifest.as_bytes(), index.as_bytes()].map(blob);
    parts.into_iter().chain([layout, ("index.json".to_owned(), top.into_bytes())]).collect()
}

pub(super) fn packed(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Archive::new();
    for (name, bytes) in parts {
        archive = match name.len() > 60 {
            true => archive.pax(&[("path", name.as_bytes())]).bytes("long", bytes),
            false => archive.bytes(name, bytes),
        };
    }
    archive.end()
}
