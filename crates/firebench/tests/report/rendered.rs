//! Terminal and Markdown, as a whole.

use firebench_analysis::findings::Findings;
use firebench_model::record::{BootRecord, Report};
use firebench_report::style::{MAX_WIDTH, Style};
use firebench_report::{EMULATED, formats, markdown, terminal};

use crate::fixture::{failed, nested, published};
use crate::pairs::{duet, matched, template, twins, two_firecrackers, with_host};

const PLAIN: Style = Style { color: false, width: 100 };

/// `report.json` is checked by its schema.
#[test]
fn every_format() {
    let reports = [("published", published()), ("nested", nested()), ("failed", failed())];
    for format in formats::ALL.iter().filter(|format| format.name != "json") {
        for (name, report) in &reports {
            let text = (format.render)(&Findings::of(report), PLAIN).expect("its paths are text");
            insta::assert_snapshot!(format!("{}_{name}", format.name), text);
        }
    }
}

#[test]
fn terminal_with_host() {
    insta::assert_snapshot!(terminal::render(&Findings::of(&with_host()), PLAIN));
}

#[test]
fn terminal_of_a_duet() {
    insta::assert_snapshot!(terminal::render(&Findings::of(&duet()), PLAIN));
}

/// How it was laid out, and what that means for the verdict.
#[test]
fn markdown_of_a_duet() {
    let text = markdown::render(&Findings::of(&duet()));
    let said = text.lines().filter(|line| line.contains("at once"));
    insta::assert_snapshot!(said.collect::<Vec<_>>().join("\n"));
}

#[test]
fn markdown_with_host() {
    insta::assert_snapshot!(after_the_results(&markdown::render(&Findings::of(&with_host()))));
}

/// A report without the contenders' own sections.
fn after_the_results(text: &str) -> String {
    let (start, rest) = text.split_once("\n## QEMU").expect("the first contender's section");
    let (_, end) = rest.split_once("\n## What was compared").expect("the section after the contenders");
    format!("{start}\n...\n\n## What was compared{end}")
}

/// The audit's part of a report for the terminal, pair by pair.
#[test]
fn terminal_fairness() {
    let fairness = |report: &Report| {
        let text = terminal::render(&Findings::of(report), PLAIN);
        let (_, after) = text.split_once("Fairness\n").expect("an audit");
        after.split_once("\n\n").map_or(after, |(audit, _)| audit).to_owned()
    };
    let reports = [
        ("matched", matched()),
        ("two builds of Firecracker", two_firecrackers()),
        ("a template and none", template()),
        ("twins", twins()),
    ];
    let texts: Vec<String> = reports.iter().map(|(name, report)| format!("{name}:\n{}\n", fairness(report))).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

/// Every kind of report, those of runs that saw nothing at all included.
fn reports() -> Vec<Report> {
    let mut nobody = failed();
    nobody.contenders.clear();
    let mut no_boots = published();
    no_boots.contenders.iter_mut().for_each(|c| c.boots.clear());
    let mut bare = published();
    for contender in &mut bare.contenders {
        contender.boots.iter_mut().for_each(strip);
    }
    let mut crowd = published();
    for copy in 0..4 {
        let mut contender = crowd.contenders[1].clone();
        contender.name = format!("firecracker with a name that is very long indeed, number {copy}");
        crowd.contenders.push(contender);
    }
    vec![published(), nested(), failed(), nobody, no_boots, bare, crowd, with_host(), template()]
}

fn strip(boot: &mut BootRecord) {
    boot.facts = None;
    boot.meminfo_before = None;
    boot.boot_seconds = None;
    boot.iterations.iter_mut().for_each(|iteration| iteration.metrics.clear());
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for report in reports() {
        for width in [60, 80, 100, 500] {
            for line in terminal::render(&Findings::of(&report), Style { color: false, width }).lines() {
                assert!(line.chars().count() <= width.min(MAX_WIDTH), "{width}: {line:?}");
            }
        }
    }
}

#[test]
fn an_emulated_run_says_so_on_its_face() {
    let flat = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (emulated, real) = (nested(), published());
    assert!(flat(terminal::render(&Findings::of(&emulated), PLAIN)).contains(EMULATED));
    assert!(markdown::render(&Findings::of(&emulated)).contains(&EMULATED.replace('*', "\\*")));
    assert!(!flat(terminal::render(&Findings::of(&real), PLAIN)).contains("EMULATED"));
    assert!(!markdown::render(&Findings::of(&real)).contains("EMULATED"));
}

#[test]
fn a_clock_that_drifts_and_a_single_iteration_are_said() {
    let mut report = published();
    for boot in report.contenders.iter_mut().flat_map(|c| &mut c.boots) {
        boot.iterations.truncate(1);
        boot.iterations[0].metrics.insert("host_real".to_owned(), 22.5);
    }
    for text in
        [terminal::render(&Findings::of(&report), PLAIN), markdown::render(&Findings::of(&report)).replace('\\', "")]
    {
        assert!(text.contains("firecracker, boot 1: the guest's clock is slower than the host's by 9.5%"), "{text}");
        assert!(text.contains("Each boot ran one iteration"), "{text}");
        assert!(!text.contains("later iterations") && !text.contains("first, median"), "{text}");
    }
}

/// A guest may say that its iterations take a tenth of what they do: the host's clock cannot tell, and the report says so.
#[test]
fn iterations_too_short_for_the_hosts_clock_are_said() {
    let words = "firecracker: its iterations take 1.00 ms by its own clock and 10.0 ms by the host's. So 90% of the time \
                 cannot be checked, which is more than 1%. Longer iterations can be checked.";
    let mut report = published();
    let flat = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('\\', "");
    for text in [terminal::render(&Findings::of(&report), PLAIN), markdown::render(&Findings::of(&report))] {
        assert!(!flat(text).contains("cannot be checked"));
    }
    for iteration in report.contenders[1].boots.iter_mut().flat_map(|boot| &mut boot.iterations) {
        for (metric, value) in [("real", 0.001), ("host_real", 0.010), ("user", 0.0005), ("sys", 0.0)] {
            iteration.metrics.insert(metric.to_owned(), value);
        }
    }
    for text in [terminal::render(&Findings::of(&report), PLAIN), markdown::render(&Findings::of(&report))] {
        assert!(flat(text.clone()).contains(words), "{text}");
    }
    report.emulated = true;
    assert!(flat(terminal::render(&Findings::of(&report), PLAIN)).contains("more than 25%"));
    report.emulated = false;
    // What the frames take may have been told as work: then the clocks agree.
    for iteration in report.contenders[1].boots.iter_mut().flat_map(|boot| &mut boot.iterations) {
        iteration.metrics.insert("real".to_owned(), 0.010);
    }
    assert!(flat(terminal::render(&Findings::of(&report), PLAIN)).contains("So 30% of the time cannot be checked"));
}

#[test]
fn a_void_boot_is_seen_and_counts_for_nothing() {
    let mut report = published();
    let known = firebench_model::clock::Known::recorded(&report, &report.contenders[1]);
    let boot = &mut report.contenders[1].boots[1];
    boot.iterations[1].metrics.insert("real".to_owned(), 9.0);
    let clock = firebench_model::clock::check(boot, &known);
    boot.status = firebench_model::record::BootStatus::Void;
    boot.message = clock.void;
    let text = terminal::render(&Findings::of(&report), PLAIN);
    assert!(text.contains("                                             VOID\n"), "{text}");
    assert!(
        text.contains("firecracker, boot 2, attempt 1: VOID: the guest's clock is slower than the host's by 53.5%")
    );
    assert!(text.contains("firecracker: 1 block left out"), "{text}");
    assert!(!text.contains("do not believe"), "{text}");
    assert!(markdown::render(&Findings::of(&report)).contains("Boot 2, up in 625 ms: **VOID**"));
}

#[test]
fn guests_send_no_escape_sequences_to_the_terminal() {
    for report in reports() {
        for text in [terminal::render(&Findings::of(&report), PLAIN), markdown::render(&Findings::of(&report))] {
            let bad = text.chars().find(|&c| (c.is_control() && c != '\n') || c == '\u{202e}');
            assert_eq!(bad, None);
        }
    }
    let colored = terminal::render(&Findings::of(&failed()), Style { color: true, width: 100 });
    let sequences: std::collections::BTreeSet<&str> =
        colored.split('\u{1b}').skip(1).filter_map(|rest| rest.split_once('m')).map(|(code, _)| code).collect();
    assert_eq!(Vec::from_iter(sequences), ["[0", "[1", "[1;31", "[1;33", "[2"]);
}

#[test]
fn every_row_of_a_table_has_as_many_cells_as_its_header() {
    for report in reports() {
        let text = markdown::render(&Findings::of(&report));
        let mut fenced = false;
        let mut columns = None;
        for line in text.lines() {
            fenced ^= line.starts_with("```");
            if fenced || !line.starts_with('|') {
                columns = None;
                continue;
            }
            let cells = cells(line);
            assert_eq!(*columns.get_or_insert(cells), cells, "{line}");
        }
    }
}

/// Pipes of a row that are not escaped, as GitHub's dialect reads it.
fn cells(row: &str) -> usize {
    let mut escaped = false;
    let mut pipes = 0;
    for c in row.chars() {
        pipes += usize::from(c == '|' && !escaped);
        escaped = c == '\\' && !escaped;
    }
    pipes
}
