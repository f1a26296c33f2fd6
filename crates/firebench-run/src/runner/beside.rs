//! Which iterations of a duet ran while another contender did not. Pure.
//!
//! Contenders neither boot nor work equally fast. Whoever is done first leaves the machine to the others: what they measure from then
//! on is something else, and in favour of the slower ones.

use std::ops::Range;
use std::time::{Duration, Instant};

/// The part of an iteration that must have run beside all others.
const BESIDE: f64 = 0.9;

/// From when to when each iteration of a boot ran.
type Spans = Vec<Range<Instant>>;

/// Of each boot of a block, which iterations ran alone: less than nine tenths of their time lie between the start of the first and the
/// end of the last iteration of some other boot.
pub(super) fn alone(boots: &[Spans]) -> Vec<Vec<bool>> {
    let whole = |spans: &Spans| Some(spans.first()?.start..spans.last()?.end);
    let wholes: Vec<Option<Range<Instant>>> = boots.iter().map(whole).collect();
    let of_boot = |(place, spans): (usize, &Spans)| -> Vec<bool> {
        let others = || wholes.iter().enumerate().filter(move |(other, _)| *other != place).map(|(_, whole)| whole);
        let is_alone = |span: &Range<Instant>| !others().all(|whole| whole.as_ref().is_some_and(|w| lies_in(span, w)));
        spans.iter().map(is_alone).collect()
    };
    boots.iter().enumerate().map(of_boot).collect()
}

/// Whether enough of a span lies in another one.
fn lies_in(span: &Range<Instant>, whole: &Range<Instant>) -> bool {
    let length = |from: Instant, to: Instant| -> Duration { to.saturating_duration_since(from) };
    let within = length(span.start.max(whole.start), span.end.min(whole.end));
    within >= length(span.start, span.end).mul_f64(BESIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Iterations that follow each other, in milliseconds.
    fn boots(boots: &[&[(u64, u64)]]) -> Vec<Vec<bool>> {
        let zero = Instant::now();
        let at = |ms: u64| zero + Duration::from_millis(ms);
        let spans = |boot: &&[(u64, u64)]| boot.iter().map(|&(start, end)| at(start)..at(end)).collect();
        alone(&boots.iter().map(spans).collect::<Vec<Spans>>())
    }

    #[test]
    fn the_last_iterations_of_the_slower_one_run_alone() {
        let fast = [(0, 100), (100, 200), (200, 300)];
        let slow = [(0, 150), (150, 300), (300, 450)];
        assert_eq!(boots(&[&fast, &slow]), [[false, false, false], [false, false, true]]);
        assert_eq!(boots(&[&slow, &fast]), [[false, false, true], [false, false, false]], "whoever comes first");
    }

    #[test]
    fn the_first_iterations_of_whoever_boots_faster_run_alone() {
        let early = [(0, 100), (100, 200), (200, 300)];
        let late = [(150, 250), (250, 350), (350, 450)];
        assert_eq!(boots(&[&early, &late]), [[true, true, false], [false, true, true]]);
    }

    #[test]
    fn a_tenth_may_lie_outside() {
        let one = [(0, 100), (100, 200)];
        assert_eq!(boots(&[&one, &[(10, 110), (110, 190)]]), [[false, false], [false, false]]);
        assert_eq!(boots(&[&one, &[(11, 111), (111, 189)]]), [[true, true], [false, false]]);
        assert_eq!(boots(&[&one, &[(0, 100), (100, 211)]]), [[false, false], [false, false]], "10 of 111");
        assert_eq!(boots(&[&one, &[(0, 100), (100, 212)]]), [[false, false], [false, true]]);
    }

    #[test]
    fn all_others_count() {
        let (long, short) = ([(0, 100), (100, 200)], [(0, 100)]);
        assert_eq!(boots(&[&long, &long, &short]), [vec![false, true], vec![false, true], vec![false]]);
        assert_eq!(boots(&[&long]), [vec![false, false]], "nobody else is there");
        assert_eq!(boots(&[&long, &[]]), [vec![true, true], vec![]], "the other one did nothing");
    }
}
