//! A root of the user's: its disk for VMs, its directory for containers, and what is looked up in it.

use std::path::{Path, PathBuf};

use firebench_host::fetch::{Debian, DebianRoot};
use firebench_image::cache::Cache;
use firebench_image::roots::{BuiltRoot, Root, RootSource, RootSpec};
use firebench_model::record::Artifact;
use firebench_run::runner::{CONTAINED_AGENT, CONTAINED_JOB};

use super::{Places, PrepareError};

/// Whose process a command is in every root.
const ROOT_USERS: [&str; 4] = ["", "root", "0", "0:0"];

/// The empty files of a root that containers lay the agent and its job on.
pub fn mount_points() -> Vec<String> {
    [CONTAINED_AGENT, CONTAINED_JOB].map(str::to_owned).to_vec()
}

/// What a user names by `--root`: what is read, and the Debian that it is, where it is one.
///
/// # Errors
/// [`PrepareError::Fetch`] where it cannot be made; `build` says whether it may be.
pub fn root_source(named: &Path, cache: &Cache, build: bool) -> Result<(RootSource, Option<DebianRoot>), PrepareError> {
    match Debian::parse(named)? {
        None => Ok((RootSource::parse(named), None)),
        Some(debian) => {
            let root = debian.root(cache, build)?;
            Ok((RootSource { path: root.path.clone(), tag: None }, Some(root)))
        }
    }
}

/// A root of the user's, and what was made of it.
#[derive(Debug)]
pub(super) struct OwnRoot {
    pub(super) root: Root,
    /// As the user calls it.
    named: PathBuf,
    debian: Option<DebianRoot>,
    spec: RootSpec,
    disk: Option<BuiltRoot>,
    directory: Option<BuiltRoot>,
}

/// A root as a contender has it.
#[derive(Debug)]
pub(super) struct InUse {
    /// The disk, or the directory.
    pub(super) path: PathBuf,
    /// The file whose state in the page cache is set before each boot: the disk, or the program in the directory.
    pub(super) file: PathBuf,
    /// Bytes of it.
    pub(super) bytes: u64,
    /// Whether it is there already.
    pub(super) there: bool,
}

impl OwnRoot {
    /// Reads what the user named.
    pub(super) fn read(named: &Path, busybox: &Path, places: &Places) -> Result<OwnRoot, PrepareError> {
        let (source, debian) = root_source(named, &places.cache, places.build)?;
        let root = Root::read(&places.cache, &source)?;
        let spec = RootSpec { source, busybox: busybox.to_owned(), add: Vec::new(), mount_points: mount_points() };
        Ok(OwnRoot { root, named: named.to_owned(), debian, spec, disk: None, directory: None })
    }

    /// Puts files of the host into it: before any of the following.
    pub(super) fn add(&mut self, files: &[(PathBuf, PathBuf)]) {
        self.spec.add.extend_from_slice(files);
    }

    /// What a VM boots, and whether it is there.
    pub(super) fn of_vm(&mut self, places: &Places) -> Result<InUse, PrepareError> {
        if places.build && self.disk.is_none() {
            self.disk = Some(self.root.disk(&places.cache, &self.spec)?);
        }
        let (path, bytes, there) = match &self.disk {
            Some(disk) => (disk.path.clone(), disk.bytes, true),
            None => {
                let (path, there) = self.root.places(&places.cache, &self.spec)?.disk;
                (path, self.root.bytes, there)
            }
        };
        Ok(InUse { file: path.clone(), path, bytes, there })
    }

    /// What a container runs `program` in.
    pub(super) fn of_container(&mut self, program: Option<&String>, places: &Places) -> Result<InUse, PrepareError> {
        if places.build && self.directory.is_none() {
            self.directory = Some(self.root.directory(&places.cache, &self.spec)?);
        }
        let (path, there) = match &self.directory {
            Some(directory) => (directory.path.clone(), true),
            None => self.root.places(&places.cache, &self.spec)?.directory,
        };
        // The file whose state in the page cache is set before each boot.
        let program = program.and_then(|program| self.root.files.behind(program));
        let file = program.map_or_else(|| self.spec.busybox.clone(), |program| path.join(program));
        Ok(InUse { file, path, bytes: self.root.bytes, there })
    }

    /// What every contender has of it, for the report.
    pub(super) fn artifact(&self) -> Artifact {
        let path = if self.debian.is_some() { &self.named } else { &self.spec.source.path };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = match &self.spec.source.tag {
            Some(tag) => format!("{name}#{tag}"),
            None => name.into_owned(),
        };
        Artifact {
            role: "root".to_owned(),
            contenders: Vec::new(),
            name,
            version: None,
            bytes: self.root.bytes,
            sha256: self.root.sha256.clone(),
        }
    }

    /// What the user should know of it; `contained` where a container is among the contenders.
    pub(super) fn notices(&self, contained: bool, overlay: bool, layout: u32) -> Vec<String> {
        let path = if self.debian.is_some() { &self.named } else { &self.spec.source.path };
        let path = path.display();
        let user = &self.root.config.user;
        let mut notices = Vec::new();
        if let Some(debian) = &self.debian {
            let made = humantime::format_rfc3339_seconds(debian.made).to_string();
            let day = made.split('T').next().unwrap_or_default();
            notices.push(format!(
                "{path} is what Debian's mirror had on {day}: every run takes that from the cache, until `firebench image gc` removes it"
            ));
        }
        if !ROOT_USERS.contains(&user.as_str()) {
            let user = firebench_text::excerpt(user, 40);
            notices.push(format!("{path} wants its command to be {user}'s process: firebench runs it as root's"));
        }
        if contained {
            notices.push(format!(
                "containers see {path} as a directory: all files in it belong to whoever runs firebench, no program is set-uid, and there \
                 are no extended attributes; VMs see it as it is"
            ));
        }
        if overlay {
            notices.push(format!(
                "{path} is writable in every boot: what is written goes to the contender's memory, and is gone at the next boot"
            ));
        }
        if layout > 0 {
            notices.push(format!("layout {layout} moves nothing in the disk of {path}"));
        }
        notices
    }
}
