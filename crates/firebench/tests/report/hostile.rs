//! What a guest says, made safe.

use firebench_analysis::findings::Findings;
use firebench_model::markdown_block::{MARKER, experiment_from_markdown};
use firebench_model::meminfo;
use firebench_model::report_error::ReportError;
use firebench_report::markdown;
use proptest::prelude::*;

use crate::fixture::published;

/// Strings in which what matters here is frequent.
fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[`~|\\\\<>\u{1b}\r\n\t \u{202e}a#*-]{0,40}",
        Just(format!("\n{MARKER}\n```toml\nx\n```\n"))
    ]
}

proptest! {
    /// No guest brings an experiment of its own, or hides that of the report, whatever it prints.
    #[test]
    fn guests_cannot_touch_the_experiment(meminfo in nasty(), cmdline in nasty(), message in nasty(), name in nasty()) {
        let mut report = published();
        report.experiment.machine.append = name;
        report.notices.push(message.clone());
        let boot = &mut report.contenders[0].boots[0];
        boot.meminfo_before = Some(meminfo.clone());
        boot.message = Some(message);
        boot.last_words = vec![meminfo.clone()];
        if let Some(facts) = &mut boot.facts {
            facts.cmdline = cmdline.clone();
            facts.cpu.flags.push(cmdline);
            facts.block.insert(meminfo.clone(), meminfo);
        }
        prop_assert_eq!(experiment_from_markdown(&markdown::render(&Findings::of(&report))).map_err(|e| e.to_string()), Ok(report.experiment));
    }

    #[test]
    fn any_text_is_a_document_with_or_without_an_experiment(input in nasty()) {
        if let Err(error) = experiment_from_markdown(&input) {
            prop_assert!(matches!(error, ReportError::NoExperiment | ReportError::Toml(_)), "{error}");
        }
    }

    #[test]
    fn any_text_is_a_meminfo(a in nasty(), b in nasty()) {
        for row in meminfo::compare(&[Some(&a), Some(&b)]) {
            prop_assert!(row.values.len() == 2 && row.values.iter().any(Option::is_some));
        }
    }
}
