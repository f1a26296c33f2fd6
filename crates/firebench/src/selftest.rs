//! What a self-test found, in words: a block to paste into an issue, without anything private. Pure.

use std::path::{Path, PathBuf};

use firebench_model::host::HostFacts;
use firebench_text as text;

/// What was tried, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The kind of contender, with the version of its program.
    pub of: String,
    /// How its instructions were executed: `real speed`, `kvm`, `tcg`, `nested`.
    pub speed: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// So many boots computed what they should, in so many seconds altogether.
    Works {
        /// Good boots.
        boots: usize,
        /// Seconds from the first boot to the end.
        seconds: f64,
    },
    /// The user left out what is slow.
    LeftOut,
    /// Its program is not here; how to get it.
    Missing(String),
    /// The error that ended it.
    Failed(String),
}

/// All of a self-test.
#[derive(Debug, Clone, PartialEq)]
pub struct SelfTest {
    /// The version of firebench.
    pub version: &'static str,
    /// The machine.
    pub host: HostFacts,
    /// What `/dev/kvm` is worth, in a sentence, and whether VMs can use it.
    pub kvm: (String, bool),
    /// The trials in their order.
    pub trials: Vec<Trial>,
    /// What was said of two equal hosts, and whether that was right; or the error.
    pub equal: Result<(String, bool), String>,
    /// What was left behind.
    pub left: Vec<String>,
    /// Directories that errors may name: where one has a blank in it, a sentence does not tell where its path ends.
    pub directories: Vec<PathBuf>,
}

impl SelfTest {
    /// Whether all that could be tried was right.
    pub fn is_passed(&self) -> bool {
        let failed = self.trials.iter().any(|trial| matches!(trial.outcome, Outcome::Failed(_)));
        !failed && self.left.is_empty() && self.equal.as_ref().is_ok_and(|(_, right)| *right)
    }

    /// The block.
    pub fn render(&self) -> String {
        let unknown = || "unknown".to_owned();
        let host = &self.host;
        let of_host = |value: &Option<String>| value.as_deref().map_or_else(unknown, text::line);
        let mut lines = vec![
            format!("firebench {} selftest: {}", self.version, if self.is_passed() { "passed" } else { "FAILED" }),
            format!(
                "  machine     {}, {} CPUs, Linux {}, {}",
                of_host(&host.cpu_model),
                host.cpus.map_or_else(unknown, |cpus| cpus.to_string()),
                of_host(&host.kernel),
                of_host(&host.distro)
            ),
            format!("  /dev/kvm    {}", self.without_paths(&self.kvm.0)),
        ];
        lines.extend(self.trials.iter().map(|trial| self.line(trial)));
        lines.push(match &self.equal {
            Ok((said, true)) => format!("  equal hosts {said}"),
            Ok((said, false)) => format!("  equal hosts FAILED, told apart twice: {said}"),
            Err(error) => format!("  equal hosts FAILED: {}", self.without_paths(error)),
        });
        lines.push(match self.left.as_slice() {
            [] => "  left behind nothing".to_owned(),
            left => format!("  left behind FAILED: {}", left.join(", ")),
        });
        lines.push(format!("proven here: {}", self.proven()));
        lines.push(format!("not proven here: {}", self.not_proven()));
        lines.join("\n") + "\n"
    }

    fn proven(&self) -> String {
        let works = self.trials.iter().filter(|trial| matches!(trial.outcome, Outcome::Works { .. }));
        let proven: Vec<String> = works.map(|trial| format!("{} ({})", trial.of, trial.speed)).collect();
        if proven.is_empty() { "nothing".to_owned() } else { proven.join(", ") }
    }

    fn not_proven(&self) -> String {
        let not = self.trials.iter().filter(|trial| !matches!(trial.outcome, Outcome::Works { .. }));
        let mut not: Vec<String> = not.map(|trial| format!("{} ({})", trial.of, trial.speed)).collect();
        if !self.kvm.1 {
            not.push("VMMs at real speed, for want of a usable /dev/kvm".to_owned());
        }
        if not.is_empty() { "nothing of what firebench has".to_owned() } else { not.join(", ") }
    }

    fn line(&self, trial: &Trial) -> String {
        let outcome = match &trial.outcome {
            Outcome::Works { boots, seconds } => {
                format!("works: {} with the right digest in {seconds:.1} s", text::count(*boots, "boot"))
            }
            Outcome::LeftOut => "left out by --quick".to_owned(),
            Outcome::Missing(install) => format!("not here: {install}"),
            Outcome::Failed(error) => format!("FAILED: {}", self.without_paths(error)),
        };
        format!("  {:<11} {}: {outcome}", trial.speed, text::line(&trial.of))
    }

    /// A sentence in which of every path only the last part is left.
    fn without_paths(&self, sentence: &str) -> String {
        without_paths(sentence, self.directories.iter().map(PathBuf::as_path))
    }
}

/// A sentence in which of every path only the last part is left: the rest may name people and projects. A path ends at a blank, except
/// in these directories.
fn without_paths<'a>(sentence: &str, directories: impl Iterator<Item = &'a Path>) -> String {
    let mut blank: Vec<&str> = directories.filter_map(Path::to_str).filter(|path| path.contains(' ')).collect();
    blank.sort_by_key(|path| std::cmp::Reverse(path.len()));
    let sentence = blank.iter().fold(sentence.to_owned(), |sentence, path| sentence.replace(path, "/…"));
    let word = |word: &str| match word.find('/') {
        Some(start) if !word.starts_with("/dev/") && word.matches('/').count() > 1 => {
            let (before, path) = word.split_at(start);
            let last = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
            format!("{before}…/{last}")
        }
        _ => word.to_owned(),
    };
    text::line(&sentence).split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> SelfTest {
        let trial = |of: &str, speed, outcome| Trial { of: of.to_owned(), speed, outcome };
        SelfTest {
            version: "1.2.3",
            host: HostFacts { cpus: Some(2), kernel: Some("6.1.0".to_owned()), ..HostFacts::default() },
            kvm: ("there is no /dev/kvm".to_owned(), false),
            trials: vec![
                trial("host", "real speed", Outcome::Works { boots: 2, seconds: 0.12 }),
                trial("firecracker", "nested", Outcome::LeftOut),
                trial("gvisor", "real speed", Outcome::Missing("firebench fetch gvisor".to_owned())),
            ],
            equal: Ok(("b and a are equivalent within 10% in real".to_owned(), true)),
            left: Vec::new(),
            directories: Vec::new(),
        }
    }

    #[test]
    fn what_works_and_what_is_missing_is_told() {
        assert!(found().is_passed());
        insta::assert_snapshot!(found().render());
    }

    #[test]
    fn whatever_fails_fails_the_whole_and_names_no_path() {
        let failed = "cannot read /home/ada/secret-project/kernel: no such file".to_owned();
        let mut trial = found();
        trial.trials[2].outcome = Outcome::Failed(failed.clone());
        assert!(!trial.is_passed());
        let said = trial.render();
        assert!(said.contains("FAILED: cannot read …/kernel: no such file") && !said.contains("ada"), "{said}");
        assert!(!SelfTest { equal: Err(failed.clone()), ..found() }.is_passed());
        assert!(!SelfTest { equal: Ok((failed, false)), ..found() }.is_passed());
        assert!(!SelfTest { left: vec!["process 7".to_owned()], ..found() }.is_passed());
    }

    #[test]
    fn a_blank_in_a_directory_ends_no_path() {
        let failed = |text: &str| {
            let mut test = found();
            test.directories =
                ["/tmp", "/home/ada/my secrets", "/home/ada/my secrets/of the year"].map(PathBuf::from).into();
            test.trials[0].outcome = Outcome::Failed(text.to_owned());
            test.render()
        };
        let said = failed("cannot give it the path \"/home/ada/my secrets/of the year/run-1/boot-0\": no");
        assert!(said.contains("the path \"…/boot-0\": no"), "{said}");
        assert!(failed("cannot read /home/ada/my secrets: no").contains("cannot read /…: no"));
        assert!(failed("cannot read /tmp/x/y: no").contains("cannot read …/y: no"));
    }
}
