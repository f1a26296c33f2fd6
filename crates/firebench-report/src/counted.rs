//! What KVM counted, in words and as a table.

use firebench_analysis::counted::devices::DeviceUse;
use firebench_analysis::counted::{Counted, JudgedCount, Part, Row};
use firebench_analysis::findings::Findings;
use firebench_stats::{Scale, Verdict};
use firebench_text as text;

/// What it is worth, in a sentence or two.
pub fn introduction(findings: &Findings) -> String {
    let said = "KVM counted how often each guest left its CPU for the host.";
    if !findings.report.emulated {
        return said.to_owned();
    }
    format!(
        "{said} What a guest asks of its devices does not depend on how fast it runs, so these verdicts hold although \
         everything was emulated; exits in all and page faults do, and are not judged here."
    )
}

/// The verdicts in sentences, and what was not decided in one.
pub fn sentences(counted: &Counted) -> Vec<String> {
    let judged: Vec<(&Row, &JudgedCount)> =
        counted.rows.iter().flat_map(|row| row.judged.iter().map(move |judged| (row, judged))).collect();
    let said = |(row, judged): &(&Row, &JudgedCount)| Some(verdict(row, judged)? + &why(counted, row, judged) + ".");
    let mut sentences: Vec<String> = judged.iter().filter_map(said).collect();
    let open = |(row, judged): &&(&Row, &JudgedCount)| {
        (judged.judgement.verdict == Verdict::Inconclusive)
            .then(|| format!("{} of {} against {}", row.title(), judged.contender, judged.baseline))
    };
    let open: Vec<String> = judged.iter().filter_map(|judged| open(&judged)).collect();
    if !open.is_empty() {
        sentences.push(format!("Not decided: {}.", open.join("; ")));
    }
    if counted.together > 1 {
        sentences.push(format!(
            "All {} intervals of counts hold together in 95 of 100 runs (Bonferroni).",
            counted.together
        ));
    }
    sentences
}

/// A verdict in a sentence; none where there is none.
fn verdict(row: &Row, judged: &JudgedCount) -> Option<String> {
    let JudgedCount { contender, baseline, judgement } = judged;
    let effect = judgement.effect();
    // What is fewer is said without its sign.
    let [least, size, most] = match judgement.verdict {
        Verdict::Lower => [-effect.high, -effect.estimate, -effect.low],
        _ => [effect.low, effect.estimate, effect.high],
    };
    let word = if judgement.verdict == Verdict::Lower { "fewer" } else { "more" };
    let ground = |low: String, high: String| {
        let blocks = text::count(judgement.interval.blocks, "block");
        format!("({:.0}% CI {low} to {high}, {blocks})", judgement.interval.confidence * 100.0)
    };
    let what = row.title();
    let (size, ground) = match (judgement.verdict, judgement.scale) {
        (Verdict::Inconclusive, _) => return None,
        (Verdict::Equivalent, _) => {
            return Some(format!("{what}: {contender} takes as many as {baseline}, within {}", within(judged)));
        }
        (_, Scale::Raw) => {
            let [least, size, most] = [least, size, most].map(|count| format!("{count:.0}"));
            (format!("{size} {word} than"), ground(least, most))
        }
        (Verdict::Higher, Scale::Ratio) if size >= 1.0 => {
            let [least, size, most] = [least, size, most].map(|above| format!("{:.2}", above + 1.0));
            (format!("{size} times those of"), ground(least, most))
        }
        (_, Scale::Ratio) => {
            let [least, size, most] = [least, size, most].map(|share| format!("{:.1}%", share * 100.0));
            (format!("{size} {word} than"), ground(least, most))
        }
    };
    Some(format!("{what}: {contender} takes {size} {baseline} {ground}"))
}

/// What makes more of a difference in I/O ports than anything else, where that is known.
fn why(counted: &Counted, row: &Row, judged: &JudgedCount) -> String {
    let is_told =
        (row.part, row.counter.name) == (Part::Boot, "io_exits") && judged.judgement.verdict != Verdict::Equivalent;
    let place = |name: &String| counted.contenders.iter().position(|contender| contender == name);
    let (Some(contender), Some(baseline), true) = (place(&judged.contender), place(&judged.baseline), is_told) else {
        return String::new();
    };
    let used = |device: &DeviceUse, place: usize| device.typical.get(place).copied().flatten().unwrap_or_default();
    let more = |device: &DeviceUse| used(device, contender) - used(device, baseline);
    let sign = judged.judgement.interval.centre.signum();
    let most = counted.devices.iter().max_by(|a, b| (sign * more(a)).total_cmp(&(sign * more(b))));
    let told = |device: &DeviceUse| {
        let [contender, baseline] = [contender, baseline].map(|place| number(used(device, place)));
        format!(", above all of the {} ({contender} against {baseline})", device.device)
    };
    most.filter(|device| sign * more(device) > 0.0).map(told).unwrap_or_default()
}

/// How far apart two may be that count as equal.
fn within(judged: &JudgedCount) -> String {
    match judged.judgement.scale {
        Scale::Ratio => text::percent(judged.judgement.delta),
        Scale::Raw => format!("{:.1}", judged.judgement.delta),
    }
}

/// The table: what was counted in what part, and the middle of each contender's boots.
pub fn rows(counted: &Counted) -> Vec<(String, Vec<String>)> {
    let cell = |count: &Option<f64>| count.map_or("-".to_owned(), number);
    let of_devices = counted.devices.iter().map(|uses| (format!("  {}", uses.device), &uses.typical));
    let mut rows: Vec<(String, &Vec<Option<f64>>)> = Vec::new();
    for row in &counted.rows {
        rows.push((row.title(), &row.typical));
        if (row.part, row.counter.name) == (Part::Boot, "io_exits") {
            rows.extend(of_devices.clone());
        }
    }
    rows.into_iter().map(|(what, typical)| (what, typical.iter().map(cell).collect())).collect()
}

/// A count, with a digit behind the point where it is the middle between two.
fn number(count: f64) -> String {
    if count.fract() == 0.0 { format!("{count:.0}") } else { format!("{count:.1}") }
}
