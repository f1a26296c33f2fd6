//! What helps where a device may not be opened: judged by its owner, group and mode as they are, and by who we are.
//!
//! Names come only from `/etc/passwd` and `/etc/group`: a static program cannot ask the name services of the C library.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// The id that a user namespace shows for everybody outside of it (`/proc/sys/kernel/overflowgid`).
const OVERFLOW_ID: u32 = 65_534;
const READ_WRITE: u32 = 0o6;

/// A device and the one who wants it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// Its path.
    device: String,
    /// Owner, group and permissions; none where it is missing, or no device.
    file: Option<(u32, u32, u32)>,
    /// The name of its group.
    group: Option<String>,
    /// Whether `/etc/group` has us in that group.
    listed: bool,
    /// Our user.
    uid: u32,
    /// Our groups.
    gids: Vec<u32>,
    /// Our user's name.
    user: String,
    /// Whether this is a container.
    container: bool,
}

impl Access {
    /// Looks at `device`, as this process.
    pub(crate) fn look(device: &Path) -> Access {
        let metadata = fs::metadata(device).ok().filter(|data| data.file_type().is_char_device());
        let file = metadata.map(|data| (data.uid(), data.gid(), data.mode() & 0o777));
        let uid = nix::unistd::geteuid().as_raw();
        let mut gids = vec![nix::unistd::getegid().as_raw()];
        gids.extend(nix::unistd::getgroups().into_iter().flatten().map(nix::unistd::Gid::as_raw));
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (users, groups) = (text("/etc/passwd"), text("/etc/group"));
        let user = name_of(&users, uid).map_or_else(|| uid.to_string(), str::to_owned);
        let gid = file.map(|(_, gid, _)| gid);
        Access {
            device: device.display().to_string(),
            file,
            group: gid.and_then(|gid| name_of(&groups, gid)).map(str::to_owned),
            listed: gid.is_some_and(|gid| members(&groups, gid).any(|member| member == user)),
            uid,
            gids,
            user,
            container: in_container(Path::new("/")),
        }
    }

    /// What the user can do where opening the device was refused. Pure.
    pub(crate) fn remedy(&self) -> String {
        let Access { device, user, .. } = self;
        let Some((owner, gid, mode)) = self.file else {
            return format!("check what {device} is: ls -lL {device}");
        };
        if self.container && (self.uid == 0 || gid == OVERFLOW_ID) {
            return format!(
                "start the container with the device (docker or podman run --device {device}; rootless podman also needs \
                 --group-add keep-groups)"
            );
        }
        let may = |bits: u32| bits & READ_WRITE == READ_WRITE;
        let in_group = self.gids.contains(&gid);
        let by_mode = match () {
            () if self.uid == 0 => true,
            () if self.uid == owner => may(mode >> 6),
            () if in_group => may(mode >> 3),
            () => may(mode),
        };
        if by_mode {
            return format!(
                "its permissions allow it, so something else forbids it: look for AppArmor or SELinux in the kernel's \
                log (dmesg), and check the device rules of the service or container (systemd: DeviceAllow={device} rw)"
            );
        }
        if self.uid == owner {
            return format!("chmod u+rw {device}: you own it, but its mode {mode:04o} does not let you open it");
        }
        // The group of root and that of nobody are for nobody to join.
        let group = self.group.as_deref().filter(|_| may(mode >> 3) && !in_group && gid != 0 && gid != OVERFLOW_ID);
        match group {
            Some(group) if self.listed => {
                format!(
                    "{user} is in the group {group}, but not yet in this session: log in again, or run newgrp {group}"
                )
            }
            Some(group) => format!("sudo usermod -aG {group} {user}, then log in again; or run as root"),
            None => {
                let name = device.rsplit('/').next().unwrap_or(device);
                let shown = self.group.clone().unwrap_or_else(|| gid.to_string());
                format!(
                    "joining a group does not help, because the device belongs to the group {shown} with mode \
                    {mode:04o}: sudo setfacl -m u:{user}:rw {device} gives it to {user} until the next boot (a udev \
                    rule, KERNEL==\"{name}\", OWNER=\"{user}\", for good); or run \
                     as root"
                )
            }
        }
    }
}

/// Whether the machine below `root` is a container, by the marks that the common ones leave.
pub(crate) fn in_container(root: &Path) -> bool {
    ["run/.containerenv", ".dockerenv", "run/systemd/container"].iter().any(|mark| root.join(mark).exists())
}

/// What makes `/dev/kvm` appear, from what is seen below `root`.
pub(crate) fn missing_kvm(root: &Path) -> String {
    if in_container(root) {
        return "start the container with the device (docker or podman run --device /dev/kvm), if its host has it"
            .to_owned();
    }
    let cpuinfo = fs::read_to_string(root.join("proc/cpuinfo")).unwrap_or_default();
    let flags = cpuinfo.lines().find_map(|line| line.strip_prefix("flags")?.split_once(':')).map(|(_, flags)| flags);
    let has = |flag: &str| flags.unwrap_or_default().split_ascii_whitespace().any(|word| word == flag);
    let module = match (has("vmx"), has("svm")) {
        (true, _) => "kvm_intel",
        (_, true) => "kvm_amd",
        _ => {
            return if has("hypervisor") {
                "this machine is a guest, and its CPU has no virtualisation (neither vmx nor svm): use a bare-metal \
                machine, or one with nested virtualisation switched on"
                    .to_owned()
            } else {
                "switch on virtualisation (VT-x or AMD-V) in the firmware: the CPU shows neither vmx nor svm".to_owned()
            };
        }
    };
    if root.join("sys/module").join(module).exists() {
        return format!(
            "the module {module} is loaded, but its device is missing: run sudo udevadm trigger /dev/kvm, or mknod \
            /dev/kvm c 10 232"
        );
    }
    format!(
        "sudo modprobe {module}; where that says \"not supported\", switch on virtualisation (VT-x or AMD-V) in the firmware"
    )
}

/// The sysctls that keep an ordinary user from making namespaces, as they are below `root`.
pub(crate) fn user_namespaces(root: &Path) -> Option<String> {
    const SWITCHES: [(&str, &str, &str); 4] = [
        ("kernel.unprivileged_userns_clone", "0", "1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
        ("user.max_user_namespaces", "0", "15000"),
        ("user.max_net_namespaces", "0", "15000"),
    ];
    let value = |name: &str| fs::read_to_string(root.join("proc/sys").join(name.replace('.', "/"))).ok();
    let barring =
        SWITCHES.iter().filter(|(name, barring, _)| value(name).is_some_and(|value| value.trim() == *barring));
    let settings: Vec<String> = barring.map(|(name, _, right)| format!("{name}={right}")).collect();
    (!settings.is_empty()).then(|| format!("sudo sysctl {}", settings.join(" ")))
}

/// Whether the file system that holds `path` is mounted noexec.
pub fn on_noexec(path: &Path) -> bool {
    nix::sys::statvfs::statvfs(path).is_ok_and(|status| status.flags().contains(nix::sys::statvfs::FsFlags::ST_NOEXEC))
}

/// The name of an id in a file of `name:password:id:...` lines.
fn name_of(text: &str, id: u32) -> Option<&str> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, found) = (fields.next()?, fields.nth(1)?);
        (found.parse() == Ok(id)).then_some(name)
    })
}

/// The members of a group in `/etc/group`.
fn members(groups: &str, gid: u32) -> impl Iterator<Item = &str> {
    let line = groups.lines().find(move |line| line.split(':').nth(2).and_then(|id| id.parse().ok()) == Some(gid));
    line.and_then(|line| line.split(':').nth(3)).into_iter().flat_map(|names| names.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &str = "root:x:0:\nkvm:x:104:libvirt,alice\nnogroup:x:65534:\n";

    /// Alice before /dev/kvm with this owner, group and mode.
    fn alice(file: (u32, u32, u32)) -> Access {
        Access {
            device: "/dev/kvm".to_owned(),
            file: Some(file),
            group: name_of(GROUPS, file.1).map(str::to_owned),
            listed: false,
            uid: 1000,
            gids: vec![1000],
            user: "alice".to_owned(),
            container: false,
        }
    }

    #[test]
    fn a_group_is_named_only_where_joining_it_helps() {
        let by_group = alice((0, 104, 0o660));
        assert_eq!(by_group.remedy(), "sudo usermod -aG kvm alice, then log in again; or run as root");
        let listed = Access { listed: true, ..by_group.clone() };
        assert!(listed.remedy().contains("log in again, or run newgrp kvm"), "{}", listed.remedy());
        assert!(!listed.remedy().contains("usermod"));
        for (file, shown) in [
            ((0, 0, 0o600), "root with mode 0600"),
            ((0, 0, 0o660), "root with mode 0660"),
            ((0, 104, 0o600), "kvm with mode 0600"),
            ((0, 104, 0o640), "kvm with mode 0640"),
            ((0, 4711, 0o660), "4711 with mode 0660"),
        ] {
            let remedy = alice(file).remedy();
            assert!(remedy.contains(shown) && !remedy.contains("usermod"), "{file:?}: {remedy}");
            assert!(remedy.contains("sudo setfacl -m u:alice:rw /dev/kvm"), "{file:?}: {remedy}");
        }
    }

    #[test]
    fn where_the_mode_allows_it_something_else_is_to_blame() {
        let in_group = Access { gids: vec![1000, 104], ..alice((0, 104, 0o660)) };
        for access in
            [in_group, alice((0, 0, 0o666)), alice((1000, 0, 0o600)), Access { uid: 0, ..alice((0, 0, 0o600)) }]
        {
            assert!(access.remedy().contains("DeviceAllow=/dev/kvm rw"), "{access:?}: {}", access.remedy());
        }
        // The owner's own bits count for the owner, whatever others may.
        assert!(alice((1000, 104, 0o066)).remedy().starts_with("chmod u+rw /dev/kvm"));
    }

    #[test]
    fn a_container_must_be_given_the_device() {
        let root = Access { container: true, uid: 0, ..alice((0, 0, 0o660)) };
        let rootless = Access { container: true, ..alice((65_534, 65_534, 0o660)) };
        for access in [root, rootless] {
            assert!(access.remedy().contains("--device /dev/kvm"), "{}", access.remedy());
        }
        assert!(!alice((0, 65_534, 0o660)).remedy().contains("usermod"), "nobody joins nogroup");
    }

    #[test]
    fn groups_are_read_from_their_file() {
        assert_eq!(name_of(GROUPS, 104), Some("kvm"));
        assert_eq!(name_of(GROUPS, 7), None);
        assert_eq!(members(GROUPS, 104).collect::<Vec<_>>(), ["libvirt", "alice"]);
        assert_eq!(members("damaged\n:::\n", 104).count(), 0);
        let seen = Access::look(Path::new("/dev/null"));
        assert_eq!(seen.file, Some((0, 0, 0o666)));
        assert_eq!(Access::look(Path::new("/etc/passwd")).file, None, "no device");
    }

    #[test]
    fn a_missing_kvm_has_the_remedy_of_its_cause() {
        let with = |files: &[(&str, &str)]| {
            let dir = tempfile::tempdir().expect("a temporary directory");
            for (path, text) in files {
                let path = dir.path().join(path);
                fs::create_dir_all(path.parent().expect("a directory")).expect("room");
                fs::write(path, text).expect("room");
            }
            missing_kvm(dir.path())
        };
        let cpu = |flags: &'static str| ("proc/cpuinfo", flags);
        assert!(with(&[cpu("flags\t\t: fpu vmx\n")]).starts_with("sudo modprobe kvm_intel"));
        assert!(with(&[cpu("flags\t\t: fpu svm\n")]).starts_with("sudo modprobe kvm_amd"));
        assert!(with(&[cpu("flags\t\t: svm\n"), ("sys/module/kvm_amd/x", "")]).contains("mknod"));
        assert!(with(&[cpu("flags\t\t: fpu hypervisor\n")]).contains("nested virtualisation"));
        assert!(with(&[cpu("flags\t\t: fpu\n")]).contains("in the firmware"));
        assert!(with(&[cpu("flags\t\t: vmx\n"), (".dockerenv", "")]).contains("--device /dev/kvm"));
    }

    #[test]
    fn only_the_sysctls_that_bar_namespaces_are_named() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(user_namespaces(dir.path()), None);
        for (path, value) in
            [("kernel/apparmor_restrict_unprivileged_userns", "1\n"), ("user/max_user_namespaces", "900\n")]
        {
            let path = dir.path().join("proc/sys").join(path);
            fs::create_dir_all(path.parent().expect("a directory")).expect("room");
            fs::write(path, value).expect("room");
        }
        let found = user_namespaces(dir.path());
        assert_eq!(found.as_deref(), Some("sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"));
    }
}
