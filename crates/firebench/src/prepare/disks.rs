//! The root disks of a run, and the same payload as a file for the host.

use std::path::{Path, PathBuf};

use firebench_host::accel::Chosen;
use firebench_image::disk::{DiskSpec, PAYLOAD_PATH, RootDisk, build_root_disk, find_root_disk};
use firebench_image::own_image;
use firebench_image::payload::Payload;
use firebench_image::payload_file::{self, PayloadFile};
use firebench_model::experiment::{ContenderSpec, Experiment, PayloadSpec};
use firebench_model::record::PayloadRecord;

use super::contenders::{DiskKey, disk_key};
use super::{Places, PrepareError, defaults, parts};

/// Where the additional work of a contender with a handicap is in its image.
const HANDICAP_PATH: &str = "/handicap.bin";
/// Seed of its bytes.
const HANDICAP_SEED: u64 = 2;
/// The program that is measured, an applet of busybox.
const APPLET: &str = "sha256sum";

// An experiment and an image that name no seed mean the same one.
const _: () = assert!(firebench_model::experiment::DEFAULT_SEED == firebench_image::payload::DEFAULT_SEED);

/// Disks and files of a run. They stay in the cache as long as this is held.
#[derive(Debug)]
pub(super) struct Disks {
    spec: DiskSpec,
    base: DiskKey,
    disks: Vec<(DiskKey, Disk)>,
    files: Vec<PayloadFile>,
    /// What the workload reads; its digest is not known before the disk is built.
    pub(super) payload: PayloadRecord,
    /// What is not in the cache, where nothing is to be built.
    pub(super) missing: Vec<String>,
}

/// A root disk, perhaps one that is not built yet.
#[derive(Debug)]
struct Disk {
    path: PathBuf,
    bytes: u64,
    root: Option<RootDisk>,
}

impl Disk {
    fn new(spec: &DiskSpec, places: &Places) -> Result<Disk, PrepareError> {
        let (path, root) = if places.build {
            let root = build_root_disk(&places.cache, spec)?;
            (root.path.clone(), Some(root))
        } else {
            find_root_disk(&places.cache, spec)?
        };
        let bytes = root.as_ref().map_or_else(|| spec.payload.bytes(), |root| Ok(root.image_bytes))?;
        Ok(Disk { path, bytes, root })
    }
}

/// The name of what has no name before it is built: that depends on what is in it.
const NOT_BUILT: &str = "not-built-yet";

/// What a contender's workload reads, and its command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    /// The root disk, or the host's file.
    pub(super) disk: PathBuf,
    /// Its size.
    pub(super) bytes: u64,
    /// The busybox that is measured; unknown in an image of the user's.
    pub(super) busybox: Option<PathBuf>,
    /// The command of an iteration.
    pub(super) command: Vec<String>,
}

impl Disks {
    /// Builds the disk that every contender without wishes of its own has, or only looks for it.
    pub(super) fn prepare(
        experiment: &Experiment,
        chosen: &Chosen,
        busybox: &Path,
        places: &Places,
    ) -> Result<Self, PrepareError> {
        let (payload, source) = payload(experiment, chosen);
        let add = experiment.files.add.iter().map(|text| parts::addition(text)).collect::<Result<_, _>>()?;
        let spec = DiskSpec { busybox: busybox.to_owned(), payload, add };
        let disk = Disk::new(&spec, places)?;
        let (bytes, sha256) = match &disk.root {
            Some(root) => (root.payload_bytes, root.sha256_of_payload.clone()),
            None => (spec.payload.bytes()?, String::new()),
        };
        let payload = PayloadRecord { bytes, sha256, source };
        let base = DiskKey { busybox: busybox.to_owned(), handicap: 0 };
        let (disks, files, missing) = (vec![(base.clone(), disk)], Vec::new(), Vec::new());
        Ok(Disks { spec, base, disks, files, payload, missing })
    }

    /// Notes what is not built yet.
    fn miss(&mut self, what: &str, path: &Path) {
        let note = format!("{what} for a payload of {}: {}", firebench_text::bytes(self.payload.bytes), path.display());
        if !self.missing.contains(&note) {
            self.missing.push(note);
        }
    }

    /// What a contender in a VM reads.
    #[expect(clippy::expect_used, reason = "what is not there yet is put there first")]
    pub(super) fn of_vm(&mut self, contender: &ContenderSpec, places: &Places) -> Result<Work, PrepareError> {
        let mut command = vec![format!("/bin/{APPLET}"), PAYLOAD_PATH.to_owned()];
        if let Some(image) = &contender.image {
            own_image::check(image)?;
            let bytes = std::fs::metadata(image)
                .map_err(|source| PrepareError::OwnImage { path: image.clone(), source })?
                .len();
            // The VMM has another working directory.
            let disk =
                std::path::absolute(image).map_err(|source| PrepareError::OwnImage { path: image.clone(), source })?;
            return Ok(Work { disk, bytes, busybox: None, command });
        }
        let key = disk_key(contender, &self.base.busybox, self.payload.bytes);
        if !self.disks.iter().any(|(known, _)| *known == key) {
            let mut spec = DiskSpec { busybox: key.busybox.clone(), ..self.spec.clone() };
            let mut whole = true;
            if key.handicap > 0 {
                let file = self.handicap(key.handicap, places)?;
                whole = file.exists();
                spec.add.push((file, HANDICAP_PATH.into()));
            }
            let disk = if whole {
                Disk::new(&spec, places)?
            } else {
                let path = places.cache.dir().join(NOT_BUILT).join(format!("{}.ext4", contender.name));
                Disk { path, bytes: self.payload.bytes.saturating_add(key.handicap), root: None }
            };
            self.disks.push((key.clone(), disk));
        }
        if key.handicap > 0 {
            command.push(HANDICAP_PATH.to_owned());
        }
        let disk = self.disks.iter().find(|(known, _)| *known == key).map(|(_, disk)| disk);
        let disk = disk.expect("it was put there above");
        let (path, bytes, there) = (disk.path.clone(), disk.bytes, disk.root.is_some());
        if !there {
            self.miss("root disk", &path);
        }
        Ok(Work { disk: path, bytes, busybox: Some(key.busybox), command })
    }

    /// What a contender on the bare host reads: the same bytes.
    #[expect(clippy::indexing_slicing, reason = "the first one is put there with the struct")]
    pub(super) fn of_host(&mut self, contender: &ContenderSpec, places: &Places) -> Result<Work, PrepareError> {
        let key = disk_key(contender, &self.base.busybox, self.payload.bytes);
        let (_, disk) = &self.disks[0];
        let (path, file) = match &disk.root {
            Some(root) if places.build => kept(payload_file::of_disk(&places.cache, root)?),
            Some(root) => payload_file::find_of_disk(&places.cache, root)?,
            None => (places.cache.dir().join(NOT_BUILT).join("random.txt"), None),
        };
        if file.is_none() {
            self.miss("file", &path);
        }
        self.files.extend(file);
        let mut command = vec![text(&key.busybox)?, APPLET.to_owned(), text(&path)?];
        if key.handicap > 0 {
            command.push(text(&self.handicap(key.handicap, places)?)?);
        }
        Ok(Work { disk: path, bytes: self.payload.bytes, busybox: Some(key.busybox), command })
    }

    /// The file with the additional work; it may not be there where nothing is to be built.
    fn handicap(&mut self, bytes: u64, places: &Places) -> Result<PathBuf, PrepareError> {
        let (path, file) = if places.build {
            kept(payload_file::seeded(&places.cache, HANDICAP_SEED, bytes)?)
        } else {
            payload_file::find_seeded(&places.cache, HANDICAP_SEED, bytes)?
        };
        if file.is_none() {
            self.miss("file of the handicap", &path);
        }
        self.files.extend(file);
        Ok(path)
    }
}

fn kept(file: PayloadFile) -> (PathBuf, Option<PayloadFile>) {
    (file.path.clone(), Some(file))
}

/// A path as a word of a command.
fn text(path: &Path) -> Result<String, PrepareError> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.to_str().map(str::to_owned).ok_or_else(|| PrepareError::NoText { path: path.to_owned() })
}

/// What becomes the payload, and its description.
fn payload(experiment: &Experiment, chosen: &Chosen) -> (Payload, String) {
    let bytes = |size: &Option<firebench_text::units::Size>| {
        size.map_or_else(|| defaults::payload_bytes(chosen), |size| size.0)
    };
    match &experiment.payload {
        PayloadSpec::Seeded { seed, size } => {
            let source = format!("the ChaCha8 stream with seed {seed}");
            (Payload::Seeded { seed: *seed, bytes: bytes(size) }, source)
        }
        PayloadSpec::Urandom { size } => (Payload::Urandom { bytes: bytes(size) }, "/dev/urandom".to_owned()),
        PayloadSpec::File { path } => {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            (Payload::File { path: path.clone() }, format!("the user's file {name}"))
        }
    }
}
