//! Words in a sentence.

/// `1 boot`, `2 boots`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(words: &[String]) -> String {
    if words.is_empty() { "nobody".to_owned() } else { joined(words, "and") }
}

/// `a`, `a or b`, `a, b or c`.
pub fn choice(words: &[String]) -> String {
    joined(words, "or")
}

fn joined(words: &[String], conjunction: &str) -> String {
    match words {
        [start @ .., before, last] => {
            let start: String = start.iter().map(|word| format!("{word}, ")).collect();
            format!("{start}{before} {conjunction} {last}")
        }
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_as_in_a_sentence() {
        let words = ["a", "b", "c"].map(str::to_owned);
        assert_eq!([0, 1, 2, 3].map(|count| list(&words[..count])), ["nobody", "a", "a and b", "a, b and c"]);
        assert_eq!([0, 1, 2, 3].map(|count| choice(&words[..count])), ["", "a", "a or b", "a, b or c"]);
    }
}
