//! A run, watched.

use firebench_model::events::{Listener, RunEvent};
use firebench_model::record::{BootRecord, BootStatus};
use firebench_report::progress::{Outlook, Progress, Verbosity};
use firebench_report::style::Style;

use crate::fixture::{boot, published};

const PLAIN: Style = Style { color: false, width: 70 };

fn outlook() -> Outlook {
    Outlook {
        left_out: 0,
        contenders: vec!["qemu".to_owned(), "firecracker".to_owned()],
        blocks: Some(1),
        done: 0,
        iterations: 2,
        emulated: true,
        metric: firebench_model::metric::OF_A_COMMAND.first().cloned(),
    }
}

/// A run in a nested host: one contender starts at the second attempt, the other one fails.
fn events() -> Vec<RunEvent> {
    let launch = || Box::new(published().contenders[0].launch.clone());
    let good = boot(0, 0, &[[20.42, 17.84, 1.33], [19.19, 17.75, 1.43]]);
    let bad = |status, message: &str| BootRecord { status, message: Some(message.to_owned()), ..boot(0, 1, &[]) };
    let iteration = |index: usize| Box::new(good.iterations[index].clone());
    let done =
        |contender, boot: &BootRecord, retried| RunEvent::BootDone { contender, boot: Box::new(boot.clone()), retried };
    vec![
        RunEvent::NestedHostStarting { attempt: 1 },
        RunEvent::NestedHostUp { seconds: 5.25 },
        RunEvent::Notice { text: "the payload is 64 MiB\u{1b}[2J\nsmall".to_owned() },
        RunEvent::BootStarting { contender: 0, block: 0, attempt: 1, launch: launch() },
        done(0, &bad(BootStatus::NeverStarted, "no word within 60 s"), true),
        RunEvent::BootStarting { contender: 0, block: 0, attempt: 2, launch: launch() },
        RunEvent::GuestUp { contender: 0, seconds: 0.5 },
        RunEvent::IterationStarting { contender: 0, index: 0 },
        RunEvent::IterationDone { contender: 0, iteration: iteration(0) },
        RunEvent::IterationStarting { contender: 0, index: 1 },
        RunEvent::IterationDone { contender: 0, iteration: iteration(1) },
        done(0, &good, false),
        RunEvent::BootStarting { contender: 1, block: 0, attempt: 1, launch: launch() },
        done(1, &bad(BootStatus::GuestPanicked, "kernel panic: \u{1b}[31mno init"), false),
        RunEvent::RunFailed { message: "a boot failed".to_owned(), hint: None },
    ]
}

fn shown(verbosity: Verbosity, is_terminal: bool, style: Style) -> String {
    let mut out = Vec::new();
    let mut progress = Progress::new(&mut out, outlook(), verbosity, is_terminal, style);
    events().iter().for_each(|event| progress.on_event(event));
    drop(progress);
    String::from_utf8(out).unwrap()
}

#[test]
fn lines() {
    insta::assert_snapshot!(shown(Verbosity::Normal, false, PLAIN));
}

#[test]
fn a_terminal_sees_the_same_lines_and_what_is_happening_now() {
    let live = shown(Verbosity::Normal, true, PLAIN);
    insta::assert_snapshot!(live.replace('\u{1b}', "<ESC>").replace('\r', "<CR>"));
    // What is left after each rewrite is what a pipe gets, wrapped to the terminal.
    let left: String = live.split_inclusive('\n').map(|l| l.rsplit("\r\u{1b}[K").next().unwrap_or_default()).collect();
    assert_eq!(left, firebench_text::fit(&shown(Verbosity::Normal, false, PLAIN), PLAIN.width));
    assert!(left.lines().all(|line| line.chars().count() <= PLAIN.width), "{left}");
}

#[test]
fn quiet_is_quiet() {
    assert_eq!(shown(Verbosity::Quiet, true, PLAIN), "");
}

#[test]
fn a_run_that_is_cut_off_leaves_no_status_line() {
    let mut out = Vec::new();
    let mut progress = Progress::new(&mut out, outlook(), Verbosity::Normal, true, PLAIN);
    progress.on_event(&RunEvent::NestedHostStarting { attempt: 1 });
    drop(progress);
    assert!(out.ends_with(b"...\r\x1b[K"));
}

#[test]
fn no_color_is_respected() {
    let style = |tty, value: Option<&str>| Style::for_stream(tty, value.map(AsRef::as_ref), Some(80));
    assert!(style(true, None).color && style(true, Some("")).color);
    assert!(!style(true, Some("1")).color && !style(false, None).color);
    assert!(shown(Verbosity::Normal, false, style(true, None)).contains("\u{1b}[1;33m"));
}

#[test]
fn a_closed_terminal_ends_no_run() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    }
    let mut progress = Progress::new(Closed, outlook(), Verbosity::Normal, true, PLAIN);
    events().iter().for_each(|event| progress.on_event(event));
}

#[test]
fn the_last_estimate_is_the_reports_and_says_why_it_is_narrower() {
    let mut report = crate::pairs::with_host();
    report.contenders.truncate(2);
    let last = firebench_analysis::summary::summarize(&report).pairs[0].judgement.expect("a verdict");
    let wide = last.interval.no_narrower(2.0 * last.interval.half_width());
    let live = firebench_stats::Judgement { interval: wide, ..last };
    let mut design = report.design.clone();
    let mut out = Vec::new();
    let mut progress = Progress::new(&mut out, outlook(), Verbosity::Normal, false, PLAIN);
    for (end, live) in [(None, live), (design.end, last)] {
        design.end = end;
        let (design, live) = (Box::new(design.clone()), vec![live]);
        progress.on_event(&RunEvent::Progress { design, blocks: 24, live, eta_seconds: Some(5.0) });
    }
    drop(progress);
    let text = String::from_utf8(out).unwrap();
    let (effect, percent) = (last.effect(), |effect: f64| format!("{:+.1}%", effect * 100.0));
    let expected = format!(
        "at the end: firecracker {} ({} to {})\n",
        percent(effect.estimate),
        percent(effect.low),
        percent(effect.high)
    );
    assert!(text.contains("so far: firecracker ") && text.contains(&expected), "{text}");
    assert!(text.ends_with("  (the intervals so far were wider, since they hold however often one looks; this one holds at the end alone, and the report has it)\n"), "{text}");
}
