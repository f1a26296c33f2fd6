//! Text from outside made safe, and numbers as people read them.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use firebench_text as text;
use proptest::prelude::*;

#[test]
fn numbers_as_people_read_them() {
    assert_eq!([0, 1023, 1024, 1 << 30, 3 << 29].map(text::bytes), ["0 B", "1023 B", "1 KiB", "1 GiB", "1.50 GiB"]);
    assert_eq!([0.0, 20.42, 999.9994, 12345.67].map(text::seconds), ["0.000", "20.420", "999.999", "12345.7"]);
    assert_eq!(text::count(1, "boot") + &text::count(0, "block"), "1 boot0 blocks");
    assert_eq!(text::cut("firecracker", 5), "fire…");
    assert_eq!(text::cut("qemu", 4), "qemu");
}

#[test]
fn wraps_after_the_lead_and_breaks_what_is_too_long() {
    assert_eq!(text::wrap("Note: ", "a b", 80), "Note: a b");
    let wrapped = text::wrap("> ", &format!("one two three {}", "x".repeat(50)), 22);
    let lines: Vec<&str> = wrapped.lines().collect();
    assert_eq!(lines[0], "> one two three");
    assert_eq!(lines[1], format!("  {}", "x".repeat(20)));
    assert!(lines.iter().all(|line| line.chars().count() <= 22), "{wrapped}");
    assert_eq!(wrapped.matches('x').count(), 50);
}

fn harmless(c: char) -> bool {
    !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c) && !('\u{2066}'..='\u{2069}').contains(&c)
}

/// Strings in which what matters here is frequent.
fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[`~|\\\\<>\u{1b}\r\n\t \u{202e}a#*-]{0,40}",
        Just("\n<!-- a comment -->\n```toml\nx\n```\n".to_owned())
    ]
}

proptest! {
    #[test]
    fn a_line_is_one_safe_line(input in nasty()) {
        let line = text::line(&input);
        prop_assert!(line.chars().all(harmless), "{line:?}");
        prop_assert_eq!(line.chars().count(), input.chars().count());
        prop_assert_eq!(text::line(&line), line);
    }

    #[test]
    fn a_block_keeps_its_lines(input in nasty()) {
        let block = text::block(&input);
        prop_assert!(block.chars().all(|c| harmless(c) || c == '\n' || c == '\t'), "{block:?}");
        // A last line that is empty is no line any more once the line end before it is gone.
        prop_assert!(input.lines().count() - block.lines().count() <= 1);
    }

    #[test]
    fn wrapping_loses_nothing_and_keeps_the_width(input in nasty(), width in 0usize..120) {
        let safe = text::line(&input);
        let wrapped = text::wrap("", &safe, width);
        let letters = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        prop_assert_eq!(letters(&wrapped), letters(&safe));
        prop_assert!(wrapped.lines().all(|line| line.chars().count() <= width.max(20)));
    }
}

#[test]
fn json_keeps_its_strings_and_hides_nothing() {
    let strings = ["a\x1b[31m\u{7f}\u{9b}31m", "\u{202e}\u{feff}\u{e0001}", "\n\t\"\\ é → 😀"];
    let safe = text::json(&serde_json::to_string_pretty(&strings).unwrap());
    assert!(safe.chars().all(|c| c == '\n' || !c.is_control()), "{safe}");
    assert!(safe.contains(r"\u001b[31m\u007f\u009b31m") && safe.contains(r"\u202e\ufeff\udb40\udc01"), "{safe}");
    assert!(safe.contains("é → 😀"), "{safe}");
    assert_eq!(serde_json::from_str::<[String; 3]>(&safe).unwrap(), strings);
}

#[test]
fn a_command_on_a_line_of_its_own_is_not_wrapped() {
    let command = "    /a/long/way/to/firebench run --resume 0123abcd --store /somewhere/else.db";
    let fitted = text::fit(&format!("hint: to resume the run after the boots that are done:\n{command}\n"), 30);
    assert!(fitted.lines().any(|line| line == command), "{fitted}");
    assert_eq!(fitted.lines().count(), 4, "{fitted}");
}

#[test]
fn numbers_of_any_size_fit_their_columns() {
    for value in [1e-20, 1e-8, 0.1, 123_456_789.0, 1e12, 1e300] {
        for unit in [text::Unit::Seconds, text::Unit::of([value])] {
            assert!(unit.number(value).len() <= 9, "{}", unit.number(value));
            assert!(text::duration(value).len() <= 12, "{}", text::duration(value));
        }
    }
    for (ratio, shown) in
        [(1.0, "1.0000"), (0.0, "<1e-300"), (1e-3, "1.00e-3"), (1e300, "1.00e300"), (144.94, "144.9400")]
    {
        assert_eq!(text::ratio(ratio, 4), shown);
    }
}

#[test]
fn times_have_the_unit_that_fits_them() {
    for (seconds, expected) in [
        (12.938, "12.9 s"),
        (0.562_5, "562 ms"),
        (0.007_123, "7.12 ms"),
        (0.099_96, "100 ms"),
        (0.000_012_3, "12.3 µs"),
        (251.25, "251 s"),
        (0.0, "0.00 s"),
    ] {
        assert_eq!(text::duration(seconds), expected);
    }
    for (seconds, expected) in [(0.115, "+115 ms"), (-0.001_6, "-1.60 ms"), (2.0, "+2.00 s")] {
        assert_eq!(text::difference(seconds), expected);
    }
    let unit = text::Unit::of([0.0, 20.0, 0.007, f64::NAN]);
    assert_eq!(
        (unit, unit.number(0.007_123), unit.number(20.0)),
        (text::Unit::Milliseconds, "7.123".into(), "20000.0".into())
    );
    assert_eq!(text::Unit::of([]), text::Unit::Seconds);
    for seconds in [1e-7, 1e-3, 0.5, 1.0, 999.9, 12_345.6, 1e7] {
        for unit in [text::Unit::Seconds, text::Unit::of([seconds])] {
            assert!(unit.number(seconds).len() <= 8, "{seconds}: {}", unit.number(seconds));
        }
        assert!(text::seconds(seconds).len() <= 8, "{}", text::seconds(seconds));
    }
    assert_eq!((text::seconds(0.007_123), text::seconds(0.000_007_12)), ("0.007123".into(), "7.12e-6".into()));
}

#[test]
fn percentages_have_three_digits() {
    let shown = |share: f64| text::significant_percent(share, f64::round);
    assert_eq!(
        (shown(0.162_34), shown(0.009_7), shown(0.000_012_34)),
        ("16.2%".into(), "0.97%".into(), "0.00123%".into())
    );
    assert_eq!(text::significant_percent(0.010_000_1, f64::ceil), "1.01%");
}

#[test]
fn lines_that_are_too_wide_are_wrapped_further_in() {
    assert_eq!(text::fit("short\n  also short\n", 20), "short\n  also short\n");
    assert_eq!(text::fit("a line that is longer than that", 30), "a line that is longer than\n    that");
    assert_eq!(
        text::fit("  in: one two three four five six seven", 30),
        "  in: one two three four\n      five six seven"
    );
}
