//! The experiment file to start from.

/// The name of an experiment file that `firebench run` finds by itself.
pub const EXPERIMENT_FILE: &str = "firebench.toml";

/// An experiment with every key: those that are set are the defaults, the others are commented out.
pub const TEMPLATE: &str = include_str!("init.toml");

#[cfg(test)]
mod tests {
    use super::TEMPLATE;
    use firebench_model::experiment::{Experiment, check_all};

    fn parse(text: &str) -> Experiment {
        toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_template_is_the_default() {
        assert_eq!(parse(TEMPLATE), Experiment::default());
    }

    /// The template with its keys switched on: `#key = value` becomes `key = value`.
    fn switched_on() -> String {
        TEMPLATE
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
        assert_eq!(experiment.contenders.len(), 3);
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
