//! The root disks of a run, and the same payload as a file for the host.

use std::path::{Path, PathBuf};

use firebench_image::cache::Cache;
use firebench_image::disk::{BUSYBOX_PATH, DiskSpec, PAYLOAD_PATH, RootDisk, build_root_disk, find_root_disk};
use firebench_image::own_image;
use firebench_image::payload::Payload;
use firebench_image::payload_file::{self, PayloadFile};
use firebench_image::roots::BUSYBOX;
use firebench_model::experiment::{ContenderSpec, Experiment, HashLoop, PayloadSpec};
use firebench_model::record::PayloadRecord;
use firebench_protocol::Task;
use firebench_text::units::Size;
use firebench_vmm::RootFile;
use firebench_workload::{Service, Side, Speed, Workload};

use super::command::{Added, OwnCommand, Runs};
use super::contenders::{DiskKey, disk_key};
use super::roots::{InUse, OwnRoot};
use super::{Places, PrepareError, parts, service};

/// Where the additional work of a contender with a handicap is in its image.
const HANDICAP_PATH: &str = "/handicap.bin";
/// Seed of its bytes.
const HANDICAP_SEED: u64 = 2;

// An experiment and an image that name no seed mean the same one.
const _: () = assert!(firebench_model::experiment::DEFAULT_SEED == firebench_image::payload::DEFAULT_SEED);

/// Disks and files of a run. They stay in the cache as long as this is held.
#[derive(Debug)]
pub(super) struct Disks {
    spec: DiskSpec,
    base: DiskKey,
    disks: Vec<(DiskKey, Disk)>,
    /// The payload as files of the host, and additional work.
    files: Vec<PayloadFile>,
    handicaps: Vec<PayloadFile>,
    /// What the workload reads; its digest is not known before the disk is built. None where it reads no file.
    pub(super) payload: Option<PayloadRecord>,
    /// How much of it is read at a time.
    block: Option<Size>,
    /// What firebench asks of the service that the workload is.
    pub(super) service: Option<Service>,
    /// What is hashed, where the workload does that.
    hash_loop: Option<HashLoop>,
    workload: &'static dyn Workload,
    /// Whether instructions are emulated.
    emulated: bool,
    /// The user's command, where that is the workload.
    pub(super) own: Option<OwnCommand>,
    /// The root that the user gave for it.
    pub(super) root: Option<OwnRoot>,
    /// Whether that is writable.
    overlay: bool,
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
        let bytes = root.as_ref().map_or_else(|| bytes(spec), |root| Ok(root.image_bytes))?;
        Ok(Disk { path, bytes, root })
    }
}

/// Bytes of the payload of a disk that is not built.
fn bytes(spec: &DiskSpec) -> firebench_image::Result<u64> {
    spec.payload.as_ref().map_or(Ok(0), Payload::bytes)
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
    /// The program that is measured, where it is the user's.
    pub(super) program: Option<PathBuf>,
    /// What an iteration does.
    pub(super) task: Task,
    /// Whether its root is writable.
    pub(super) overlay: bool,
}

impl Disks {
    /// Builds the disk that every contender without wishes of its own has, or only looks for it.
    pub(super) fn prepare(
        experiment: &Experiment,
        workload: &'static dyn Workload,
        speed: Speed,
        busybox: &Path,
        places: &Places,
    ) -> Result<Self, PrepareError> {
        let wanted = workload.needs(experiment, speed).payload.map(|size| payload(experiment, size));
        let (payload, source) = wanted.unzip();
        let root = experiment.files.root.as_ref();
        let mut root = root.map(|root| OwnRoot::read(root, busybox, places)).transpose()?;
        let own = OwnCommand::of(experiment, root.as_ref().map(|root| &root.root), places)?;
        let add = match &own {
            Some(own) => own.files.clone(),
            None => {
                let added = experiment.files.add.iter().map(|text| parts::addition(text));
                let mut files = added.collect::<Result<Vec<_>, _>>()?;
                files.extend(Added::of(experiment, None, Path::new("."), places, &mut Vec::new())?.files);
                files
            }
        };
        let layout = experiment.design.layout;
        let mut spec = DiskSpec { busybox: busybox.to_owned(), payload, add, layout: 0 };
        if layout > 0 {
            spec.payload = as_in_other_layouts(&spec, places)?;
            spec.layout = layout;
        }
        if let Some(root) = &mut root {
            root.add(&spec.add);
        }
        // A root of the user's is all that there is.
        let disk = root.is_none().then(|| Disk::new(&spec, places)).transpose()?;
        let (bytes, sha256) = match disk.as_ref().and_then(|disk| disk.root.as_ref()) {
            Some(root) => (root.payload_bytes, root.sha256_of_payload.clone()),
            None => (bytes(&spec)?, String::new()),
        };
        let payload = source.map(|source| PayloadRecord { bytes, sha256, source });
        let base = DiskKey { busybox: busybox.to_owned(), handicap: 0 };
        let disks = disk.into_iter().map(|disk| (base.clone(), disk)).collect();
        let (files, handicaps, missing) = (Vec::new(), Vec::new(), Vec::new());
        let (block, emulated) = (experiment.payload.block(), speed != Speed::Real);
        let service = workload.service(experiment, speed);
        let hash_loop = experiment.hash_loop;
        let overlay = experiment.files.overlay;
        Ok(Disks {
            spec,
            base,
            disks,
            files,
            handicaps,
            payload,
            block,
            service,
            hash_loop,
            workload,
            emulated,
            own,
            root,
            overlay,
            missing,
        })
    }

    /// Ends their use. Those of a layout of this run's own go from the cache, which would else grow by them with each run; they can be
    /// made again.
    pub(super) fn discard(self, cache: &Cache) -> Result<(), PrepareError> {
        if self.spec.layout > 0 {
            let disks = self.disks.into_iter().filter_map(|(_, disk)| disk.root).map(|root| root.guard);
            let files = self.files.into_iter().map(|file| file.guard);
            disks.chain(files).try_for_each(|guard| guard.discard(cache))?;
        }
        Ok(())
    }

    /// Notes what is not built yet.
    fn miss(&mut self, what: &str, path: &Path) {
        let payload = self.payload.as_ref().map(|payload| firebench_text::bytes(payload.bytes));
        let payload = payload.map(|bytes| format!(" for a payload of {bytes}")).unwrap_or_default();
        let note = format!("{what}{payload}: {}", path.display());
        if !self.missing.contains(&note) {
            self.missing.push(note);
        }
    }

    /// Bytes of an answer that is not the payload.
    fn body(&self) -> Option<Size> {
        self.service.filter(|service| !service.from_disk).map(|service| service.body)
    }

    /// Bytes of the payload.
    fn payload_bytes(&self) -> u64 {
        self.payload.as_ref().map_or(0, |payload| payload.bytes)
    }

    /// What a contender in a VM reads.
    #[expect(clippy::expect_used, reason = "what is not there yet is put there first")]
    pub(super) fn of_vm(&mut self, contender: &ContenderSpec, places: &Places) -> Result<Work, PrepareError> {
        let payload = self.payload.is_some().then(|| PAYLOAD_PATH.to_owned());
        let card = self.service.map(|_| service::address_of_card());
        let side = Side { payload, card, ..self.side() };
        if let Some(image) = &contender.image {
            own_image::check(image)?;
            let bytes = std::fs::metadata(image)
                .map_err(|source| PrepareError::OwnImage { path: image.clone(), source })?
                .len();
            // The VMM has another working directory.
            let disk =
                std::path::absolute(image).map_err(|source| PrepareError::OwnImage { path: image.clone(), source })?;
            let task = self.task(contender, side, Runs::InTheirRoot)?;
            return Ok(Work { disk, bytes, busybox: None, program: None, task, overlay: self.overlay });
        }
        let overlay = self.overlay;
        if let Some((task, root)) = self.in_their_root(contender)? {
            let InUse { file: disk, bytes, there, .. } = root.of_vm(places)?;
            if !there {
                self.miss("root disk", &disk);
            }
            return Ok(Work { disk, bytes, busybox: None, program: None, task, overlay });
        }
        let key = disk_key(contender, &self.base.busybox, self.payload_bytes());
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
                Disk { path, bytes: self.payload_bytes().saturating_add(key.handicap), root: None }
            };
            self.disks.push((key.clone(), disk));
        }
        let handicap = (key.handicap > 0).then(|| HANDICAP_PATH.to_owned());
        let task = self.task(contender, Side { handicap, ..side }, Runs::InARoot)?;
        let disk = self.disks.iter().find(|(known, _)| *known == key).map(|(_, disk)| disk);
        let disk = disk.expect("it was put there above");
        let (path, bytes, there) = (disk.path.clone(), disk.bytes, disk.root.is_some());
        if !there {
            self.miss("root disk", &path);
        }
        let program = self.program(contender);
        Ok(Work { disk: path, bytes, busybox: Some(key.busybox), program, task, overlay: false })
    }

    /// What a contender on the bare host reads: the same bytes.
    pub(super) fn of_host(&mut self, contender: &ContenderSpec, places: &Places) -> Result<Work, PrepareError> {
        let key = disk_key(contender, &self.base.busybox, self.payload_bytes());
        let payload = self.payload.is_some().then(|| self.payload_file(places)).transpose()?;
        let handicap = (key.handicap > 0).then(|| self.handicap(key.handicap, places)).transpose()?;
        let side = Side {
            busybox: Some(parts::word(&key.busybox)?),
            payload: payload.as_deref().map(parts::word).transpose()?,
            handicap: handicap.as_deref().map(parts::word).transpose()?,
            ..self.side()
        };
        let task = self.task(contender, side, Runs::OnTheHost)?;
        let program = self.program(contender);
        let disk = payload.or_else(|| program.clone()).unwrap_or_else(|| key.busybox.clone());
        Ok(Work { disk, bytes: self.payload_bytes(), busybox: Some(key.busybox), program, task, overlay: false })
    }

    /// What a contender in a container sees: the files of the bare host, at the places that they have in a guest.
    pub(super) fn of_container(
        &mut self,
        contender: &ContenderSpec,
        places: &Places,
    ) -> Result<(Work, Vec<RootFile>, Option<PathBuf>), PrepareError> {
        let overlay = self.overlay;
        if let Some((task, root)) = self.in_their_root(contender)? {
            let InUse { path, file: disk, bytes, there } = root.of_container(task.argv.first(), places)?;
            if !there {
                self.miss("root directory", &path);
            }
            return Ok((Work { disk, bytes, busybox: None, program: None, task, overlay }, Vec::new(), Some(path)));
        }
        let key = disk_key(contender, &self.base.busybox, self.payload_bytes());
        let payload = self.payload.is_some().then(|| self.payload_file(places)).transpose()?;
        let handicap = (key.handicap > 0).then(|| self.handicap(key.handicap, places)).transpose()?;
        let program = self.program(contender);
        let disk = payload.clone().or_else(|| program.clone()).unwrap_or_else(|| key.busybox.clone());
        let seen = |path: &Option<PathBuf>, place: &str| path.is_some().then(|| place.to_owned());
        let side = Side {
            busybox: Some(BUSYBOX_PATH.to_owned()),
            payload: seen(&payload, PAYLOAD_PATH),
            handicap: seen(&handicap, HANDICAP_PATH),
            ..self.side()
        };
        let own = [(Some(key.busybox.clone()), BUSYBOX_PATH), (payload, PAYLOAD_PATH), (handicap, HANDICAP_PATH)];
        let own = own.into_iter().filter_map(|(path, seen)| Some((path?, PathBuf::from(seen))));
        let added = self.spec.add.iter().cloned();
        let file = |(path, seen): (PathBuf, PathBuf)| {
            Ok(RootFile { path: std::path::absolute(&path).unwrap_or(path), seen: parts::word(&seen)? })
        };
        let files = own.chain(added).map(file).collect::<Result<_, PrepareError>>()?;
        let task = self.task(contender, side, Runs::InARoot)?;
        let bytes = self.payload_bytes();
        Ok((Work { disk, bytes, busybox: Some(key.busybox), program, task, overlay: false }, files, None))
    }

    /// What an iteration does in the root that the user gave, where they gave one.
    fn in_their_root(&mut self, contender: &ContenderSpec) -> Result<Option<(Task, &mut OwnRoot)>, PrepareError> {
        if self.root.is_none() {
            return Ok(None);
        }
        let side = Side { busybox: Some(BUSYBOX.to_owned()), ..Side::default() };
        let task = self.task(contender, side, Runs::InARoot)?;
        Ok(self.root.as_mut().map(|root| (task, root)))
    }

    /// What is the same for every contender.
    fn side(&self) -> Side {
        Side { block: self.block, body: self.body(), hash_loop: self.hash_loop, ..Side::default() }
    }

    /// What an iteration of a contender does.
    fn task(&self, contender: &ContenderSpec, side: Side, runs: Runs) -> Result<Task, PrepareError> {
        let side = Side { emulated: self.emulated, ..side };
        let Some(own) = &self.own else { return Ok(Task::new(self.workload.command(&side))) };
        let side = Side { own: own.words(&contender.name, runs, &side)?, ..side };
        own.task(self.workload.command(&side), runs, &side)
    }

    /// The program of a contender, where it is the user's.
    fn program(&self, contender: &ContenderSpec) -> Option<PathBuf> {
        self.own.as_ref()?.program(&contender.name).cloned()
    }

    /// The payload as a file of the host; it may not be there where nothing is to be built.
    #[expect(clippy::indexing_slicing, reason = "the first one is put there with the struct")]
    fn payload_file(&mut self, places: &Places) -> Result<PathBuf, PrepareError> {
        let (_, disk) = &self.disks[0];
        let (path, file) = match &disk.root {
            Some(root) if places.build => kept(payload_file::of_disk(&places.cache, root, self.spec.layout)?),
            Some(root) => payload_file::find_of_disk(&places.cache, root, self.spec.layout)?,
            None => (places.cache.dir().join(NOT_BUILT).join("random.txt"), None),
        };
        if file.is_none() {
            self.miss("file", &path);
        }
        self.files.extend(file);
        Ok(path)
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
        self.handicaps.extend(file);
        Ok(path)
    }
}

/// The payload of a disk whose layout is to be another one: of random bytes, those that the first layout has.
fn as_in_other_layouts(first: &DiskSpec, places: &Places) -> Result<Option<Payload>, PrepareError> {
    if !matches!(first.payload, Some(Payload::Urandom { .. })) {
        return Ok(first.payload.clone());
    }
    let file = match Disk::new(first, places)?.root {
        Some(root) if places.build => Some(payload_file::of_disk(&places.cache, &root, first.layout)?),
        Some(root) => payload_file::find_of_disk(&places.cache, &root, first.layout)?.1,
        None => None,
    };
    Ok(file.map_or_else(|| first.payload.clone(), |file| Some(Payload::File { path: file.path })))
}

fn kept(file: PayloadFile) -> (PathBuf, Option<PayloadFile>) {
    (file.path.clone(), Some(file))
}

/// Bytes of the payload that the workload reads; None where it reads no file.
pub(super) fn payload_bytes(
    experiment: &Experiment,
    workload: &dyn Workload,
    speed: Speed,
) -> Result<Option<u64>, PrepareError> {
    let wanted = workload.needs(experiment, speed).payload;
    Ok(wanted.map(|size| payload(experiment, size).0.bytes()).transpose()?)
}

/// What becomes the payload, of this size where the experiment gives none, and its description.
fn payload(experiment: &Experiment, default: Size) -> (Payload, String) {
    let bytes = |size: &Option<Size>| size.unwrap_or(default).0;
    match &experiment.payload {
        PayloadSpec::Seeded { seed, size, .. } => {
            let source = format!("the ChaCha8 stream with seed {seed}");
            (Payload::Seeded { seed: *seed, bytes: bytes(size) }, source)
        }
        PayloadSpec::Urandom { size, .. } => (Payload::Urandom { bytes: bytes(size) }, "/dev/urandom".to_owned()),
        PayloadSpec::File { path, .. } => {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            (Payload::File { path: path.clone() }, format!("the user's file {name}"))
        }
    }
}
