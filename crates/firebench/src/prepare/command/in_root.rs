//! A command in a root of the user's: its program is one of that root, and what the root says of commands counts.

use std::path::{Path, PathBuf};

use firebench_image::roots::{Files, ImageConfig, Root};
use firebench_model::experiment::{BUSYBOX_SHELL, CommandSpec};

use super::super::PrepareError;

/// Where the root has the file that is the command's standard input.
pub(super) const INPUT: &str = "/firebench/input";

/// Where programs are looked up where neither the user nor the root says: as the agent has it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a root is to commands.
#[derive(Debug)]
pub(super) struct InRoot {
    root: PathBuf,
    config: ImageConfig,
    files: Files,
    /// The root's variables: those of the user come after them.
    pub(super) env: Vec<(String, String)>,
    /// The directory in which commands run: the user's, or the root's.
    pub(super) directory: Option<String>,
    path: String,
    /// Programs that are added to it.
    pub(super) added: Vec<String>,
}

impl InRoot {
    /// Of a root, as the user calls it, for what they say of their command.
    ///
    /// # Errors
    /// [`PrepareError::NoDirectoryInRoot`].
    pub(super) fn of(root: &Root, named: Option<&Path>, spec: &CommandSpec) -> Result<InRoot, PrepareError> {
        let called = named.unwrap_or_else(|| root.path());
        let config = root.config.clone();
        let pair = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let env: Vec<_> = config.env.iter().filter_map(pair).filter(|(name, _)| !name.is_empty()).collect();
        let of_root = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let path = of_root.chain(spec.variables()).filter(|(name, _)| *name == "PATH").last();
        let path = path.map_or(PATH, |(_, path)| path).to_owned();
        let wanted = spec.directory.as_ref().map(|directory| directory.to_string_lossy().into_owned());
        if let Some(directory) = wanted.as_ref().filter(|directory| !root.files.is_directory(directory)) {
            return Err(PrepareError::NoDirectoryInRoot { directory: directory.clone(), root: called.to_owned() });
        }
        let theirs = Some(&config.working_dir).filter(|directory| !directory.is_empty());
        // It is made where it is not there.
        let theirs = theirs.map(|directory| format!("/{}", directory.trim_start_matches('/')));
        let directory = wanted.or(theirs);
        Ok(InRoot {
            root: called.to_owned(),
            config,
            files: root.files.clone(),
            env,
            directory,
            path,
            added: Vec::new(),
        })
    }

    /// The words that are executed for those of the user; where they give none, for the root's own.
    ///
    /// # Errors
    /// [`PrepareError::NotInRoot`], [`PrepareError::NoCommandInRoot`].
    pub(super) fn words(&self, words: Vec<String>, spec: &CommandSpec) -> Result<Vec<String>, PrepareError> {
        let words = if words.is_empty() { self.config.command() } else { words };
        let none = || PrepareError::NoCommandInRoot { root: self.root.clone() };
        if words.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(none());
        }
        let mut words = spec.executed(words);
        if spec.shell.as_deref() == Some(BUSYBOX_SHELL) {
            return Ok(words);
        }
        let program = words.first_mut().ok_or_else(none)?;
        *program = self.find(program)?;
        Ok(words)
    }

    fn find(&self, program: &str) -> Result<String, PrepareError> {
        let directory = self.directory.as_deref().unwrap_or("/");
        let (places, looked) = match program.contains('/') {
            true if program.starts_with('/') => (vec![program.to_owned()], "it must be an executable file".to_owned()),
            true => (
                vec![format!("{}/{program}", directory.trim_end_matches('/'))],
                format!("it was looked for below {directory}"),
            ),
            false => {
                let directories = self.path.split(':').filter(|directory| directory.starts_with('/'));
                let places = directories.map(|directory| format!("{}/{program}", directory.trim_end_matches('/')));
                (places.collect(), format!("it was looked for in {}", self.path))
            }
        };
        let not_there = || PrepareError::NotInRoot { program: program.to_owned(), root: self.root.clone(), looked };
        let is_there = |place: &String| self.files.is_program(place) || self.added.contains(place);
        places.into_iter().find(is_there).ok_or_else(not_there)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use firebench_image::cache::Cache;
    use firebench_image::roots::RootSource;

    use super::*;

    #[test]
    fn the_words_of_the_user_or_of_the_root_are_looked_up_in_it() {
        let lab = tempfile::tempdir().expect("a directory");
        let tree = lab.path().join("tree");
        for (name, mode) in [("usr/bin/tool", 0o755), ("task/own", 0o755), ("usr/bin/text", 0o644)] {
            let path = tree.join(name);
            std::fs::create_dir_all(path.parent().expect("it has one")).expect("made");
            std::fs::write(&path, "x").expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its owner may");
        }
        std::os::unix::fs::symlink("usr/bin", tree.join("bin")).expect("linked");
        let cache = Cache::open(lab.path().join("cache")).expect("it opens");
        let mut root = Root::read(&cache, &RootSource { path: tree, tag: None }).expect("sound");
        let spec = CommandSpec::default();
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let of = |root: &Root, spec: &CommandSpec, given: &[&str]| {
            InRoot::of(root, None, spec)
                .and_then(|root| root.words(words(given), spec))
                .map_err(|error| error.to_string())
        };
        // Debian's /bin is a link; the word that calls a program is not that of the file behind it.
        assert_eq!(of(&root, &spec, &["tool", "-x"]), Ok(words(&["/usr/bin/tool", "-x"])));
        assert_eq!(of(&root, &spec, &["/bin/tool"]), Ok(words(&["/bin/tool"])));
        for missing in ["text", "none", "/usr/bin/text", "/bin", "own"] {
            assert!(of(&root, &spec, &[missing]).expect_err(missing).contains("cannot find the program"));
        }
        assert!(of(&root, &spec, &[]).expect_err("nothing").contains("says no command to run"));
        let shell = CommandSpec { shell: Some(BUSYBOX_SHELL.to_owned()), ..CommandSpec::default() };
        assert_eq!(of(&root, &shell, &["tool", "|", "x"]), Ok(words(&["sh", "-c", "tool | x"])));

        root.config = ImageConfig {
            env: words(&["PATH=/task:relative", "A=b"]),
            working_dir: "/task".to_owned(),
            entrypoint: words(&["./own"]),
            cmd: words(&["-y"]),
            user: String::new(),
        };
        assert_eq!(of(&root, &spec, &[]), Ok(words(&["/task/./own", "-y"])));
        assert_eq!(of(&root, &spec, &["own"]), Ok(words(&["/task/own"])));
        let env = CommandSpec { env: words(&["PATH=/bin"]), directory: Some("/usr".into()), ..CommandSpec::default() };
        assert_eq!(of(&root, &env, &["tool"]), Ok(words(&["/bin/tool"])), "the user's word counts");
        let in_root = InRoot::of(&root, None, &env).expect("it is there");
        assert_eq!((in_root.directory.as_deref(), in_root.env.len()), (Some("/usr"), 2));
        let nowhere = CommandSpec { directory: Some("/none".into()), ..CommandSpec::default() };
        assert!(of(&root, &nowhere, &["tool"]).expect_err("none").contains("no directory /none in the root"));
    }
}
