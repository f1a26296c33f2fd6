//! A command of the user's: the program of each contender, and what it needs wherever it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use firebench_image::digest::sha256_file;
use firebench_image::roots::Root;
use firebench_model::experiment::{BUSYBOX_SHELL, CommandSpec, Experiment, ExperimentError};
use firebench_model::plan::Inputs;
use firebench_protocol::Task;
use firebench_workload::Side;

use super::{Places, PrepareError, parts};
pub(super) use added::Added;
use in_root::InRoot;
use programs::{INTERPRETERS, given, needed, plain, resolve, seen};

mod added;
mod in_root;
mod programs;

/// Where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    /// Among the files of the host.
    OnTheHost,
    /// In a root that firebench makes.
    InARoot,
    /// In a root of the user's, of which firebench knows nothing.
    InTheirRoot,
}

/// The command of each contender, and what is around it.
#[derive(Debug)]
pub(super) struct OwnCommand {
    spec: CommandSpec,
    /// By contender, as the user gave them.
    commands: BTreeMap<String, Vec<String>>,
    /// The programs of the host, by the words that call them.
    programs: BTreeMap<String, PathBuf>,
    /// The directory of the host in which commands run: that of the user's files, where they have any.
    directory: Option<PathBuf>,
    /// Where relative paths of the experiment begin.
    from: PathBuf,
    /// The input on the host.
    input: Option<PathBuf>,
    /// The files of the host that every root gets, and where.
    pub(super) files: Vec<(PathBuf, PathBuf)>,
    /// Those of them that the user names.
    named: Vec<PathBuf>,
    /// What the user should know of them.
    pub(super) notices: Vec<String>,
    expected: Option<String>,
    /// Where they run in a root of the user's.
    in_root: Option<InRoot>,
}

impl OwnCommand {
    /// The commands of an experiment; None where its workload has its own.
    ///
    /// # Errors
    /// [`PrepareError`] for a program that is not there, or that cannot run elsewhere.
    pub(super) fn of(
        experiment: &Experiment,
        root: Option<&Root>,
        places: &Places,
    ) -> Result<Option<OwnCommand>, PrepareError> {
        if !experiment.has_own_commands() {
            return Ok(None);
        }
        let spec = experiment.command.clone().unwrap_or_default();
        let current = std::env::current_dir().map_err(given("the current directory", Path::new(".")))?;
        let directory = spec.directory.as_ref().filter(|_| root.is_none());
        let from = directory.map_or_else(|| current.clone(), |directory| current.join(directory));
        match std::fs::metadata(&from) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(given("the directory", &from)(io::ErrorKind::NotADirectory.into())),
            Err(error) => return Err(given("the directory", &from)(error)),
        }
        let mut own = OwnCommand {
            directory: None,
            from: PathBuf::new(),
            input: spec.input.as_ref().map(|path| plain(&from.join(path))),
            commands: BTreeMap::new(),
            programs: BTreeMap::new(),
            files: Vec::new(),
            named: Vec::new(),
            notices: Vec::new(),
            expected: expected(&spec, &from)?,
            in_root: root.map(|root| InRoot::of(root, experiment.files.root.as_deref(), &spec)).transpose()?,
            spec,
        };
        let mut files = BTreeSet::new();
        let in_theirs = root.map(|root| &root.files);
        let Added { files: added, programs } = Added::of(experiment, in_theirs, &from, places, &mut own.notices)?;
        if let Some(root) = &mut own.in_root {
            root.added = programs;
        }
        let contenders = experiment.specs();
        for (contender, words) in contenders.iter().zip(experiment.own_commands().map_err(ExperimentError::from)?) {
            let words = match &own.in_root {
                Some(root) => root.words(words, &own.spec)?,
                None => own.spec.executed(words),
            };
            let program = words.first().filter(|program| !own.is_busybox(program)).cloned();
            own.commands.insert(contender.name.clone(), words);
            let of_the_host = contender.image.is_none() && own.in_root.is_none();
            // Contenders mostly share it.
            if let Some(program) = program.filter(|program| of_the_host && !own.programs.contains_key(program)) {
                let path = resolve(&program, &from)?;
                needed(&path, INTERPRETERS, &mut files, &mut own.notices)?;
                own.programs.insert(program, path);
            }
        }
        if let Some(input) = &own.input {
            std::fs::metadata(input).map_err(given("--input", input))?;
            own.named.push(input.clone());
        }
        let mut placed: Vec<(PathBuf, PathBuf)> = match &own.in_root {
            Some(_) => own.input.iter().map(|input| (input.clone(), PathBuf::from(in_root::INPUT))).collect(),
            None => files.into_iter().chain(own.input.clone()).map(|file| (file.clone(), seen(&file))).collect(),
        };
        for file in added {
            if !placed.contains(&file) {
                placed.push(file);
            }
        }
        for text in &experiment.files.add {
            let (host, guest) = addition(text, &from)?;
            std::fs::metadata(&host).map_err(given("--add", &host))?;
            if !own.named.contains(&host) {
                own.named.push(host.clone());
            }
            // What the command needs anyhow may be named, too.
            if !placed.contains(&(host.clone(), guest.clone())) {
                placed.push((host, guest));
            }
        }
        let all = placed.clone();
        placed.retain(|file| !all.iter().any(|directory| is_within(file, directory)));
        let on_the_host = contenders.iter().any(|contender| contender.vmm.is_host());
        if let Some((host, guest)) = placed.iter().find(|(host, guest)| on_the_host && *guest != seen(host)) {
            return Err(PrepareError::AddedForTheHost { host: host.clone(), guest: guest.clone() });
        }
        let among_them = placed.iter().any(|(host, guest)| host.starts_with(&from) && *guest == seen(host));
        let here = own.in_root.is_none() && (among_them || experiment.only_hosts());
        own.directory = here.then(|| from.clone());
        own.from = from;
        own.files = placed;
        Ok(Some(own))
    }

    fn is_busybox(&self, program: &str) -> bool {
        self.spec.shell.as_deref() == Some(BUSYBOX_SHELL) && program == BUSYBOX_SHELL
    }

    /// The program of a contender; None where it is busybox, or in a root of the user's.
    pub(super) fn program(&self, contender: &str) -> Option<&PathBuf> {
        self.programs.get(self.commands.get(contender)?.first()?)
    }

    /// The words that a contender executes.
    pub(super) fn words(&self, contender: &str, runs: Runs, side: &Side) -> Result<Vec<String>, PrepareError> {
        let mut words = self.commands.get(contender).cloned().unwrap_or_default();
        if words.first().is_some_and(|program| self.is_busybox(program)) {
            words.splice(..1, side.applet(BUSYBOX_SHELL));
        } else if let (Some(path), Some(program)) = (self.program(contender), words.first_mut()) {
            if let Some(path) = place(path, runs) {
                *program = parts::word(&path)?;
            }
        }
        Ok(words)
    }

    /// What an iteration does that executes `argv`.
    pub(super) fn task(&self, argv: Vec<String>, runs: Runs, side: &Side) -> Result<Task, PrepareError> {
        let line = |line: &Option<String>| {
            let words =
                line.iter().map(|line| [side.applet(BUSYBOX_SHELL), vec!["-c".to_owned(), line.clone()]].concat());
            words.flatten().collect()
        };
        let there = |path: &Option<PathBuf>| {
            path.as_ref().and_then(|path| place(path, runs)).map(|path| parts::word(&path)).transpose()
        };
        let (directory, input) = match &self.in_root {
            Some(root) => (root.directory.clone(), self.input.as_ref().map(|_| in_root::INPUT.to_owned())),
            None => (there(&self.directory)?, there(&self.input)?),
        };
        let own = self.spec.variables().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let env = self.in_root.iter().flat_map(|root| root.env.iter().cloned()).chain(own).collect();
        Ok(Task {
            argv,
            env,
            directory,
            input,
            prepare: line(&self.spec.prepare),
            conclude: line(&self.spec.conclude),
            digest: self.expected.is_some(),
        })
    }

    /// The files that the user names beside the program: its input, and what is added.
    pub(super) fn named(&self) -> impl Iterator<Item = &PathBuf> {
        self.named.iter().filter(|path| path.is_file())
    }

    /// What is known of its outputs.
    pub(super) fn expect(&self, inputs: &mut Inputs) {
        inputs.exit_codes.clone_from(&self.spec.expect_exit);
        inputs.stdout_sha256.clone_from(&self.expected);
    }

    /// The same, so that it means the same from another directory, with another PATH, and when what it must print has changed.
    pub(super) fn resolved(&self) -> CommandSpec {
        let mut spec = self.spec.clone();
        let program = spec.argv.first().filter(|_| spec.shell.is_none()).and_then(|program| self.programs.get(program));
        if let (Some(path), Some(program)) = (program.and_then(|path| path.to_str()), spec.argv.first_mut()) {
            *program = path.to_owned();
        }
        let directory = if self.in_root.is_some() { spec.directory.take() } else { Some(self.from.clone()) };
        CommandSpec {
            directory,
            input: self.input.clone(),
            expect_stdout: self.expected.as_ref().map(PathBuf::from),
            ..spec
        }
    }
}

/// Where a file of the host is for the command; None where firebench does not put it there.
fn place(path: &Path, runs: Runs) -> Option<PathBuf> {
    match runs {
        Runs::OnTheHost => Some(path.to_owned()),
        Runs::InARoot => Some(seen(path)),
        Runs::InTheirRoot => None,
    }
}

/// Whether a file comes with a directory that is placed as well.
fn is_within((host, guest): &(PathBuf, PathBuf), (above, there): &(PathBuf, PathBuf)) -> bool {
    host != above && host.strip_prefix(above).is_ok_and(|rest| *guest == there.join(rest))
}

/// What `--add` means for a command: `HOST` alone is at the path that it has on the host.
fn addition(text: &str, from: &Path) -> Result<(PathBuf, PathBuf), PrepareError> {
    if text.contains('=') {
        let (host, guest) = parts::addition(text)?;
        return Ok((from.join(host), guest));
    }
    let host = plain(&from.join(text));
    let guest = seen(&host);
    Ok((host, guest))
}

/// The SHA-256 of what the command must print.
fn expected(spec: &CommandSpec, from: &Path) -> Result<Option<String>, PrepareError> {
    let Some(expected) = &spec.expect_stdout else { return Ok(None) };
    let text = expected.to_str().unwrap_or_default();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Some(text.to_ascii_lowercase()));
    }
    let path = from.join(expected);
    std::fs::metadata(&path).map_err(given("--expect-stdout", &path))?;
    Ok(Some(sha256_file(&path)?))
}

#[cfg(test)]
mod tests;
