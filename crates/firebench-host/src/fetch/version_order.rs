//! The order of Debian's versions.
//!
//! Source: deb-version(7), "Sorting algorithm", without the split into epoch, version and revision: their separators
//! sort right by themselves as long as the epochs are equal.

use std::cmp::Ordering;

/// Compares runs of digits as numbers and everything between them letter by letter, where `~` sorts before the end
/// and letters before the rest.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() || !b.is_empty() {
        let (text_a, text_b) = (take(&mut a, |c| !c.is_ascii_digit()), take(&mut b, |c| !c.is_ascii_digit()));
        let order = compare_text(text_a, text_b);
        if order.is_ne() {
            return order;
        }
        let (digits_a, digits_b) = (take(&mut a, |c| c.is_ascii_digit()), take(&mut b, |c| c.is_ascii_digit()));
        let (digits_a, digits_b) = (digits_a.trim_start_matches('0'), digits_b.trim_start_matches('0'));
        // Without leading zeros the longer number is the greater one.
        let order = digits_a.len().cmp(&digits_b.len()).then_with(|| digits_a.cmp(digits_b));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Cuts the longest run of matching characters off the front.
fn take<'a>(text: &mut &'a str, matches: impl Fn(char) -> bool) -> &'a str {
    let (run, rest) = text.split_at(text.find(|c| !matches(c)).unwrap_or(text.len()));
    *text = rest;
    run
}

fn compare_text(a: &str, b: &str) -> Ordering {
    // The end of the text sorts after `~` and before everything else.
    let rank = |c: Option<char>| match c {
        Some('~') => (0, '~'),
        None => (1, '\0'),
        Some(letter) if letter.is_ascii_alphabetic() => (2, letter),
        Some(other) => (3, other),
    };
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        let (next_a, next_b) = (a.next(), b.next());
        match rank(next_a).cmp(&rank(next_b)) {
            Ordering::Equal if next_a.is_none() => return Ordering::Equal,
            Ordering::Equal => {}
            order => return order,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_dpkgs_order() {
        let ascending = [
            "1.0~rc1-1",
            "1.0-1",
            "1.0-1+b1",
            "6.1.176-1",
            "6.1.192-2~bpo11+1",
            "6.1.192-2",
            "6.1.192-10",
            "6.12.95-1~bpo12+1",
            "6.12.95-1",
            "6.12.095-1a",
            "6.13",
        ];
        for (at, a) in ascending.iter().enumerate() {
            assert_eq!(compare(a, a), Ordering::Equal);
            for b in &ascending[at + 1..] {
                assert_eq!(compare(a, b), Ordering::Less, "{a} < {b}");
                assert_eq!(compare(b, a), Ordering::Greater, "{b} > {a}");
            }
        }
    }
}
