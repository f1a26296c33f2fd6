//! Limits of a process, which the child sets between fork and exec: async-signal-safe calls only. See setrlimit(2).

use std::io;

use firebench_vmm::Limits;

use crate::child::step::check;

/// Limits as the kernel takes them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rlimits {
    memory: Option<u64>,
    file: Option<u64>,
    processes: Option<u64>,
    /// Whether the VMM becomes a user that nobody else is.
    own_user: bool,
    /// Whether processes are counted apart in a user namespace.
    by_namespace: bool,
}

impl Rlimits {
    /// Those of `limits`; `own_user` where the VMM becomes a user that nobody else is.
    pub(crate) fn new(limits: Option<&Limits>, own_user: bool) -> Rlimits {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Rlimits {
            memory: limits.map(|limits| limits.memory),
            file: limits.map(|limits| limits.file),
            processes: limits.map(|limits| limits.processes.into()),
            own_user,
            by_namespace: counts_by_namespace(&release),
        }
    }

    /// Sets them, in the child; no core files in any case. What is lower already stays so.
    pub(crate) fn set(&self, user_namespace: bool) -> io::Result<()> {
        lower(libc::RLIMIT_CORE, 0)?;
        // Elsewhere, processes of the user that are nobody's business here would count.
        let processes = self.processes.filter(|_| self.own_user || (user_namespace && self.by_namespace));
        let limited =
            [(libc::RLIMIT_DATA, self.memory), (libc::RLIMIT_FSIZE, self.file), (libc::RLIMIT_NPROC, processes)];
        for (resource, limit) in limited {
            limit.map_or(Ok(()), |limit| lower(resource, limit))?;
        }
        Ok(())
    }
}

/// Limits that the VMM has from whoever started firebench: from a shell's `ulimit`, as a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Inherited {
    /// Seconds of CPU time (`ulimit -t`).
    pub(crate) cpu: Option<u64>,
    /// Bytes of addresses (`ulimit -v`).
    pub(crate) addresses: Option<u64>,
    /// Bytes of memory (`ulimit -d`).
    pub(crate) data: Option<u64>,
    /// Bytes of a file that is written (`ulimit -f`).
    pub(crate) file: Option<u64>,
}

impl Inherited {
    /// Those of this process.
    pub(crate) fn now() -> Inherited {
        let soft = |resource| {
            let mut now = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
            // SAFETY: writes a structure on the stack. Where it fails, nothing is known of a limit.
            let _ = unsafe { libc::getrlimit(resource, &mut now) };
            (now.rlim_cur != libc::RLIM_INFINITY).then_some(now.rlim_cur)
        };
        Inherited {
            cpu: soft(libc::RLIMIT_CPU),
            addresses: soft(libc::RLIMIT_AS),
            data: soft(libc::RLIMIT_DATA),
            file: soft(libc::RLIMIT_FSIZE),
        }
    }
}

fn lower(resource: libc::__rlimit_resource_t, limit: u64) -> io::Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes a structure on the stack.
    check(unsafe { libc::getrlimit(resource, &mut now) })?;
    let hard = now.rlim_max.min(limit);
    let limits = libc::rlimit { rlim_cur: now.rlim_cur.min(hard), rlim_max: hard };
    // SAFETY: reads a structure on the stack.
    check(unsafe { libc::setrlimit(resource, &limits) })
}

/// Whether a kernel counts processes by user namespace, too: Linux 5.14 and newer.
fn counts_by_namespace(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(5), Some(14))
}

#[cfg(test)]
mod tests {
    use super::counts_by_namespace;

    #[test]
    fn kernels_by_their_release() {
        for release in ["5.14.0", "5.14-rc1", "5.15.0-generic", "6.1.0-56-cloud-amd64\n", "10.0"] {
            assert!(counts_by_namespace(release), "{release}");
        }
        for release in ["", "5.13.19", "5.4.0-14", "4.19", "unknown"] {
            assert!(!counts_by_namespace(release), "{release}");
        }
    }
}
