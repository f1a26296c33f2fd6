//! A kind of contender: all that firebench knows of one VMM, or of the bare host, in one place.

use std::path::Path;

use firebench_protocol::End;

use crate::described::DescribedSettings;
use crate::machine::{Accel, Image, Launch, LaunchError, Machine, Paths, Root};
use crate::request::{MachineRequest, Published};
use crate::setting::{Setting, Values};

/// A kind of contender. Its table is [`kinds::ALL`](crate::kinds::ALL).
#[derive(Debug)]
pub struct Kind {
    /// The name in command lines, files and reports.
    pub name: &'static str,
    /// The name in headings and sentences: its own spelling.
    pub title: &'static str,
    /// What stands between its workload and the host, in a few words.
    pub isolates_with: &'static str,
    /// Whether it takes part where the user names nobody.
    pub by_default: bool,
    /// Its program; none where that is firebench's own agent.
    pub program: Option<Program>,
    /// What can execute its instructions.
    pub accels: &'static [Accel],
    /// The most vCPUs that it accepts; where absent, as many as there are CPUs.
    pub max_vcpus: Option<u32>,
    /// What it has beside what every contender has.
    pub settings: &'static [&'static Setting],
    /// What stands before and after the number in the names of the threads that run its vCPUs.
    pub vcpu_threads: &'static [(&'static str, &'static str)],
    /// The code with which it ends when a file that it writes reaches the limit, where it catches the signal.
    pub file_limit_exit: Option<i32>,
    /// Why the CPU time that its workload is told is not what the host gave; none where it is.
    pub own_cpu_account: Option<&'static str>,
    /// What the names of the mappings have in them that hold the memory of its guest, or of its workload where another kernel gives it that;
    /// empty where they have no name. Source: each one's own call of `memfd_create` or `open`.
    pub guest_memory: &'static [&'static str],
    /// What is between its workload and the network card of `--tap`; none where there is no card.
    pub card: Option<&'static str>,
    /// How it runs the workload.
    pub runs: Runs,
}

/// The program of a kind.
#[derive(Debug)]
pub struct Program {
    /// Its name on PATH.
    pub name: &'static str,
    /// The words that ask it for its version.
    pub ask_version: &'static [&'static str],
    /// What the first line of its answer begins with.
    pub version_line: &'static str,
    /// The oldest version that firebench starts; any when absent.
    pub oldest: Option<(u64, u64, u64)>,
    /// The environment variable that names another one, as the option called after the kind does.
    pub variable: &'static str,
    /// How to get it, in a clause.
    pub install: &'static str,
}

/// How a kind runs the workload.
#[derive(Debug)]
pub enum Runs {
    /// In a guest that it boots.
    Guest(Guest),
    /// In a container: processes that see a root of their own.
    Container(Container),
    /// As processes of the host, which the agent starts with the job at the path.
    Process(fn(&Machine, job: &Path, &Paths) -> Result<Launch, LaunchError>),
}

/// A container: how its processes are held.
#[derive(Debug)]
pub struct Container {
    /// Whether its processes see the disks of the host: what they read is counted for them, and what they drop from the page cache
    /// is dropped.
    pub sees_disks: bool,
    /// Whether its processes talk to a kernel of its own in place of the host's.
    pub own_kernel: bool,
    /// From machine and root to a launch. Accelerator and CPUs have been looked at.
    pub launch: fn(&Machine, &Root, &Paths) -> Result<Launch, LaunchError>,
}

/// A VMM: what it boots, and how.
#[derive(Debug)]
pub struct Guest {
    /// What the kernel must have.
    pub kernel: KernelEntry,
    /// What the root disk is called inside.
    pub root_device: &'static str,
    /// How guests reach their devices.
    pub bus: fn(&Values) -> Bus,
    /// Its part of machines that are as alike as VMMs allow.
    pub matched: fn(&MachineRequest) -> Values,
    /// Its machine in the published benchmark, where it had one. What the reader must know about it goes to the notices.
    pub published: Option<fn(&MachineRequest, notices: &mut Vec<String>) -> Published>,
    /// What holds it more closely than every VMM is held.
    pub jail: Jailing,
    /// Files that it needs beside its libraries.
    pub firmware: Option<Firmware>,
    /// How guests end their machine.
    pub end: fn(&Values) -> End,
    /// Its settings in words that VMMs share. Of no values at all, what it does by itself.
    pub describe: fn(&Values) -> DescribedSettings,
    /// From machine and image to a launch. Accelerator and vCPUs have been looked at.
    pub launch: fn(&Machine, &Values, &Image, &Paths) -> Result<Launch, LaunchError>,
}

/// Where a VMM starts a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelEntry {
    /// An ELF `vmlinux` at its 64-bit entry, which every kernel has.
    Elf,
    /// At its PVH entry, which it may lack.
    Pvh,
    /// At the entry of a boot image (bzImage), which unpacks the `vmlinux`.
    BzImage,
    /// Nowhere: the program is the kernel.
    Own,
}

/// How guests reach their devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bus {
    /// virtio-mmio alone: the kernel need not look for a PCI bus.
    Mmio,
    /// virtio-mmio alone, on a machine without ACPI: the kernel finds devices on its command line and CPUs in the MP table, and must
    /// be built for that.
    ListedMmio,
    /// virtio-pci.
    Pci,
    /// virtio-pci, in a machine of which neither firmware nor ACPI tells: the kernel must be told what there is.
    PciByPorts,
    /// Neither: devices of its own, which its kernel knows.
    Own,
}

/// What holds a VMM more closely than every VMM is held.
#[derive(Debug)]
pub enum Jailing {
    /// There is nothing.
    Nothing,
    /// A filter of its own system calls, which some builds lack.
    Filter(Filter),
    /// A program that starts it as another user in a directory of its own. It takes root.
    Jailer(Jailer),
}

/// A filter of a VMM's own system calls.
#[derive(Debug)]
pub struct Filter {
    /// The setting that says which.
    pub setting: &'static Setting,
    /// Its value for a filter that costs nothing: taken where a build has one and the preset does not say otherwise.
    pub on: &'static str,
    /// Its value for `--jail`.
    pub strict: &'static str,
    /// The option of the program.
    pub option: &'static str,
    /// Arguments with which a build that has it ends well, after it is in force.
    pub probe: &'static [&'static str],
    /// What `--jail` does, after the kind's title.
    pub about: &'static str,
    /// Where to get a build that has it, in a clause.
    pub remedy: &'static str,
}

/// A program that jails a VMM.
#[derive(Debug)]
pub struct Jailer {
    /// The setting that holds its path.
    pub setting: &'static Setting,
    /// Its name on PATH, and in place of the VMM's in the names of releases.
    pub name: &'static str,
    /// What the first line of its `--version` begins with.
    pub version_line: &'static str,
    /// What `--jail` does, after the kind's title.
    pub about: &'static str,
    /// Why it takes root, in a clause.
    pub root: &'static str,
}

/// Files that a program finds by itself.
#[derive(Debug)]
pub struct Firmware {
    /// Arguments that make it list its directories, one a line.
    pub ask: &'static [&'static str],
    /// The names of the files there.
    pub files: &'static [&'static str],
}

impl Program {
    /// The words that ask nearly every program for its version.
    pub const VERSION: &'static [&'static str] = &["--version"];
}

impl Kind {
    /// Whether it can run with `accel`.
    pub fn supports(&self, accel: Accel) -> bool {
        self.accels.contains(&accel)
    }

    /// How it boots guests; none where it boots none.
    pub fn guest(&self) -> Option<&Guest> {
        match &self.runs {
            Runs::Guest(guest) => Some(guest),
            Runs::Container(_) | Runs::Process(_) => None,
        }
    }

    /// How it holds processes; none where it is not a container.
    pub fn container(&self) -> Option<&Container> {
        match &self.runs {
            Runs::Container(container) => Some(container),
            Runs::Guest(_) | Runs::Process(_) => None,
        }
    }

    /// Whether its guests have a kernel that is given to it.
    pub fn takes_a_kernel(&self) -> bool {
        self.guest().is_some_and(|guest| guest.kernel != KernelEntry::Own)
    }

    /// Whether its guests boot no kernel of a distribution, but the small one: its machine has no ACPI.
    pub fn needs_the_small_kernel(&self) -> bool {
        self.guest().is_some_and(|guest| (guest.bus)(&Values::default()) == Bus::ListedMmio)
    }

    /// Whether what its workload reads from disks is known.
    pub fn sees_disks(&self) -> bool {
        self.container().is_none_or(|container| container.sees_disks)
    }

    /// Whether its workload runs on a kernel of its own.
    pub fn has_own_kernel(&self) -> bool {
        self.container().map_or(!self.is_host(), |container| container.own_kernel)
    }

    /// Whether it is the bare host, which isolates nothing.
    pub fn is_host(&self) -> bool {
        matches!(self.runs, Runs::Process(_))
    }

    /// Whether the CPU itself runs it, whatever the machine offers: it has neither a virtual CPU nor an emulated one.
    pub fn is_native(&self) -> bool {
        self.accels == [Accel::Native]
    }

    /// Whether its workload runs in a guest, with a kernel and devices of its own.
    pub fn boots_a_guest(&self) -> bool {
        self.guest().is_some()
    }

    /// Whether it can be held more closely than every VMM is.
    pub fn can_be_jailed(&self) -> bool {
        self.guest().is_some_and(|guest| !matches!(guest.jail, Jailing::Nothing))
    }

    /// The settings of its own that users have.
    pub fn settings_of_users(&self) -> impl Iterator<Item = &'static Setting> + use<> {
        self.settings.iter().copied().filter(|setting| setting.of_user)
    }

    /// The setting of its own that users call `key`.
    pub fn setting(&self, key: &str) -> Option<&'static Setting> {
        self.settings_of_users().find(|setting| setting.key == key)
    }
}
