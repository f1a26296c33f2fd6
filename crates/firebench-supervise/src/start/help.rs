//! What helps where a launch cannot be confined as it should be.

use std::path::Path;

use firebench_vmm::Launch;

use crate::access::{self, Access};
use crate::child::step::Step;

/// A hint for a step of the confinement that failed with this code.
pub(super) fn confine_help(launch: &Launch, step: Step, code: Option<i32>) -> Option<String> {
    const TUN: &str = "/dev/net/tun";
    // What takes the right that is missing.
    let otherwise = match launch {
        Launch { tap: Some(_), .. } | Launch { veth: Some(_), .. } => ", or leave out --tap",
        Launch { own_processes: true, .. } => ", or leave out this contender",
        _ => "",
    };
    let help = match (step, code?) {
        (Step::Affinity, libc::EINVAL) => {
            "choose CPUs that are online and that the control group allows (`nproc` and `taskset -pc $$` show them)"
        }
        (Step::Namespaces | Step::UserMap, libc::EPERM | libc::EACCES | libc::ENOSPC) => {
            let cause = access::user_namespaces(Path::new("/"));
            let remedy = cause.unwrap_or_else(|| "run as root".to_owned());
            return Some(format!("{remedy}{otherwise}; a container's seccomp profile may forbid it, too"));
        }
        (Step::Mounts | Step::Binds, _) if launch.jail.is_none() => {
            let may =
                "firebench may not mount here: run it as root with all of its capabilities, outside of any chroot";
            return Some(format!("{may}{otherwise}"));
        }
        (Step::Mounts | Step::Binds, _) => {
            "a jail needs root with all of its capabilities, outside of any chroot; otherwise leave out --jail"
        }
        (Step::Proc, libc::EPERM) => {
            "a container that hides parts of /proc does not let its users mount another one: run firebench outside of it, or in a \
             privileged one"
        }
        (Step::Overlay, libc::ENODEV) => "load the driver (sudo modprobe overlay), or leave out --overlay",
        (Step::Overlay, _) => {
            "this machine does not let firebench lay memory over a directory: run it as root, with a cache (--cache) that is no overlay \
             itself, or leave out --overlay"
        }
        (Step::OpenTun, libc::ENOENT | libc::ENODEV | libc::ENXIO) => {
            "load the driver (sudo modprobe tun), or leave out --tap"
        }
        (Step::OpenTun, libc::EACCES | libc::EPERM) => {
            return Some(format!("{}; or leave out --tap", Access::look(Path::new(TUN)).remedy()));
        }
        (Step::MakeVeth, libc::EOPNOTSUPP) => "load the driver (sudo modprobe veth), or leave out --tap",
        (Step::KeepNetwork, _) => {
            "firebench may not mount here: run it as root with all of its capabilities, outside of any chroot, or leave out --tap"
        }
        (Step::MakeTap | Step::TapUp | Step::MakeVeth | Step::VethUp, libc::EPERM | libc::EACCES) => {
            "run firebench as root, or leave out --tap"
        }
        (Step::Descriptors, libc::ENOSYS | libc::EINVAL) => "firebench needs Linux 5.11 or newer",
        _ => return None,
    };
    Some(help.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_to_be_left_out() {
        let tap = Launch { tap: Some(firebench_vmm::Tap { name: "tap0".to_owned(), mac: None }), ..Launch::default() };
        let contained = Launch { own_processes: true, ..Launch::default() };
        let carded = Launch { veth: Some(firebench_vmm::preset::veth()), ..contained.clone() };
        for (step, code) in [
            (Step::Namespaces, libc::ENOSPC),
            (Step::Mounts, libc::EPERM),
            (Step::KeepNetwork, libc::EACCES),
            (Step::MakeVeth, libc::EOPNOTSUPP),
            (Step::MakeVeth, libc::EPERM),
            (Step::VethUp, libc::EPERM),
        ] {
            let help = confine_help(&carded, step, Some(code)).expect("a hint");
            assert!(help.contains("or leave out --tap"), "{step}: {help}");
        }
        for step in [Step::Namespaces, Step::Mounts] {
            let help = |launch: &Launch| confine_help(launch, step, Some(libc::EPERM)).expect("a hint");
            assert!(help(&tap).contains("or leave out --tap"), "{}", help(&tap));
            assert!(help(&contained).contains("or leave out this contender"), "{}", help(&contained));
            assert!(!help(&Launch::default()).contains("leave out"), "{}", help(&Launch::default()));
        }
    }
}
