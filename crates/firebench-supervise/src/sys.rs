//! The few system calls that neither std nor nix wraps.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::exit::{Exit, Usage};

/// A file descriptor that becomes readable when process `pid`, a child of ours that is not yet waited for, ends.
/// Linux 5.3 and newer.
pub(crate) fn pidfd_open(pid: libc::pid_t) -> io::Result<OwnedFd> {
    // SAFETY: takes two integers and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = check(fd)?;
    // SAFETY: the kernel has just given us this descriptor (always close-on-exec), nobody else owns it. It fits an int.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Waits for the end of child `pid` and removes it from the process table.
pub(crate) fn wait4(pid: libc::pid_t) -> io::Result<(Exit, Usage)> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are valid for writes for the duration of the call.
    while unsafe { libc::wait4(pid, &mut status, 0, usage.as_mut_ptr()) } < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: all zeros is a valid rusage, and wait4 has filled it in.
    let usage = unsafe { usage.assume_init() };
    let exit = if libc::WIFSIGNALED(status) {
        Exit::Signal(libc::WTERMSIG(status))
    } else {
        Exit::Code(libc::WEXITSTATUS(status))
    };
    let usage = Usage {
        user: duration(usage.ru_utime),
        sys: duration(usage.ru_stime),
        max_rss_kib: u64::try_from(usage.ru_maxrss).unwrap_or(0),
    };
    Ok((exit, usage))
}

/// Whether process `pid` is stopped by a signal or a debugger (`State` of proc_pid_status(5)); false where it is gone.
pub(crate) fn is_stopped(pid: libc::pid_t) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let state = status.lines().find_map(|line| line.strip_prefix("State:"));
    state.is_some_and(|state| state.trim_start().starts_with(['T', 't']))
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros))
}

/// The CPUs that the thread `tid`, 0 for the calling one, may use: `mask` gets a bit for each. Async-signal-safe.
pub(crate) fn affinity(tid: libc::pid_t, mask: &mut [u64]) -> io::Result<()> {
    mask.fill(0);
    // SAFETY: the kernel writes at most as many bytes as it is told that there are.
    check(unsafe { libc::syscall(libc::SYS_sched_getaffinity, tid, size_of_val(mask), mask.as_mut_ptr()) }).map(|_| ())
}

/// Lets the thread `tid` (0: the calling one) use only the CPUs of `mask`. Async-signal-safe.
pub(crate) fn set_affinity(tid: libc::pid_t, mask: &[u64]) -> io::Result<()> {
    // SAFETY: the kernel reads at most as many bytes as it is told that there are.
    check(unsafe { libc::syscall(libc::SYS_sched_setaffinity, tid, size_of_val(mask), mask.as_ptr()) }).map(|_| ())
}

/// Whether this process ignores `signal` (as `nohup` arranges for SIGHUP).
pub(crate) fn is_ignored(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action only asks; the old one is written to memory that is valid for it.
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: all zeros is a valid sigaction (SIG_DFL), and the call has filled it in where it succeeded.
    asked == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

/// Bytes of one page of memory.
pub(crate) fn page_size() -> u64 {
    // SAFETY: sysconf takes an integer and touches no memory of ours.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(4096)
}

/// `SYS_cachestat`, the same number on every architecture; Linux 6.5 and newer.
const SYS_CACHESTAT: libc::c_long = 451;

/// `struct cachestat_range` of linux/mman.h.
#[repr(C)]
struct CachestatRange {
    offset: u64,
    length: u64,
}

/// `struct cachestat` of linux/mman.h; all counts are pages.
#[repr(C)]
#[derive(Default)]
struct Cachestat {
    cached: u64,
    dirty: u64,
    writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// How many pages of `file` are in the page cache, as the kernel counts them. `Unsupported` before Linux 6.5.
pub(crate) fn cached_pages(file: &File) -> io::Result<u64> {
    // A length of 0 means up to the end of the file.
    let range = CachestatRange { offset: 0, length: 0 };
    let mut stat = Cachestat::default();
    // SAFETY: both structures have the kernel's layout and outlive the call.
    let result = unsafe { libc::syscall(SYS_CACHESTAT, file.as_raw_fd(), &range, &mut stat, 0) };
    check(result).map(|_| stat.cached)
}

/// How many pages of `file`, of `length` bytes, are in the page cache, through mincore on a mapping of one GiB at a
/// time. The kernel answers "all of them" to those who may not write the file: ask it only where you may.
pub(crate) fn mapped_pages(file: &File, length: u64) -> io::Result<u64> {
    const WINDOW: u64 = 1 << 30;
    let mut resident = 0_u64;
    let mut offset = 0;
    while offset < length {
        let size = WINDOW.min(length.saturating_sub(offset));
        resident = resident.saturating_add(mapped_pages_of_window(file, offset, size)?);
        offset = offset.saturating_add(WINDOW);
    }
    Ok(resident)
}

fn mapped_pages_of_window(file: &File, offset: u64, size: u64) -> io::Result<u64> {
    let pages = usize::try_from(size.div_ceil(page_size())).map_err(io::Error::other)?;
    let size = usize::try_from(size).map_err(io::Error::other)?;
    let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
    let mut map = vec![0u8; pages];
    // SAFETY: a new read-only mapping at an address of the kernel's choice; nobody dereferences it.
    let address =
        unsafe { libc::mmap(std::ptr::null_mut(), size, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), offset) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `address` is a mapping of `size` bytes, and `map` has one byte for each of its pages.
    let result = check(unsafe { libc::mincore(address, size, map.as_mut_ptr()) }.into());
    // SAFETY: the mapping made above, which nobody refers to any more.
    unsafe { libc::munmap(address, size) };
    result.map(|_| map.iter().map(|page| u64::from(page & 1)).sum())
}

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
