//! What a thread holds on the heap: "bounded memory" is asserted, not hoped for.

#![expect(unsafe_code, reason = "an allocator is")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with a count for each thread. What one thread allocates and another one frees is counted with
/// the wrong one; no target does that.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Adds to what is held. A block has at most `isize::MAX` bytes: [`Layout`] sees to that.
fn count(bytes: isize) {
    let held = HELD.get().wrapping_add(bytes);
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

// SAFETY: every call is passed on to the system's allocator as it came, and its answer given back as it is. Counting
// allocates nothing: the cells are made at compile time and have no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count((layout.size() as isize).wrapping_neg());
        // SAFETY: the caller keeps the contract of `dealloc`; `block` came from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // While it moves, both are there.
        count(size as isize);
        count((layout.size() as isize).wrapping_neg());
        // SAFETY: the caller keeps the contract of `realloc`; `block` came from the system's allocator.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Does `work`, and panics if it holds more than `limit` bytes at any time.
pub fn bounded<T>(limit: usize, work: impl FnOnce() -> T) -> T {
    let before = HELD.get();
    PEAK.set(before);
    let done = work();
    let peak = usize::try_from(PEAK.get().wrapping_sub(before)).unwrap_or(0);
    assert!(peak <= limit, "{peak} bytes were held, more than {limit}");
    done
}

#[cfg(test)]
mod tests {
    use super::bounded;

    #[test]
    fn what_is_held_for_a_moment_counts() {
        assert_eq!(bounded(1 << 20, || vec![1_u8; 1 << 20].len()), 1 << 20);
        let over = std::panic::catch_unwind(|| bounded((1 << 20) - 1, || vec![1_u8; 1 << 20].len()));
        assert!(over.is_err());
        let grown = std::panic::catch_unwind(|| bounded(1 << 20, || (0..1 << 20).collect::<Vec<u32>>().len()));
        assert!(grown.is_err());
    }
}
