use firebench_analysis::beside::Beside;
use firebench_analysis::gate::{Limit, Outcome, judge};
use firebench_analysis::judged::{Judged, Unjudged};
use firebench_stats::verdict::judge as verdict;
use firebench_stats::{Interval, Judgement, Scale, interval};

use super::{github, junit};

const HOSTILE: &str = "<&\">'\u{1b}[31m\n::error::%0A\u{fffe}";

fn limits(texts: &[&str]) -> Vec<Limit> {
    texts.iter().map(|text| text.parse().expect("a limit")).collect()
}

/// Around `centre`, about ±0.004.
fn around(centre: f64, scale: Scale) -> Judgement {
    let differences: Vec<f64> = [-0.006, -0.003, 0.0, 0.0, 0.003, 0.006].map(|noise| centre + noise).to_vec();
    let interval = interval::student(&differences, 0.04, 1).expect("an interval");
    verdict(Interval { confidence: 0.95, ..interval }, scale, 0.01).expect("a verdict")
}

fn judged(contender: &str, metric: &str, judgement: Result<Judgement, Unjudged>) -> Judged {
    Judged {
        contender: contender.to_owned(),
        baseline: "qemu".to_owned(),
        metric: firebench_model::metric::find(&firebench_model::metric::OF_A_COMMAND, metric)
            .expect("a metric")
            .clone(),
        unlike: Vec::new(),
        beside: Beside::default(),
        judgement,
    }
}

/// Two contenders: one 5% slower in real and a little above in sys, one equal, and without a value for sys.
fn outcomes(texts: &[&str]) -> Vec<Outcome> {
    let judged = [
        judged("slow", "real", Ok(around(0.05, Scale::Ratio))),
        judged("slow", "sys", Ok(around(0.1, Scale::Raw))),
        judged(HOSTILE, "real", Ok(around(0.0, Scale::Ratio))),
        judged(HOSTILE, "sys", Err(Unjudged::NoValue)),
    ];
    judge(&limits(texts), &judged)
}

#[test]
fn annotations() {
    insta::assert_snapshot!(github(&outcomes(&["real > 3%", "sys > 50ms"])));
}

#[test]
fn junit_is_xml_that_says_the_same() {
    let outcomes = outcomes(&["real > 3%", "slow: real > 5%", "sys > 50ms"]);
    insta::assert_snapshot!(junit(&outcomes, "A against B", false));
    for (required, errors, skipped) in [(false, "0", "2"), (true, "2", "0")] {
        let xml = junit(&outcomes, HOSTILE, required);
        let document = roxmltree::Document::parse(&xml).expect("well-formed XML");
        let count = |name| document.descendants().filter(|node| node.has_tag_name(name)).count().to_string();
        let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("a suite");
        for (attribute, value) in [("tests", "5"), ("failures", "2"), ("errors", errors), ("skipped", skipped)] {
            assert_eq!(suite.attribute(attribute), Some(value), "{attribute}");
        }
        assert_eq!(
            [count("testcase"), count("failure"), count("error"), count("skipped")],
            ["5", "2", errors, skipped]
        );
        assert_eq!(suite.attribute("name"), Some("<&\">'\u{fffd}[31m ::error::%0A\u{fffd}"));
    }
}

#[test]
fn what_does_not_compare_like_with_like_is_an_error() {
    let slow = judged("slow", "real", Ok(around(0.05, Scale::Ratio)));
    let unlike = Judged { unlike: vec!["vCPUs".to_owned()], ..slow };
    for text in ["real > 3%", "real > 10%"] {
        let outcomes = judge(&limits(&[text]), std::slice::from_ref(&unlike));
        assert!(github(&outcomes).starts_with("::error title=real > +"), "{}", github(&outcomes));
        let xml = junit(&outcomes, "x", false);
        assert!(xml.contains("<error type=\"unfair\"") && xml.contains("errors=\"1\" skipped=\"0\""), "{xml}");
    }
}
