use super::*;
use crate::{Counters, IterationReport, Moment};
use proptest::prelude::*;

const NONCE: &str = "0123456789abcdef";

fn output(line: impl Into<String>) -> Event {
    Event::Output { line: line.into() }
}

fn frame(seq: u32, event: &Event) -> Vec<u8> {
    encode(NONCE, seq, event).expect("a small event")
}

/// Everything that a fresh decoder makes of `bytes` when they come in pieces of these sizes (again and again).
fn decode_in(bytes: &[u8], sizes: &[usize]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut decoder = Decoder::new(NONCE);
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(*size));
        decoder.push(piece, &mut |item| items.push(item));
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    decoder.finish(&mut |item| items.push(item));
    items
}

fn decode(bytes: &[u8]) -> Vec<Item> {
    decode_in(bytes, &[usize::MAX])
}

fn event(seq: u32, event: Event) -> Item {
    Item::Event { seq, event }
}

fn console(line: &str) -> Item {
    Item::Console(line.into())
}

#[test]
fn looks_as_documented() {
    let expected = "\n@firebench1 0123456789abcdef 3 16 1327346f {\"event\":\"done\"}\n";
    assert_eq!(String::from_utf8_lossy(&frame(3, &Event::Done)), expected);
}

#[test]
fn refuses_what_does_not_fit() {
    let long = output("x".repeat(MAX_PAYLOAD));
    assert!(matches!(encode(NONCE, 0, &long), Err(EncodeError::TooLong { len }) if len > MAX_PAYLOAD));
    for nonce in ["", "a b", "a\n", "ä", &"a".repeat(MAX_NONCE + 1)] {
        assert!(matches!(encode(nonce, 0, &Event::Done), Err(EncodeError::BadNonce)), "{nonce:?}");
    }
}

#[test]
fn largest_frame() {
    let empty = serde_json::to_vec(&output("")).unwrap().len();
    let largest = output("x".repeat(MAX_PAYLOAD - empty));
    assert_eq!(decode_in(&frame(0, &largest), &[4096]), [event(0, largest)]);
}

#[test]
fn text_beside_frames() {
    let bytes = [b"Booting\r\n\r\nhalf a li".as_slice(), &frame(0, &Event::Done), b"\xffend"].concat();
    let expected = [console("Booting"), console("half a li"), event(0, Event::Done), console("\u{fffd}end")];
    assert_eq!(decode(&bytes), expected);
    let long = "y".repeat(MAX_CONSOLE_LINE + 10);
    assert_eq!(decode_in(long.as_bytes(), &[1000]), [console(&long[..MAX_CONSOLE_LINE])]);
}

#[test]
fn carriage_returns_before_newlines() {
    let text = String::from_utf8(frame(0, &Event::Done)).unwrap().replace('\n', "\r\r\n");
    assert_eq!(decode(text.as_bytes()), [event(0, Event::Done)]);
}

/// A kernel message at every single byte of a frame, in each form that the kernel has.
#[test]
fn kernel_message_at_every_byte() {
    let frame = frame(0, &output("[    1.000000] quoted @firebench1 x"));
    for message in [
        "[   58.875005] random: crng init done",
        "[   58.875005][    T1] Freeing unused kernel memory",
        "[   58.875005] BUG: see [   57.000000] above",
    ] {
        for at in 0..=frame.len() {
            let bytes = [&frame[..at], message.as_bytes(), b"\r\n", &frame[at..]].concat();
            let items = decode(&bytes);
            assert!(items.contains(&event(0, output("[    1.000000] quoted @firebench1 x"))), "{at} {items:?}");
            assert!(!items.iter().any(|item| matches!(item, Item::Damaged(_))), "{at} {items:?}");
        }
    }
}

#[test]
fn shows_the_message_that_was_cut_out() {
    let frame = frame(0, &output("hello"));
    let bytes = [&frame[..60], b"[    9.000000] oops\n[    9.000001] again\n", &frame[60..]].concat();
    let expected = [console("[    9.000000] oops"), console("[    9.000001] again"), event(0, output("hello"))];
    assert_eq!(decode(&bytes), expected);
}

/// Messages come in bursts, and some quote time stamps themselves.
#[test]
fn burst_of_messages_that_quote_stamps() {
    let frame = frame(0, &output("[    2.000000] quoted"));
    let burst: String = (0..50).map(|n| format!("[   10.{n:06}] noise [    1.000000] quoted\r\n")).collect();
    for at in 1..frame.len() {
        let bytes = [&frame[..at], burst.as_bytes(), &frame[at..]].concat();
        let events: Vec<_> = decode(&bytes).into_iter().filter(|item| !matches!(item, Item::Console(_))).collect();
        assert_eq!(events, [event(0, output("[    2.000000] quoted"))], "{at}");
    }
}

#[test]
fn message_without_a_time_stamp_spoils_one_frame() {
    let hit = frame(0, &output("hello"));
    let bytes = [&hit[..60], b"random: done\r\n", &hit[60..], &frame(1, &Event::Done)].concat();
    let items = decode(&bytes);
    assert!(matches!(items[0], Item::Damaged(Damage::BadLength { announced: 33, .. })), "{items:?}");
    let end = [Item::Damaged(Damage::Gap { expected: 0, got: 1 }), event(1, Event::Done)];
    assert_eq!(items[items.len() - 2..], end);
}

#[test]
fn truncated_frames() {
    let (hit, next) = (frame(0, &output("hello")), frame(1, &Event::Done));
    for end in 2..hit.len() - 1 {
        let items = decode(&[&hit[..end], &next].concat());
        let found: Vec<_> = items.iter().filter(|item| matches!(item, Item::Event { .. })).collect();
        assert_eq!(found, [&event(1, Event::Done)], "{end}");
        assert!(items.contains(&Item::Damaged(Damage::Gap { expected: 0, got: 1 })), "{end}");
    }
    // In the midst of a kernel message.
    let bytes = [&hit[..60], b"[    9.000000] oops\n", &next].concat();
    assert_eq!(decode(&bytes)[2], Item::Damaged(Damage::Gap { expected: 0, got: 1 }));
    assert_eq!(decode(&bytes[..bytes.len() - next.len()])[1], Item::Damaged(Damage::Interrupted));
}

#[test]
fn forged_headers() {
    let damage = |text: &str| match decode(text.as_bytes()).as_slice() {
        [Item::Damaged(damage)] => damage.clone(),
        other => panic!("{text}: {other:?}"),
    };
    let json = r#"{"event":"done"}"#;
    let line = |len: &str, crc: &str| format!("@firebench1 {NONCE} 3 {len} {crc} {json}\n");
    assert_eq!(decode(line("16", "1327346f").as_bytes())[1], event(3, Event::Done));
    assert_eq!(damage(&line("16", "1327346e")), Damage::BadCrc);
    assert_eq!(damage(&line("15", "1327346f")), Damage::BadLength { announced: 15, got: 16 });
    assert_eq!(damage(&line("17", "1327346f")), Damage::BadLength { announced: 17, got: 16 });
    assert_eq!(damage(&line("1048577", "1327346f")), Damage::TooLong);
    assert_eq!(damage(&line("99999999999999999999999", "1327346f")), Damage::BadHeader);
    assert_eq!(damage(&line("-1", "1327346f")), Damage::BadHeader);
    assert_eq!(damage("@firebench1 \n"), Damage::BadHeader);
    assert_eq!(damage(&format!("@firebench1 {NONCE} 0 9 1327346f {}", "x".repeat(3 * MAX_PAYLOAD))), Damage::TooLong);
}

#[test]
fn payload_that_is_no_event() {
    let json = br#"{"event":"launch"}"#;
    let crc = checksum(NONCE, 0, json);
    let line = format!("@firebench1 {NONCE} 0 {} {crc:08x} {}\n", json.len(), String::from_utf8_lossy(json));
    assert!(matches!(decode(line.as_bytes()).as_slice(), [Item::Damaged(Damage::BadJson { seq: 0, .. })]));
}

#[test]
fn another_boots_frame() {
    let foreign = encode("fedcba9876543210", 0, &Event::Done).unwrap();
    let bytes = [foreign, frame(0, &Event::Done)].concat();
    assert_eq!(decode(&bytes), [Item::Damaged(Damage::WrongNonce), event(0, Event::Done)]);
}

#[test]
fn replays_and_gaps() {
    let bytes = [0, 1, 1, 0, 4, u32::MAX, u32::MAX, 5].map(|seq| frame(seq, &Event::Done)).concat();
    let gap = |expected, got| Item::Damaged(Damage::Gap { expected, got });
    let replay = |expected, got| Item::Damaged(Damage::Replay { expected, got });
    let expected = [
        event(0, Event::Done),
        event(1, Event::Done),
        replay(2, 1),
        replay(2, 0),
        gap(2, 4),
        event(4, Event::Done),
        gap(5, u32::MAX),
        event(u32::MAX, Event::Done),
        replay(1 << 32, u32::MAX),
        replay(1 << 32, 5),
    ];
    assert_eq!(decode(&bytes), expected);
}

/// Input made to cost as much as possible: the work stays bounded and the next good frame is found.
#[test]
fn hostile_interruptions() {
    let start = format!("@firebench1 {NONCE} 0 {MAX_PAYLOAD} 00000000 ");
    let stamps = "[    1.000000]".repeat(5);
    let big = "[    1.000000]".repeat(MAX_PAYLOAD / 14 - 10);
    let many = format!("{stamps}\n").repeat(20_000);
    for text in [format!("{start}{many}"), format!("{start}{big}\n{many}"), format!("@{many}")] {
        let mut bytes = text.into_bytes();
        bytes.extend(frame(0, &Event::Done));
        assert_eq!(decode(&bytes).last(), Some(&event(0, Event::Done)));
    }
}

/// Text with what makes trouble in it.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => any::<String>(),
        1 => Just("[   12.345678] ".to_owned()),
        1 => Just("\n@firebench1 0123456789abcdef 0 ".to_owned()),
        1 => Just("\r\n".to_owned()),
    ];
    proptest::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

fn any_event() -> impl Strategy<Value = Event> {
    let seconds = || 0.0..1e6f64;
    let iteration = (any::<u32>(), seconds(), seconds(), seconds(), any::<i32>(), text(), text(), any::<[u64; 4]>())
        .prop_map(
            |(
                index,
                real,
                user,
                sys,
                status,
                stdout,
                stderr,
                [minor_faults, max_rss_bytes, steal_us, stdout_bytes],
            )| {
                let counters = Counters { minor_faults, max_rss_bytes, steal_us, ..Counters::default() };
                Event::Iteration(Box::new(IterationReport {
                    index,
                    real,
                    user,
                    sys,
                    status,
                    stdout,
                    stderr,
                    stdout_bytes,
                    stdout_sha256: (index % 2 == 0).then(|| "0".repeat(64)),
                    counters,
                }))
            },
        );
    prop_oneof![
        Just(Event::Done),
        text().prop_map(output),
        text().prop_map(|message| Event::Failed { message }),
        text().prop_map(|text| Event::Meminfo { moment: Moment::After, text }),
        iteration,
    ]
}

/// A line as the kernel prints it, with its end.
fn kernel_line() -> impl Strategy<Value = String> {
    let caller = prop_oneof![2 => Just(""), 1 => Just("[    T1]"), 1 => Just("[   C12]")];
    (0..100_000u32, 0..1_000_000u32, caller, "[ -~]{0,60}", prop_oneof![Just("\n"), Just("\r\n")])
        .prop_map(|(s, us, caller, text, end)| format!("[{s:5}.{us:06}]{caller} {text}{end}"))
}

proptest! {
    #[test]
    fn round_trip(
        events in proptest::collection::vec(any_event(), 1..6),
        sizes in proptest::collection::vec(1..200usize, 1..8),
    ) {
        let bytes: Vec<u8> = (0..).zip(&events).flat_map(|(seq, event)| frame(seq, event)).collect();
        let expected: Vec<Item> = (0..).zip(events).map(|(seq, e)| event(seq, e)).collect();
        prop_assert_eq!(decode_in(&bytes, &sizes), expected);
    }

    #[test]
    fn round_trip_through_kernel_messages(
        events in proptest::collection::vec(any_event(), 1..4),
        messages in proptest::collection::vec((any::<proptest::sample::Index>(), kernel_line()), 0..12),
        size in 1..200usize,
    ) {
        let mut bytes: Vec<u8> = (0..).zip(&events).flat_map(|(seq, event)| frame(seq, event)).collect();
        // From the end, so that no message falls into another one.
        let mut places: Vec<_> = messages.iter().map(|(place, text)| (place.index(bytes.len() + 1), text)).collect();
        places.sort();
        for (at, text) in places.into_iter().rev() {
            bytes.splice(at..at, text.bytes());
        }
        let (found, others): (Vec<_>, Vec<_>) =
            decode_in(&bytes, &[size]).into_iter().partition(|item| matches!(item, Item::Event { .. }));
        let expected: Vec<Item> = (0..).zip(events).map(|(seq, e)| event(seq, e)).collect();
        prop_assert_eq!(found, expected);
        prop_assert!(others.iter().all(|item| matches!(item, Item::Console(_))), "{:?}", others);
    }

    #[test]
    fn garbage_is_survived(garbage in proptest::collection::vec(any::<u8>(), 0..2000), size in 1..300usize) {
        let bytes = [&garbage, b"\n".as_slice(), &frame(0, &Event::Done)].concat();
        prop_assert_eq!(decode_in(&bytes, &[size]).pop(), Some(event(0, Event::Done)));
    }

    /// Garbage that looks like frames much more often.
    #[test]
    fn shuffled_frames_are_survived(pieces in proptest::collection::vec(prop_oneof![
        Just("@firebench1 "), Just(NONCE), Just(" "), Just("0"), Just("7 "), Just("16 "), Just("00000000 "),
        Just("1327346f "),
        Just("{\"event\":\"done\"}"), Just("\n"), Just("\r\n"), Just("[    1.000000] "), Just("@fire"),
    ], 0..60)) {
        let bytes = [b"\n", pieces.concat().as_bytes(), b"\n", &frame(9, &Event::Done)].concat();
        prop_assert_eq!(decode(&bytes).pop(), Some(event(9, Event::Done)));
    }
}
