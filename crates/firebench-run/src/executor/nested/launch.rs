//! How the nested host is started, as a pure function.

use std::path::{Path, PathBuf};

use firebench_vmm::kinds::EMULATOR;
use firebench_vmm::preset::emulated_timer;
use firebench_vmm::qemu::SANDBOX_ON;
use firebench_vmm::{Launch, LaunchError, Limits};

use super::monitor::LONGEST_PATH;

/// Virtual CPUs of the nested host. With two, each a thread of its own, the emulated SVM goes wrong now and then: of about 40
/// boots 2 guests and 2 nested hosts hung or restarted. With one, none of 16 did, and they were no slower. Its guests have
/// as many vCPUs as they should anyway.
pub const CPUS: u32 = 1;

/// The nested host's CPU. Of all that QEMU can emulate it lacks what costs time and serves nobody: page tables of five levels,
/// which make each walk longer, and the promise that copying byte by byte is fast, which an emulation does not keep.
const CPU: &str = "max,+svm,+npt,la57=off,erms=off,fsrm=off";

/// The nested host's kernel command line. Its CPU is a thread of a busy computer: the watchdogs would take a pause for a
/// lock-up and ask for a backtrace by NMI, which a CPU that is emulated and just runs a guest does not survive.
///
/// `nohz=off highres=off` gives it a timer that ticks all the time. Else each tick sets the timer for the next one. QEMU 10.0 now
/// and then loses an interrupt when a guest starts; when that is the timer's, nothing ever sets it again. The interrupt of one
/// that ticks is due again a moment later. `docs/nested.md` has the proof.
const CMDLINE: &str = "console=ttyS0 quiet reboot=t panic=-1 mitigations=off nowatchdog \
    rcupdate.rcu_cpu_stall_suppress=1 nohz=off highres=off";

/// The nested host: an emulated machine with AMD SVM, so that its kernel offers a working /dev/kvm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NestedMachine {
    /// The QEMU that emulates it.
    pub qemu: PathBuf,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// The host's TSC frequency in kHz.
    pub tsc_khz: u32,
    /// ELF vmlinux.
    pub kernel: PathBuf,
    /// Initramfs with agent, modules and job.
    pub initramfs: PathBuf,
    /// Raw images, read-only: `/dev/vda`, `/dev/vdb`, ...
    pub drives: Vec<PathBuf>,
    /// Whether that QEMU filters its system calls.
    pub sandbox: bool,
}

impl NestedMachine {
    /// The socket of its monitor, beside its initramfs; none where the path is too long for one.
    pub(super) fn monitor(&self) -> Option<PathBuf> {
        let path = self.initramfs.with_file_name("monitor");
        (path.as_os_str().len() <= LONGEST_PATH).then_some(path)
    }
}

/// The launch of the nested host.
///
/// # Errors
/// [`LaunchError::Path`] when a path is not UTF-8.
pub fn launch(machine: &NestedMachine) -> Result<Launch, LaunchError> {
    let text = |path: &PathBuf| {
        path.to_str().map(str::to_owned).ok_or_else(|| LaunchError::Path {
            vmm: EMULATOR.0.name,
            path: path.clone(),
            reason: "it is not valid UTF-8",
        })
    };
    let mut argv = vec![text(&machine.qemu)?];
    let mut flag = |args: &[&str]| argv.extend(args.iter().map(|&a| a.to_owned()));
    flag(&["-M", "q35", "-accel", "tcg", "-cpu", CPU]);
    flag(&["-smp", &CPUS.to_string(), "-m", &format!("{}m", machine.memory_mib)]);
    flag(&["-kernel", &text(&machine.kernel)?, "-initrd", &text(&machine.initramfs)?]);
    flag(&["-append", &format!("{CMDLINE} {}", emulated_timer(machine.tsc_khz))]);
    flag(&["-nodefaults", "-no-user-config", "-nographic", "-serial", "stdio"]);
    for (index, drive) in machine.drives.iter().enumerate() {
        // QEMU's option syntax doubles a comma that belongs to a value.
        let file = text(drive)?.replace(',', ",,");
        flag(&["-drive", &format!("id=drive{index},file={file},format=raw,if=virtio,readonly=on")]);
    }
    flag(&["-no-reboot"]);
    if let Some(path) = machine.monitor() {
        let path = text(&path)?.replace(',', ",,");
        flag(&["-chardev", &format!("socket,id=monitor,path={path},server=on,wait=off")]);
        flag(&["-mon", "chardev=monitor,mode=control"]);
    }
    if machine.sandbox {
        flag(&["-sandbox", SANDBOX_ON]);
    }
    let limits = Some(Limits::of_guest(machine.memory_mib, machine.drives.clone()));
    // It writes nothing but its monitor's socket, beside its initramfs in the directory of its boot.
    let directory = machine.initramfs.parent().filter(|directory| directory.is_absolute()).map(Path::to_owned);
    Ok(Launch { argv, limits, directory, ..Launch::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_interrupt_of_its_timer_is_followed_by_another() {
        let machine = NestedMachine {
            qemu: "/usr/bin/qemu-system-x86_64".into(),
            memory_mib: 1024,
            tsc_khz: 2_000_000,
            kernel: "/vmlinux".into(),
            initramfs: "/boot-1/initramfs".into(),
            drives: Vec::new(),
            sandbox: false,
        };
        let launch = launch(&machine).unwrap();
        let mut words = launch.argv.iter().skip_while(|word| *word != "-append").skip(1);
        let command_line: Vec<&str> = words.next().unwrap().split(' ').collect();
        for word in ["nohz=off", "highres=off"] {
            assert!(command_line.contains(&word), "{command_line:?}: a timer of one shot, docs/nested.md");
        }
    }
}
