//! CPU affinity: on which of the host's CPUs a thread may run. See sched_setaffinity(2).

use std::io;

use crate::sys;

/// Words of a [`Mask`]: 8192 CPUs, the most that Linux can be built for on x86 (`NR_CPUS_RANGE_END`).
const WORDS: usize = 128;

/// The CPUs, in ascending order, that the calling thread may use.
///
/// # Errors
/// When the system refuses.
pub fn own() -> io::Result<Vec<u32>> {
    Ok(Mask::of(0)?.cpus())
}

/// Binds the calling thread to `cpus`, and with it whatever thread or process it starts from now on: a VM too, unless its
/// [`Launch::cpus`](firebench_vmm::Launch::cpus) says otherwise.
///
/// # Errors
/// `InvalidInput` when one of the CPUs does not exist or may not be used, and then nothing has changed.
pub fn bind_self(cpus: &[u32]) -> io::Result<()> {
    Mask::new(cpus)?.bind(0)
}

/// A set of CPUs as the kernel reads it: one bit each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mask([u64; WORDS]);

impl Mask {
    /// The set of `cpus`, which must not be empty.
    pub(crate) fn new(cpus: &[u32]) -> io::Result<Mask> {
        let mut words = [0; WORDS];
        for &cpu in cpus {
            let word = usize::try_from(cpu / u64::BITS).ok().and_then(|index| words.get_mut(index));
            *word.ok_or_else(|| unusable(cpus))? |= 1u64 << (cpu % u64::BITS);
        }
        if cpus.is_empty() { Err(unusable(cpus)) } else { Ok(Mask(words)) }
    }

    /// What the thread `tid` may use; 0 is the calling one.
    fn of(tid: libc::pid_t) -> io::Result<Mask> {
        let mut words = [0; WORDS];
        sys::affinity(tid, &mut words)?;
        Ok(Mask(words))
    }

    /// Binds the thread `tid`, 0 for the calling one, to exactly this set. The kernel would leave out without a word what
    /// does not exist; this does not. Makes async-signal-safe calls only.
    pub(crate) fn bind(&self, tid: libc::pid_t) -> io::Result<()> {
        let before = Mask::of(tid)?;
        sys::set_affinity(tid, &self.0)?;
        if Mask::of(tid)? != *self {
            sys::set_affinity(tid, &before.0)?;
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        Ok(())
    }

    fn cpus(&self) -> Vec<u32> {
        let bits = self.0.iter().flat_map(|&word| (0..u64::BITS).map(move |bit| word >> bit & 1 == 1));
        bits.zip(0u32..).filter_map(|(set, cpu)| set.then_some(cpu)).collect()
    }
}

fn unusable(cpus: &[u32]) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("cannot bind a thread to the CPUs {cpus:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_holds_what_it_was_made_of() {
        for cpus in [vec![0], vec![1, 63, 64, 65, 8191]] {
            assert_eq!(Mask::new(&cpus).expect("a mask").cpus(), cpus);
        }
        for cpus in [vec![], vec![8192], vec![0, u32::MAX]] {
            assert_eq!(Mask::new(&cpus).expect_err("none").kind(), io::ErrorKind::InvalidInput, "{cpus:?}");
        }
    }

    #[test]
    fn a_thread_binds_itself_and_its_children() {
        let all = own().expect("affinity");
        let bound = std::thread::spawn(move || {
            let last = *all.last().expect("a CPU");
            bind_self(&[last]).expect("bind");
            assert_eq!(own().expect("affinity"), [last]);
            let child = std::thread::spawn(own).join().expect("thread").expect("affinity");
            assert_eq!(child, [last]);
            // Neither the CPU that does not exist nor the one beside it: nothing changes.
            let error = bind_self(&[all[0], 8191]).expect_err("no such CPU");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
            assert_eq!(own().expect("affinity"), [last]);
        });
        bound.join().expect("thread");
    }
}
