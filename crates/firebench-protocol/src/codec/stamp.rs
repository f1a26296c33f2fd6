//! The time stamp that the kernel puts before each line on the console: `[   58.875005]`, from `"[%5lu.%06lu]"` in
//! Linux' `kernel/printk/printk.c`. With `CONFIG_PRINTK_CALLER` the caller follows it: `[   58.875005][    T1]`. (The
//! level goes before it only with `console_msg_format=syslog` on the kernel's command line, where firebench does not
//! put it.)

use super::tail;

/// Offsets in `line` at which a kernel message may begin, the likeliest one first, at most `limit` of them: that of the
/// line itself, for messages often come in bursts; then the last one first, since messages seldom quote time stamps.
pub(super) fn starts(line: &[u8], limit: usize) -> Vec<usize> {
    let whole = is_stamp(line).then_some(0);
    let others = (1..line.len()).rev().filter(|&at| is_stamp(tail(line, at)));
    whole.into_iter().chain(others).take(limit).collect()
}

/// Whether `text` begins with `[`, blanks, digits, `.`, six digits, `]`.
fn is_stamp(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"[") else { return false };
    let rest = skip(rest, |b| b == b' ', PAD);
    let fraction = skip(rest, |b| b.is_ascii_digit(), SECONDS);
    let has_seconds = fraction.len() < rest.len();
    matches!(fraction, [b'.', digits @ ..] if has_seconds
        && digits.get(6) == Some(&b']')
        && digits.iter().take(6).all(u8::is_ascii_digit))
}

/// Most blanks before the seconds: they are padded to five characters.
const PAD: usize = 4;
/// Most digits of the seconds: those of a u64.
const SECONDS: usize = 20;

fn skip(text: &[u8], skipped: fn(u8) -> bool, most: usize) -> &[u8] {
    let count = text.iter().take(most).take_while(|&&b| skipped(b)).count();
    tail(text, count)
}

#[cfg(test)]
mod tests {
    use super::starts;

    #[test]
    fn finds_what_the_kernel_writes() {
        assert_eq!(starts(b"[   58.875005] random: crng init done", 4), [0]);
        assert_eq!(starts(b"abc[   58.875005][    T1] x", 4), [3]);
        assert_eq!(starts(b"abc[12345678.000001] x", 4), [3]);
        assert_eq!(starts(b">[    0.000000] x[    1.000000] y", 4), [17, 1]);
        assert_eq!(starts(b">[    0.000000] x[    1.000000] y", 1), [17]);
        assert_eq!(starts(b"[    0.000000] x[    1.000000] y", 4), [0, 16]);
    }

    #[test]
    fn refuses_what_it_does_not() {
        for text in
            ["[", "[]", "[1.]", "[1.12345]", "[1.1234567]", "[.123456]", "[ 1 .123456]", "[1,123456]", "1.123456]"]
        {
            assert_eq!(starts(text.as_bytes(), 4), [0usize; 0], "{text}");
        }
    }
}
