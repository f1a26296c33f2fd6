use firebench_model::metric;
use firebench_stats::verdict::{Gate, judge as verdict};
use firebench_stats::{Interval, Judgement, Scale, interval};

use crate::beside::Beside;

use super::{Judged, Limit, Outcome, Unjudged, check, comparisons, is_asked, judge};

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
        metric: metric::find(&metric::OF_A_COMMAND, metric).expect("a metric").clone(),
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

fn gates(texts: &[&str]) -> Vec<Gate> {
    outcomes(texts).iter().map(|outcome| outcome.gate).collect()
}

#[test]
fn only_the_whole_interval_decides() {
    use Gate::{Beyond, Undecided, Within};
    assert_eq!(gates(&["real > 3%"]), [Beyond, Within]);
    assert_eq!(gates(&["slow: real > 5%"]), [Undecided]);
    assert_eq!(gates(&["slow: real > 10%"]), [Within]);
    assert_eq!(gates(&["slow: real < -3%"]), [Within]);
    assert_eq!(gates(&["sys > 50ms"]), [Beyond, Undecided]);
    assert_eq!(gates(&["sys > 0.2s", "slow: sys > 0.1s"]), [Within, Undecided, Undecided]);
    assert_eq!(gates(&["nobody: real > 1%", "user > 1%"]), []);
}

#[test]
fn limits_of_nobody_are_refused() {
    let limits = limits(&["real > 3%", "slow: real > 3%"]);
    assert_eq!(check(&limits, ["fast", "slow"]), Ok(()));
    let error = check(&limits, ["fast", HOSTILE]).expect_err("nobody is slow");
    assert_eq!(error.to_string(), "the limit 'slow: real > +3%' names a contender that is not compared");
    let hint = miette::Diagnostic::help(&error).expect("a hint").to_string();
    assert!(hint.starts_with("fast, <&") && !hint.contains(char::is_control), "{hint}");
}

#[test]
fn every_interval_that_is_shown_has_its_share() {
    let contenders = ["a", "b"];
    for (texts, count) in [
        (&[][..], 2),
        (&["real > 3%", "real > 5%"], 2),
        (&["user > 3%"], 4),
        (&["user > 3%", "user < -3%", "a: sys > 1s"], 5),
        (&["a: sys > 1s", "b: sys > 2s"], 4),
    ] {
        assert_eq!(comparisons(&limits(texts), "real", contenders), count, "{texts:?}");
    }
    assert!(is_asked(&limits(&["a: sys > 1s"]), "a", "sys") && !is_asked(&limits(&["a: sys > 1s"]), "b", "sys"));
}

#[test]
fn outcomes_as_json() {
    let json = serde_json::to_value(outcomes(&["sys > 50ms"])).expect("JSON");
    assert_eq!(json[0]["limit"], "sys > +0.05s");
    assert_eq!(json[0]["gate"], "beyond");
    assert_eq!((&json[0]["judgement"]["scale"], json[0]["unjudged"].is_null()), (&"raw".into(), true));
    assert!(json[1]["judgement"].is_null() && json[1]["unjudged"].is_string(), "{json}");
}

#[test]
fn what_does_not_compare_like_with_like_neither_fails_nor_passes() {
    let slow = judged("slow", "real", Ok(around(0.05, Scale::Ratio)));
    let unlike = Judged { unlike: vec!["vCPUs".to_owned()], ..slow };
    let nothing = Judged { judgement: Err(Unjudged::Emulated), ..unlike.clone() };
    for (text, allowed) in [("real > 3%", Gate::Beyond), ("real > 10%", Gate::Within)] {
        let mut outcomes = judge(&limits(&[text]), std::slice::from_ref(&unlike));
        assert_eq!((outcomes[0].gate, outcomes[0].word()), (Gate::Unfair, "unfair"));
        let said = outcomes[0].to_string();
        assert!(said.ends_with("; this does NOT compare like with like: they differ in vCPUs"), "{said}");
        super::allow_unfair(&mut outcomes);
        assert_eq!(outcomes[0].gate, allowed);
    }
    assert_eq!(judge(&limits(&["real > 3%"]), &[nothing])[0].gate, Gate::Undecided, "there is nothing to be unfair");
}
