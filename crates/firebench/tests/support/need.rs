//! What a test needs and a computer may lack. `./test` installs all of it, so there a lack is a failure.

use std::process::Command;

use crate::support::common::{data_dir, say, test_name};

/// Skips the test, loudly, where something that it needs is missing.
#[macro_export]
macro_rules! require {
    ($($need:expr),+ $(,)?) => {
        $(if let Err(lack) = $need {
            $crate::support::need::skip(&lack);
            return;
        })+
    };
}

/// Says that the test is skipped; fails it where no test may be.
pub fn skip(lack: &Lack) {
    let Lack { what, remedy } = lack;
    let text = format!("SKIPPED: {} because {what}; {remedy}", test_name());
    assert!(std::env::var_os("FIREBENCH_TEST_NO_SKIP").is_none(), "{text}");
    say(&text);
}

/// Says that the test is skipped for want of what nobody can install from a registry: that is no failure anywhere.
pub fn skip_unobtainable(lack: &Lack) {
    say(&format!("SKIPPED: {} because {}; {}", test_name(), lack.what, lack.remedy));
}

/// What is missing, and what to do about it.
pub struct Lack {
    what: String,
    remedy: String,
}

/// A need: there, or not.
pub type Need = Result<(), Lack>;

/// Something that is missing.
pub fn lack(what: &str, remedy: &str) -> Lack {
    Lack { what: what.to_owned(), remedy: remedy.to_owned() }
}

fn need(there: bool, what: &str, remedy: &str) -> Need {
    if there { Ok(()) } else { Err(lack(what, remedy)) }
}

/// QEMU.
pub fn qemu() -> Need {
    let there = firebench_os::program::find_program("qemu-system-x86_64").is_some();
    need(there, "there is no qemu-system-x86_64", "install with apt-get install qemu-system-x86")
}

/// What a guest image is made of.
pub fn image() -> Need {
    busybox()?;
    let kernel = firebench_host::fetch::checked_kernel(&data_dir()).is_ok_and(|kernel| kernel.is_some());
    need(kernel, "there is no fetched kernel", &fetch("kernel"))
}

/// The program of a kind that Debian packages.
pub fn contender(name: &str) -> Need {
    let kind: firebench_vmm::VmmKind = name.parse().expect("a kind");
    let there = firebench_host::tools::find(kind, None, &data_dir());
    need(there.is_ok(), &format!("there is no {name}"), &fetch(name))
}

/// All that the containers and User Mode Linux need.
pub fn isolations() -> Need {
    busybox()?;
    ["bubblewrap", "runc", "gvisor", "uml"].into_iter().try_for_each(contender)
}

/// The module with which User Mode Linux lays memory over a root.
pub fn overlay_of_uml() -> Need {
    use firebench_host::fetch::{installer, overlay_module};
    let vmm = firebench_vmm::VmmKind(&firebench_vmm::uml::KIND);
    let program = installer(vmm).and_then(|installer| installer.installed(&data_dir()));
    let found = program.and_then(|program| overlay_module(vmm, &program, "").ok().flatten());
    need(found.is_some(), "User Mode Linux has no module overlay", "run `firebench fetch uml` again")
}

/// What makes a Debian root, and images of it.
pub fn images() -> Need {
    program("mmdebstrap", "mmdebstrap")?;
    program("skopeo", "skopeo")?;
    program("umoci", "umoci")
}

/// The fetched busybox, or the one on PATH.
pub fn busybox_path() -> Option<std::path::PathBuf> {
    firebench_host::fetch::find_busybox(&data_dir(), None).ok().flatten()
}

/// What the host needs as a contender.
pub fn busybox() -> Need {
    program("mke2fs", "e2fsprogs")?;
    program("debugfs", "e2fsprogs")?;
    need(busybox_path().is_some(), "cannot find a static busybox", &fetch("busybox"))
}

/// All that a run under TCG needs.
pub fn tcg() -> Need {
    qemu()?;
    image()
}

/// A package of Debian's ordinary kernel, which has its file systems as modules: one in FIREBENCH_TEST_KERNEL_DEB.
pub fn ordinary_kernel_path() -> Option<std::path::PathBuf> {
    let packages = std::env::var_os("FIREBENCH_TEST_KERNEL_DEB")?;
    std::env::split_paths(&packages).find(|path| !path.to_string_lossy().contains("-cloud-") && path.is_file())
}

/// The same.
pub fn ordinary_kernel() -> Need {
    let what = "FIREBENCH_TEST_KERNEL_DEB names no package of an ordinary kernel";
    let remedy = "get one with `apt-get download` of what linux-image-amd64 depends on, and name it there";
    need(ordinary_kernel_path().is_some(), what, remedy)
}

/// Firecracker, the fetched one.
pub fn firecracker() -> Need {
    let there = firebench_host::tools::find(firebench_host::fetch::FIRECRACKER, None, &data_dir()).is_ok();
    need(there, "there is no fetched firecracker", &fetch("firecracker"))
}

/// The program of a kind that firebench does not fetch, which FIREBENCH_TEST_ and the kind's name in capitals name.
pub fn by_path(kind: &str) -> Result<std::path::PathBuf, Lack> {
    let variable = format!("FIREBENCH_TEST_{}", kind.to_uppercase().replace('-', "_"));
    let named = std::env::var_os(&variable).map(std::path::PathBuf::from).filter(|path| path.is_file());
    let remedy = format!("get or build one (docs/contenders.md says which was tried) and name it with {variable}");
    named.ok_or_else(|| lack(&format!("there is no program of {kind}"), &remedy))
}

/// The small kernel, which is built once.
pub fn small_kernel() -> Need {
    let there = firebench_host::fetch::small_kernel(&data_dir()).is_ok_and(|kernel| kernel.is_some());
    need(there, "there is no small kernel", "build it with `firebench kernel build`")
}

/// What builds a kernel.
pub fn kernel_build() -> Need {
    let programs = [
        ("gcc", "gcc"),
        ("make", "make"),
        ("flex", "flex"),
        ("bison", "bison"),
        ("bc", "bc"),
        ("perl", "perl"),
        ("xz", "xz-utils"),
    ];
    programs.into_iter().try_for_each(|(name, package)| program(name, package))?;
    need(
        std::path::Path::new("/usr/include/libelf.h").is_file(),
        "there is no libelf.h",
        "install with apt-get install libelf-dev",
    )
}

/// libkrun, which is built beside firebench.
pub fn libkrun() -> Need {
    crate::support::common::build(&["--package", "firebench-libkrun"]);
    Ok(())
}

/// A /dev/kvm, however slow.
pub fn kvm() -> Need {
    let there = std::fs::File::options().read(true).write(true).open("/dev/kvm").is_ok();
    need(there, "/dev/kvm cannot be opened", "run on a computer that has it, as root or in the group kvm")
}

/// A mount namespace.
pub fn namespaces() -> Need {
    let flags = if crate::support::common::is_root() { "-m" } else { "-rm" };
    let works = Command::new("unshare").args([flags, "true"]).output().is_ok_and(|output| output.status.success());
    need(works, "mount namespaces are not allowed", "run as root, or allow user namespaces")
}

/// A control group of version 2 in which groups may be made.
pub fn cgroup() -> Need {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mount = mounts.find(|fields| fields.get(2) == Some(&"cgroup2")).map(|fields| fields[1].to_owned());
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).map(str::to_owned);
    let group = mount.zip(own).map(|(mount, own)| std::path::Path::new(&mount).join(own));
    let group = group.map(|group| group.join(format!("firebench-test-need-{}", std::process::id())));
    let works =
        group.is_some_and(|group| std::fs::create_dir(&group).and_then(|()| std::fs::remove_dir(&group)).is_ok());
    need(works, "no control group can be made", "run as root, or with `systemd-run --user --scope -p Delegate=yes`")
}

/// So many CPUs.
pub fn cpus(count: usize) -> Need {
    let there = firebench_supervise::affinity::own().is_ok_and(|own| own.len() >= count);
    need(there, &format!("there are fewer than {count} CPUs"), "run it on a computer that has more")
}

/// A program of a Debian package.
pub fn program(name: &str, package: &str) -> Need {
    let there = firebench_os::program::find_program(name).is_some();
    need(there, &format!("there is no {name}"), &format!("install with apt-get install {package}"))
}

/// Root.
pub fn root() -> Need {
    need(crate::support::common::is_root(), "it is not run by root", "run it as root: it changes to another user")
}

fn fetch(what: &str) -> String {
    format!("install with `firebench fetch {what}`")
}
