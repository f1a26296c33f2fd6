//! How much a target has to do: "linear in the input" is asserted, not hoped for.
//!
//! Every reader looks for an interrupt after so many bytes ([`INTERVAL`]) or reads. So to count the looks is to count the work,
//! the same on every machine, however busy.

use std::cell::Cell;
use std::sync::Once;

use firebench_os::interrupt::{INTERVAL, look_with};
use firebench_os::outside::most_unpacked;

thread_local! {
    static LOOKS: Cell<u64> = const { Cell::new(0) };
}

/// Looks that any input is worth.
const FREE: u64 = 64;

/// A decoder that takes in byte by byte looks this often.
const BYTE_BY_BYTE: u64 = 1024;

/// Does `work` on an input of `length` bytes, and panics if it looks for an interrupt more often than it should: once every
/// 64 KiB of what the input may unpack to, and every KiB of the input itself, `times` over.
pub fn bounded<T>(length: usize, times: u64, work: impl FnOnce() -> T) -> T {
    static COUNT: Once = Once::new();
    COUNT.call_once(|| {
        look_with(|| {
            LOOKS.set(LOOKS.get() + 1);
            false
        });
    });
    let length = length as u64;
    let limit = times * (FREE + length / BYTE_BY_BYTE + most_unpacked(length, u64::MAX) / INTERVAL as u64);
    LOOKS.set(0);
    let done = work();
    let looks = LOOKS.get();
    assert!(looks <= limit, "{looks} looks for an interrupt, more than {limit}, for {length} bytes");
    done
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use firebench_os::outside::Counted;

    use super::bounded;

    #[test]
    fn what_reads_more_than_its_input_is_worth_is_noticed() {
        let read = |bytes: u64| {
            std::panic::catch_unwind(|| {
                bounded(1000, 1, || {
                    std::io::copy(&mut Counted::all(std::io::repeat(0).take(bytes)), &mut std::io::sink())
                })
            })
        };
        assert!(read(16 << 20).is_ok());
        assert!(read(64 << 20).is_err());
    }
}
