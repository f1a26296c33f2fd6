//! What people ask for and is no kind of contender, each with the reason and with what to take instead.

/// Names, and why they are no kinds.
static NAMES: [(&[&str], &str); 6] = [
    (
        &["docker", "podman", "nerdctl", "containerd", "lxc", "lxd", "incus"],
        "it starts a container as runc does, with a daemon or layers of storage above, which change the start alone: take runc",
    ),
    (
        &["crun", "youki"],
        "it makes the same namespaces as runc, and does not start where control groups are of both versions or a right to resources \
         is missing: take runc",
    ),
    (
        &["systemd-nspawn", "nspawn", "unshare", "chroot", "firejail"],
        "it makes the namespaces that bubblewrap and runc make, or fewer: take bubblewrap or runc",
    ),
    (
        &["kata", "kata-runtime", "kata-containers", "nemu", "firecracker-containerd", "ignite", "flintlock"],
        "it starts one of the VMMs below a container runtime: take that VMM",
    ),
    (
        &["proot", "qemu-user", "wine"],
        "it emulates or rewrites what a program asks for, and isolates nothing: take host or gvisor",
    ),
    (&["runsc"], "its kind is called after the project: take gvisor"),
];

/// Why a name is no kind, and what to take instead; None of a name that nobody is known to ask for.
pub fn reason(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    NAMES.iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_is_refused() {
        for kind in crate::kinds::all() {
            assert_eq!(reason(kind.name), None, "{kind}");
        }
        assert!(reason("Docker").is_some_and(|reason| reason.ends_with("take runc")));
        assert_eq!(reason("kvm"), None);
    }
}
