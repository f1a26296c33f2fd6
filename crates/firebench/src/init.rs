//! The experiment file to start from: of what every experiment has, a text; of contenders, the tables of their kinds.

use std::fmt::Write;

use firebench_model::experiment::common_to;
use firebench_vmm::kind::Jailing;
use firebench_vmm::setting::{Setting, Takes};
use firebench_vmm::{VmmKind, kinds};
use firebench_workload::ALL;

/// The name of an experiment file that `firebench run` finds by itself.
pub const EXPERIMENT_FILE: &str = "firebench.toml";

/// An experiment with every key: those that are set are the defaults, the others are commented out.
pub fn template() -> String {
    let names = |kinds: &mut dyn Iterator<Item = VmmKind>| {
        kinds.map(|kind| format!("\"{kind}\"")).collect::<Vec<_>>().join(", ")
    };
    let text = include_str!("init.toml")
        .replace("{default}", &format!("[{}]", names(&mut kinds::by_default())))
        .replace("{workloads}", &workloads())
        .replace("{primaries}", &primaries())
        .replace("{hosts}", &hosts())
        .replace("{jail}", &jails())
        .replace("{programs}", &programs());
    text + &contenders()
}

/// The workloads, one a line.
fn workloads() -> String {
    let lines = ALL.iter().map(|workload| format!("# - {}: {}", workload.name(), workload.about()));
    lines.collect::<Vec<_>>().join("\n")
}

/// The metrics on which verdicts can be given.
pub fn primaries() -> String {
    let names = firebench_workload::all_primaries().into_iter().map(|metric| metric.name.as_ref());
    names.collect::<Vec<_>>().join(" or ")
}

/// How the bare host is called.
pub fn hosts() -> String {
    let hosts = kinds::all().filter(|kind| kind.is_host());
    hosts.map(|kind| format!(", and {kind} for the {}", kind.title.to_lowercase())).collect()
}

/// What holds each VMM that can be jailed.
pub fn jails() -> String {
    let ways = kinds::all().filter_map(|kind| match &kind.0.guest()?.jail {
        Jailing::Nothing => None,
        Jailing::Filter(filter) => Some(format!("{} {}", kind.title, filter.about)),
        Jailing::Jailer(jailer) => Some(format!("{} {}", kind.title, jailer.about)),
    });
    format!("Hold each VMM as closely as it can be: {}", ways.collect::<Vec<_>>().join(", "))
}

fn programs() -> String {
    let mut programs: Vec<_> =
        kinds::all().filter_map(|kind| Some((kind.0.name, kind.0.program.as_ref()?.name))).collect();
    programs.sort_unstable();
    programs.into_iter().map(|(kind, program)| format!("#{kind} = \"./{program}\"\n")).collect()
}

/// A contender of each kind, every key commented out. What all of them have is in the first one, but for the image, beside which
/// some of it cannot be: that is in the second one.
fn contenders() -> String {
    const IMAGE: &str = "image";
    let mut text = String::new();
    for (index, kind) in kinds::all().enumerate() {
        // Writing to a String does not fail.
        let _ = write!(text, "{}#[[contender]]\n#name = \"{kind}\"\n#vmm = \"{kind}\"\n", introduction(index, kind));
        let common = common_to(kind).filter(|setting| match index {
            0 => setting.key != IMAGE,
            1 => setting.key == IMAGE,
            _ => false,
        });
        for setting in common.chain(kind.0.settings_of_users()) {
            let _ = write!(text, "# {}\n#{} = {}\n", explained(setting), setting.key, setting.example);
        }
    }
    text
}

fn introduction(index: usize, kind: VmmKind) -> String {
    if kind.boots_a_guest() {
        return if index == 0 { String::new() } else { "\n".to_owned() };
    }
    let keys = common_to(kind).map(|setting| setting.key).collect::<Vec<_>>().join(", ");
    let who = if kind.is_host() { format!("The {}", kind.title.to_lowercase()) } else { kind.title.to_owned() };
    format!("\n# {who} boots no guest: it takes {keys}.\n")
}

/// What a setting is, and which words it takes.
fn explained(setting: &Setting) -> String {
    let (initial, rest) = setting.help.split_at(setting.help.chars().next().map_or(0, char::len_utf8));
    let help = format!("{}{rest}", initial.to_uppercase());
    match setting.takes {
        Takes::Words(words) => format!("{help}: {}.", words.join(", ")),
        _ => format!("{help}."),
    }
}

#[cfg(test)]
mod tests {
    use firebench_vmm::kinds;

    use super::template;
    use firebench_model::experiment::{Experiment, check_all, keys};

    fn parse(text: &str) -> Experiment {
        toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_template_is_the_default() {
        assert_eq!(parse(&template()), Experiment::default());
    }

    /// The template with its keys switched on: `#key = value` becomes `key = value`.
    fn switched_on() -> String {
        template()
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', '#'])).unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n")
    }

    #[test]
    fn every_key_that_is_commented_out_is_one() {
        let mut text = switched_on();
        // What excludes one another in one experiment.
        for line in ["precision = \"1%\"", "max_time = \"5m\""] {
            assert!(text.contains(line), "{line}");
            text = text.replace(line, "");
        }
        let experiment = parse(&text);
        check_all(&experiment.contenders).expect("contenders that can be");
        assert_eq!(
            experiment.contenders.iter().map(|spec| spec.vmm).collect::<Vec<_>>(),
            kinds::all().collect::<Vec<_>>()
        );
    }

    #[test]
    fn every_setting_of_every_kind_is_in_the_template() {
        let text = switched_on();
        let (_, contenders) = text.split_once("[[contender]]").expect("contenders");
        let parts: Vec<&str> = contenders.split("[[contender]]").collect();
        for (kind, own) in kinds::all().zip(&parts) {
            for key in keys(kind) {
                let place = if kind.setting(key).is_some() { own } else { contenders };
                assert!(place.lines().any(|line| line.starts_with(&format!("{key} = "))), "{kind}: {key}");
            }
        }
    }

    #[test]
    fn every_key_is_in_the_template() {
        let text = switched_on();
        let mut experiment = parse(&text);
        experiment.design.boots = None;
        let spelled = toml::to_string(&experiment).expect("TOML");
        for key in spelled.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key) {
            assert!(text.lines().any(|line| line.starts_with(&format!("{key} ="))), "{key}");
        }
    }
}
