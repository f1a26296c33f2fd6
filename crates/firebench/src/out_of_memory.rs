//! Reports that the process ran out of memory.
#![expect(unsafe_code, reason = "an allocator is")]

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's memory. Where that ends, Rust ends the process with a signal and a backtrace; this ends it with a clear
/// error and the exit code of any other failure. Nothing can be cleaned up then: the kernel ends the VM that is running
/// (PDEATHSIG), and the next start sweeps.
#[derive(Debug)]
pub struct OutOfMemoryReporter;

const ERROR: &[u8] = b"error: firebench ran out of memory\n\
    hint: free some memory, or raise the limit (`ulimit -v`, MemoryMax= of a service); the boots that were done are in the store, and `firebench run --resume latest` continues after them\n";

// SAFETY: everything is passed on to the system's allocator as it is, and so is what comes back.
unsafe impl GlobalAlloc for OutOfMemoryReporter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that the system's allocator wants.
        there(unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        there(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        there(unsafe { System.realloc(memory, layout, size) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Whether a panic with this message says that the system refused memory. The standard library has no better way to
/// say so where a thread begins: it maps the thread's signal stack by itself, not through the allocator.
pub fn is_meant_by(panic: &str) -> bool {
    // As std::io::Error displays it, and as its Debug does.
    panic.contains(&format!("(os error {})", libc::ENOMEM)) || panic.contains(&format!("code: {},", libc::ENOMEM))
}

/// Says that memory ended, and ends the process: neither needs memory.
pub fn end() -> ! {
    // Whoever closed standard error does not want to know.
    let _ = nix::unistd::write(std::io::stderr(), ERROR);
    // SAFETY: ends the process, whatever state it is in.
    unsafe { libc::_exit(crate::cli::exit_codes::EXIT_FAILED.into()) }
}

fn there(memory: *mut u8) -> *mut u8 {
    if memory.is_null() {
        end();
    }
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_standard_library_that_means_memory() {
        let error = std::io::Error::from_raw_os_error(libc::ENOMEM);
        assert!(is_meant_by(&format!("failed to allocate an alternative stack: {error}")));
        assert!(is_meant_by(&format!("failed to spawn thread: {error:?}")));
        let other = std::io::Error::from_raw_os_error(libc::EAGAIN);
        assert!(!is_meant_by(&format!("failed to spawn thread: {other:?}")));
        assert!(!is_meant_by("index out of bounds: the len is 12 but the index is 12"));
    }
}
