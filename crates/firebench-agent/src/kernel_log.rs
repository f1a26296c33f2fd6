//! What the kernel logged while it started, and its pauses, from the time stamps of its log.
//!
//! Source: the kernel's `Documentation/ABI/testing/dev-kmsg`.

use firebench_protocol::KernelPause;
use nix::fcntl::OFlag;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;

/// The number of pauses that are reported.
const MOST: usize = 3;
/// The shortest pause that is reported, in microseconds.
const SHORTEST: u64 = 100_000;
/// The number of characters of a message that are reported.
const QUOTED: usize = 100;
/// Messages that are read. A kernel logs some hundred while it starts.
const MOST_MESSAGES: usize = 10_000;
/// Bytes of a record: the kernel's CONSOLE_EXT_LOG_MAX.
const RECORD: usize = 8192;

/// A message, and when it was logged, in microseconds.
pub type Message = (u64, String);

/// The messages so far; None of a kernel that keeps no log.
pub fn read() -> Option<Vec<Message>> {
    let log = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open("/dev/kmsg");
    log.ok().map(messages)
}

/// Each read gives one record, until there are no more.
fn messages(mut log: File) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut buffer = [0; RECORD];
    for _ in 0..MOST_MESSAGES {
        match log.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => messages.extend(message(&String::from_utf8_lossy(buffer.get(..count).unwrap_or_default()))),
            // The oldest ones were overwritten meanwhile: the next read goes on after them.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(_) => break,
        }
    }
    messages
}

/// `6,339,5140900,-;the message`, and lines with more about it.
fn message(record: &str) -> Option<Message> {
    let (head, rest) = record.split_once(';')?;
    let time = head.split(',').nth(2)?.parse().ok()?;
    Some((time, rest.lines().next().unwrap_or_default().to_owned()))
}

/// The longest pauses between messages.
pub fn pauses(messages: &[Message]) -> Vec<KernelPause> {
    let later = messages.iter().skip(1);
    let gap = |((start, after), (end, before)): (&Message, &Message)| {
        (end.saturating_sub(*start), after.clone(), before.clone())
    };
    let mut gaps: Vec<_> =
        messages.iter().zip(later).map(gap).enumerate().filter(|(_, (gap, ..))| *gap >= SHORTEST).collect();
    gaps.sort_by_key(|(_, (gap, ..))| std::cmp::Reverse(*gap));
    gaps.truncate(MOST);
    gaps.sort_by_key(|(place, _)| *place);
    let beginning = |text: String| text.chars().take(QUOTED).collect();
    let pause = |(_, (gap, after, before))| KernelPause {
        seconds: std::time::Duration::from_micros(gap).as_secs_f64(),
        after: beginning(after),
        before: beginning(before),
    };
    gaps.into_iter().map(pause).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_record() {
        let record = "6,339,5140900,-;NET: Registered PF_INET\n SUBSYSTEM=net\n";
        assert_eq!(message(record), Some((5_140_900, "NET: Registered PF_INET".to_owned())));
        assert_eq!(message("6,339,5140900,-,caller=T1;a;b"), Some((5_140_900, "a;b".to_owned())));
        assert_eq!(message("6,339,soon,-;x"), None);
        assert_eq!(message(""), None);
    }

    #[test]
    fn tells_the_longest_pauses_in_their_order() {
        let times = [0, 0, 200_000, 1_400_000, 1_450_000, 1_600_000, 1_750_000, 1_500_000];
        let messages: Vec<Message> =
            times.iter().enumerate().map(|(n, &time)| (time, format!("message {n}"))).collect();
        let found = pauses(&messages);
        let told: Vec<_> = found.iter().map(|pause| (pause.seconds, pause.before.as_str())).collect();
        assert_eq!(told, [(0.2, "message 2"), (1.2, "message 3"), (0.15, "message 5")]);
        assert_eq!(found[1].after, "message 2");
        assert_eq!(pauses(&messages[..1]), []);
        assert_eq!(pauses(&[]), []);
    }
}
