//! Container images: which layers one has, and what it says of its command.
//!
//! Sources: the OCI image specification 1.1 ("image-layout", "image-index", "manifest", "config"), and the archives that
//! `docker save` writes (`manifest.json`).

use serde::{Deserialize, Serialize};

use super::blobs::Blobs;
use super::section::Section;
use super::wrong::{Wrong, shown, wrong};
use crate::digest::sha256;

/// Most layers of an image (overlayfs: 128 with what a container adds).
const MOST_LAYERS: usize = 500;
/// Indexes in indexes.
const DEEPEST: u32 = 4;
/// Tags that a message names.
const SHOWN: usize = 20;

const TAG: &str = "org.opencontainers.image.ref.name";
const NAME: &str = "io.containerd.image.name";

/// What an image says of the command that is run in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageConfig {
    /// Variables, each as `NAME=VALUE`.
    #[serde(deserialize_with = "or_nothing")]
    pub env: Vec<String>,
    /// The directory in which it runs; empty where the image does not say.
    #[serde(deserialize_with = "or_nothing")]
    pub working_dir: String,
    /// The words before those of the command.
    #[serde(deserialize_with = "or_nothing")]
    pub entrypoint: Vec<String>,
    /// The words of the command.
    #[serde(deserialize_with = "or_nothing")]
    pub cmd: Vec<String>,
    /// Whose process it is; empty where the image does not say. Commands of firebench are root's.
    #[serde(deserialize_with = "or_nothing")]
    pub user: String,
}

impl ImageConfig {
    /// The words that the image itself runs; none where it does not say.
    pub fn command(&self) -> Vec<String> {
        self.entrypoint.iter().chain(&self.cmd).cloned().collect()
    }
}

/// `null` is written for nothing.
fn or_nothing<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A layer that is to be read.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) section: Section,
    /// SHA-256 of its bytes as they lie there, where it is known.
    pub(super) packed: Option<String>,
    /// SHA-256 of what comes out of it, where it is known.
    pub(super) unpacked: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Index {
    #[serde(deserialize_with = "or_nothing")]
    manifests: Vec<Descriptor>,
    #[serde(deserialize_with = "or_nothing")]
    layers: Vec<Descriptor>,
    config: Option<Descriptor>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
    #[serde(deserialize_with = "or_nothing")]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Platform {
    #[serde(deserialize_with = "or_nothing")]
    architecture: String,
    #[serde(deserialize_with = "or_nothing")]
    os: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    #[serde(deserialize_with = "or_nothing")]
    architecture: String,
    #[serde(deserialize_with = "or_nothing")]
    os: String,
    #[serde(deserialize_with = "or_nothing")]
    config: ImageConfig,
    #[serde(deserialize_with = "or_nothing")]
    rootfs: RootFs,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RootFs {
    #[serde(deserialize_with = "or_nothing")]
    diff_ids: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Saved {
    config: String,
    #[serde(deserialize_with = "or_nothing")]
    repo_tags: Vec<String>,
    #[serde(deserialize_with = "or_nothing")]
    layers: Vec<String>,
}

fn json<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &str) -> Result<T, Wrong> {
    serde_json::from_slice(bytes).map_err(|error| Wrong::Said(format!("its {what} cannot be read: {error}")))
}

/// The layers of an OCI layout, the lowest first, and its configuration.
pub(super) fn of_layout(blobs: &Blobs, tag: Option<&str>) -> Result<(Vec<Packed>, ImageConfig), Wrong> {
    let index = blobs.read("index.json")?;
    let index: Index = json(&index, "index.json")?;
    let names = |image: &Descriptor| {
        let named = [TAG, NAME].iter().filter_map(|key| image.annotations.get(*key)).cloned();
        named.chain([image.digest.clone()]).collect::<Vec<_>>()
    };
    let image = choose(&index.manifests, tag, names)?;
    let manifest = manifest(blobs, image.clone())?;
    let config = manifest.config.ok_or_else(|| Wrong::Said("its manifest names no configuration".to_owned()))?;
    let config = blob(blobs, &config.digest)?.read(super::blobs::MOST_TEXT)?;
    let config: Config = json(&config, "configuration")?;
    let ids = diff_ids(&config, manifest.layers.len())?;
    let layers = manifest.layers.iter().zip(ids).map(|(layer, unpacked)| {
        Ok(Packed { section: blob(blobs, &layer.digest)?, packed: Some(hash(&layer.digest)?.to_owned()), unpacked })
    });
    Ok((layers.collect::<Result<_, Wrong>>()?, config.config))
}

/// The layers of what `docker save` writes, the lowest first, and its configuration.
pub(super) fn of_saved(blobs: &Blobs, tag: Option<&str>) -> Result<(Vec<Packed>, ImageConfig), Wrong> {
    let saved = blobs.read("manifest.json")?;
    let saved: Vec<Saved> = json(&saved, "manifest.json")?;
    let image = choose(&saved, tag, |image| image.repo_tags.clone())?;
    let config = blobs.read(&image.config)?;
    let config: Config = json(&config, "configuration")?;
    let ids = diff_ids(&config, image.layers.len())?;
    let layers = image.layers.iter().zip(ids);
    let layers = layers.map(|(layer, unpacked)| Ok(Packed { section: blobs.open(layer)?, packed: None, unpacked }));
    Ok((layers.collect::<Result<_, Wrong>>()?, config.config))
}

/// The only image, or the one that has this tag.
fn choose<'a, T>(images: &'a [T], tag: Option<&str>, names: impl Fn(&T) -> Vec<String>) -> Result<&'a T, Wrong> {
    let listed = || {
        let names = images.iter().filter_map(|image| names(image).into_iter().next());
        names.take(SHOWN).map(|name| shown(name.as_bytes())).collect::<Vec<_>>().join(", ")
    };
    let Some(tag) = tag else {
        return match images {
            [image] => Ok(image),
            [] => wrong("there is no image in it"),
            _ => wrong(format!("there are several images in it: choose one of them with PATH#TAG ({})", listed())),
        };
    };
    let is = |name: &String| name == tag || name.rsplit_once(':').is_some_and(|(_, short)| short == tag);
    let mut fitting = images.iter().filter(|image| names(image).iter().any(is));
    match (fitting.next(), fitting.next()) {
        (Some(image), None) => Ok(image),
        (None, _) => wrong(format!("there is no image {} in it, but {}", shown(tag.as_bytes()), listed())),
        _ => wrong(format!("several images in it are called {}: {}", shown(tag.as_bytes()), listed())),
    }
}

/// The manifest for this kind of machine, perhaps by way of an index.
fn manifest(blobs: &Blobs, mut image: Descriptor) -> Result<Index, Wrong> {
    for _ in 0..DEEPEST {
        let section = blob(blobs, &image.digest)?;
        let bytes = section.read(super::blobs::MOST_TEXT)?;
        if sha256(&bytes) != hash(&image.digest)? {
            return wrong("its manifest does not have the SHA-256 by which it is named");
        }
        let index: Index = json(&bytes, "manifest")?;
        if index.manifests.is_empty() {
            return if index.layers.len() <= MOST_LAYERS { Ok(index) } else { wrong("it has too many layers") };
        }
        let ours = |platform: &Platform| platform.os == "linux" && platform.architecture == "amd64";
        let fitting = index.manifests.iter().find(|image| image.platform.as_ref().is_some_and(ours));
        image = match (fitting, index.manifests.as_slice()) {
            (Some(image), _) => image.clone(),
            (None, [image]) if image.platform.is_none() => image.clone(),
            _ => return wrong("it has no image for linux/amd64"),
        };
    }
    wrong("its indexes lead to each other")
}

/// SHA-256 of what comes out of each of its layers, as far as the configuration says; and whether it is for this kind of machine.
fn diff_ids(config: &Config, layers: usize) -> Result<Vec<Option<String>>, Wrong> {
    let other = |is: &str, ours: &str| !is.is_empty() && is != ours;
    if other(&config.architecture, "amd64") || other(&config.os, "linux") {
        let platform = format!("{}/{}", config.os, config.architecture);
        return wrong(format!("it is for {}, not for linux/amd64", shown(platform.as_bytes())));
    }
    let ids = &config.rootfs.diff_ids;
    if layers > MOST_LAYERS {
        return wrong("it has too many layers");
    }
    if ids.is_empty() {
        return Ok(vec![None; layers]);
    }
    if ids.len() != layers {
        return wrong(format!("it has {layers} layers, and its configuration names {}", ids.len()));
    }
    ids.iter().map(|id| hash(id).map(|hash| Some(hash.to_owned()))).collect()
}

/// The digits of `sha256:...`.
fn hash(digest: &str) -> Result<&str, Wrong> {
    let is_one =
        |hash: &&str| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let hash = digest.strip_prefix("sha256:").filter(is_one);
    hash.ok_or_else(|| Wrong::Said(format!("{} is no digest that firebench knows", shown(digest.as_bytes()))))
}

fn blob(blobs: &Blobs, digest: &str) -> Result<Section, Wrong> {
    blobs.open(&format!("blobs/sha256/{}", hash(digest)?))
}
