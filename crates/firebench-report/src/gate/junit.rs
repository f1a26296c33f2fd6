//! JUnit's XML, as Jenkins, GitLab and GitHub's actions read it: a test case for each limit on each comparison.

use std::fmt::Write as _;

use firebench_analysis::gate::Outcome;
use firebench_stats::Standing;
use firebench_stats::verdict::Gate;

/// Writes the outcomes as a suite of the name `suite`. An undecided gate is skipped, or an error where verdicts are
/// required; one that compares unlike things is an error.
pub fn junit(outcomes: &[Outcome], suite: &str, require_verdict: bool) -> String {
    let count = |gate| outcomes.iter().filter(|outcome| outcome.gate == gate).count();
    let undecided = count(Gate::Undecided);
    let unfair = count(Gate::Unfair);
    let (errors, skipped) = if require_verdict { (undecided.saturating_add(unfair), 0) } else { (unfair, undecided) };
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{errors}\" skipped=\"{skipped}\"",
        outcomes.len(),
        count(Gate::Beyond)
    );
    let suite = escaped(suite);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"firebench\" {counts}>\n  <testsuite name=\"{suite}\" {counts}>\n"
    );
    for outcome in outcomes {
        // Writing to a String does not fail.
        let _ = write!(
            xml,
            "    <testcase classname=\"{suite}.{}\" name=\"{}\"",
            escaped(&outcome.judged.contender),
            escaped(&outcome.limit.to_string())
        );
        let message = escaped(&outcome.judged.to_string());
        xml += &match (outcome.gate, require_verdict) {
            (Gate::Beyond, _) => {
                let kind = match outcome.standing() {
                    Standing::Worse => "regression",
                    Standing::Better => "improvement",
                };
                format!(">\n      <failure type=\"{kind}\" message=\"{message}\"/>\n    </testcase>\n")
            }
            (Gate::Unfair, _) => {
                format!(">\n      <error type=\"unfair\" message=\"{message}\"/>\n    </testcase>\n")
            }
            (Gate::Undecided, true) => {
                format!(">\n      <error type=\"undecided\" message=\"{message}\"/>\n    </testcase>\n")
            }
            (Gate::Undecided, false) => format!(">\n      <skipped message=\"{message}\"/>\n    </testcase>\n"),
            (Gate::Within, _) => format!(">\n      <system-out>{message}</system-out>\n    </testcase>\n"),
        };
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

/// Text that stays one line of text in an attribute or an element. What XML 1.0 (section 2.2) has no place for, and what
/// would move or hide text, becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in firebench_text::line(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn every_character_comes_back_or_is_replaced() {
        let all: String = ('\0'..=char::MAX).collect();
        let xml = format!("<a b=\"{0}\">{0}</a>", escaped(&all));
        let document = roxmltree::Document::parse(&xml).expect("well-formed XML");
        let replaced = firebench_text::line(&all).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
        let root = document.root_element();
        assert_eq!((root.attribute("b"), root.text()), (Some(replaced.as_str()), Some(replaced.as_str())));
    }
}
