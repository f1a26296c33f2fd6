//! Values in a row of bars, for a look at their course.

use firebench_stats::median;

/// A bar of eighths of a line.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A row of bars.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    /// Its lines, the highest one first.
    pub lines: Vec<String>,
    /// A mark under each bar in which something begins.
    pub marks: String,
    /// The lowest and the highest value that a bar stands for.
    pub ends: (f64, f64),
}

/// Draws values in at most `width` bars of `height` lines. Where there are more values, a bar is the median of its neighbours. The lowest
/// bar is one eighth high, the highest one all of it. None of no values.
pub(super) fn chart(values: &[f64], marks: &[usize], width: usize, height: usize) -> Option<Chart> {
    let width = width.clamp(1, values.len().max(1));
    // The first value of a bar.
    let begin = |bar: usize| bar.saturating_mul(values.len()).div_ceil(width);
    let part = |bar: usize| values.get(begin(bar)..begin(bar.saturating_add(1))).unwrap_or_default();
    let bars: Vec<f64> = (0..width).filter_map(|bar| median(part(bar).iter().copied())).collect();
    let low = bars.iter().copied().reduce(f64::min)?;
    let high = bars.iter().copied().reduce(f64::max)?;
    let most = height.saturating_mul(8) as f64;
    let eighths = |value: f64| match high - low {
        span if span > 0.0 && span.is_finite() => (1.0 + (value - low) / span * (most - 1.0)).round() as usize,
        _ => 1,
    };
    let line = |above: usize| {
        let cell = |&value: &f64| EIGHTHS.get(eighths(value).saturating_sub(above.saturating_mul(8)).min(8)).copied();
        bars.iter().filter_map(cell).collect::<String>()
    };
    let is_marked = |bar: usize| marks.iter().any(|mark| (begin(bar)..begin(bar.saturating_add(1))).contains(mark));
    let marks: String = (0..width).map(|bar| if is_marked(bar) { '^' } else { ' ' }).collect();
    Some(Chart { lines: (0..height).rev().map(line).collect(), marks: marks.trim_end().to_owned(), ends: (low, high) })
}

#[cfg(test)]
mod tests {
    use super::chart;

    #[test]
    fn values_become_bars() {
        let drawn = chart(&[1.0, 2.0, 1.0, 4.0], &[3], 80, 1).unwrap();
        assert_eq!((drawn.lines, drawn.marks, drawn.ends), (vec!["▁▃▁█".to_owned()], "   ^".to_owned(), (1.0, 4.0)));
        let tall = chart(&[1.0, 2.5, 4.0], &[], 80, 2).unwrap();
        assert_eq!((tall.lines, tall.marks), (vec!["  █".replacen("  ", " ▁", 1), "▁██".to_owned()], String::new()));
        let equal = chart(&[2.0; 3], &[], 80, 2).unwrap();
        assert_eq!(equal.lines, ["   ", "▁▁▁"]);
        assert_eq!(chart(&[], &[], 80, 2), None);
    }

    #[test]
    fn many_values_share_bars() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let drawn = chart(&values, &[0, 999], 60, 3).unwrap();
        assert!(drawn.lines.iter().all(|line| line.chars().count() == 60));
        assert!(drawn.marks.starts_with('^') && drawn.marks.ends_with('^') && drawn.marks.len() == 60);
        let infinite = chart(&[f64::MIN, f64::MAX], &[], 60, 1).unwrap();
        assert_eq!(infinite.lines, ["▁▁"]);
    }
}
