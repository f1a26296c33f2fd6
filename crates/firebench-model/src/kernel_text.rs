//! Texts in the forms in which the kernel writes them.

/// The word in brackets, by which the kernel marks its choice in a list: `always [madvise] never`.
pub fn marked(list: &str) -> Option<&str> {
    list.split_ascii_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))
}

/// How many numbers a list such as `0-3,8` holds.
pub fn count_list(text: &str) -> Option<u32> {
    list(text)?
        .into_iter()
        .try_fold(0u32, |count, (first, last)| count.checked_add(last.checked_sub(first)?.checked_add(1)?))
}

/// The ranges of a list such as `0-3,8`: first and last number, never the wrong way round.
pub fn list(text: &str) -> Option<Vec<(u32, u32)>> {
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some((first, last))
    };
    text.split(',').map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::count_list;

    #[test]
    fn lists_of_cpus_are_counted() {
        for (list, count) in [("0", Some(1)), ("0-1", Some(2)), ("0-3,8,10-11", Some(7)), ("", None), ("3-1", None)] {
            assert_eq!(count_list(list), count, "{list}");
        }
        assert_eq!(count_list("0-4294967295"), None);
    }
}
