//! From an experiment to a plan: chooses the accelerator, finds the programs, makes the images, decides every path,
//! deadline and command line.

mod block;
mod command;
mod confine;
mod contenders;
mod cpus;
mod defaults;
mod disks;
mod error;
mod given;
mod kernels;
mod parts;
mod places;
mod records;
mod resolved;
mod roots;
mod service;

use std::path::{Path, PathBuf};

use cpus::Cpus;
use disks::{Disks, Work};
use firebench_host::accel::{self, Chosen, NoKvm};
use firebench_host::facts;
use firebench_host::tools::{self, Tool};
use firebench_image::cache::Cache;
use firebench_image::prepare::PreparedKernel;
use firebench_model::experiment::{ContenderSpec, Experiment, Preset};
use firebench_model::host::HostFacts;
use firebench_model::plan::{Inputs, Plan, PlannedContender, System};
use firebench_model::record::{Artifact, NestedHost, Report};
use firebench_model::throttle;
use firebench_run::executor::local::{self, Local};
use firebench_run::executor::nested::{self, Nested, Parts};
use firebench_run::executor::{Executor, Place};
use firebench_run::runner::CONTAINED_AGENT;
use firebench_supervise::kvm;
use firebench_text::units::Size;
use firebench_vmm::kind::{Guest, KernelEntry, Runs};
use firebench_vmm::kinds::EMULATOR;
use firebench_vmm::preset;
use firebench_vmm::request::MachineRequest;
use firebench_vmm::{Machine, RootFile, Settings};
use kernels::{GuestKernel, Initramfs, Kernels};
use parts::{Programs, artifact};

pub use error::PrepareError;
pub use parts::addition;
pub use places::Places;
pub use roots::{mount_points, root_source};

/// A run, ready to start.
#[derive(Debug)]
pub struct Prepared {
    /// What to do, with paths of this machine.
    pub plan: Plan,
    /// Where to do it.
    pub executor: Box<dyn Executor>,
    /// The report without what the run will bring.
    pub report: Report,
    /// The CPU that firebench itself stays on, where vCPUs are bound to others.
    pub harness: Option<u32>,
    /// Why no VM of it would start.
    pub no_kvm: Option<NoKvm>,
    /// What a dry run did not find, and did not build.
    pub missing: Vec<String>,
    /// Keep the files in the cache.
    disks: Disks,
    _kernels: (Kernels, Option<PreparedKernel>),
}

impl Prepared {
    /// Gives back what it held in the cache, of which it removes what was made for this run alone: disks of another layout.
    ///
    /// # Errors
    /// [`PrepareError`] when a file cannot be removed.
    pub fn discard(self, cache: &Cache) -> Result<(), PrepareError> {
        self.disks.discard(cache)
    }
}

/// Puts a run together.
struct PlanBuilder<'a> {
    experiment: &'a Experiment,
    places: &'a Places,
    chosen: Chosen,
    carded: bool,
    place: Place,
    cpus: Cpus,
    host: HostFacts,
    tsc_khz: u32,
    agent: PathBuf,
    notices: Vec<String>,
    kernels: Kernels,
    disks: Disks,
    /// Each with a contender that uses it.
    artifacts: Vec<(String, Artifact)>,
}

/// A contender, put together.
struct BuiltContender {
    planned: PlannedContender,
    disk_bytes: u64,
}

/// Makes everything that `experiment` needs.
///
/// # Errors
/// [`PrepareError`] names what is missing.
pub fn prepare(experiment: &Experiment, places: &Places) -> Result<Prepared, PrepareError> {
    let workload = firebench_workload::check(experiment)?;
    given::check(experiment)?;
    let kvm = kvm::probe(Path::new(kvm::DEVICE));
    let specs = experiment.specs();
    let chosen = accel::choose(experiment.accel, &kvm, experiment.all_native());
    let no_kvm = accel::no_kvm(&chosen, &kvm);
    let speed = defaults::speed(&chosen);
    let design = defaults::design(&experiment.design, workload.measures_boots(), &chosen)?;
    let host = facts::read(Path::new("/"), places.cache.dir(), kvm.hypervisor.clone());
    let mut notices: Vec<String> = throttle::caveat(&host).into_iter().collect();
    let specs = contenders::able(specs, &chosen, &mut notices)?;
    // Whoever is asked has a card for it.
    let carded = experiment.machine.tap || workload.service(experiment, speed).is_some();
    notices.extend(contenders::without_a_card(&specs, &experiment.machine));
    let place = if chosen.nested { nested::PLACE } else { local::PLACE };
    confine::check_rights(&specs, &experiment.machine, place)?;
    let cpus = cpus::share_out(experiment, specs.len(), place, host.usable_cpus(), &mut notices)?;
    for spec in &specs {
        machine(experiment, spec, &chosen, &cpus)?;
    }
    let programs = Programs::find(&experiment.files, &specs, chosen.nested, &places.data_dir)?;
    let mut with_choices = experiment.clone();
    workload.choose(&mut with_choices, speed);
    let experiment = &with_choices;
    block::fits_payload(experiment, workload, speed)?;
    let disks = Disks::prepare(experiment, workload, speed, &programs.busybox, places)?;
    let mut builder = PlanBuilder {
        experiment,
        places,
        chosen,
        carded,
        place,
        cpus,
        host,
        tsc_khz: kvm::tsc_khz(Path::new(kvm::DEVICE)).khz,
        agent: programs.agent.clone(),
        notices,
        kernels: Kernels::default(),
        disks,
        artifacts: Vec::new(),
    };
    let mut built = Vec::with_capacity(specs.len());
    for (spec, tool) in specs.iter().zip(&programs.contenders) {
        built.push(match &spec.vmm.runs {
            Runs::Guest(guest) => builder.vm(spec, guest, tool)?,
            Runs::Container(_) => builder.container(spec, tool)?,
            Runs::Process(_) => builder.process(spec, tool)?,
        });
    }
    block::fits_memory(experiment, built.iter().map(|built| &built.planned))?;
    let memory = |built: &BuiltContender| built.planned.machine.memory_mib.saturating_mul(built.planned.concurrent);
    let largest_mib = built.iter().map(memory).max().unwrap_or(0);
    let disk_bytes = built.iter().map(|built| built.disk_bytes).max().unwrap_or(0);
    let available = builder.host.memory_available;
    let host_cache = defaults::host_cache(experiment.design.host_cache, disk_bytes, largest_mib, available);
    builder.cpus.bind(built.iter_mut().map(|built| &mut built.planned))?;
    let missing = builder.disks.missing.clone();
    let mut inputs = Inputs {
        payload: builder.disks.payload.clone(),
        block: experiment.payload.block(),
        hash_loop: experiment.hash_loop,
        answer: places.build.then(|| workload.answer(experiment)).flatten(),
        ..Inputs::default()
    };
    if let Some(service) = &builder.disks.service {
        inputs.drive = Some(service::drive(service, &inputs));
        built.iter_mut().for_each(|built| built.planned.peer = Some(service::peer(service, &built.planned)));
    }
    if let Some(own) = &builder.disks.own {
        own.expect(&mut inputs);
        builder.notices.extend(own.notices.iter().cloned());
    }
    if let Some(root) = &builder.disks.root {
        let contained = specs.iter().any(|spec| spec.vmm.container().is_some());
        builder.notices.extend(root.notices(contained, experiment.files.overlay, experiment.design.layout));
    }
    let plan = Plan {
        contenders: built.into_iter().map(|built| built.planned).collect(),
        design: design.settings(specs.len()),
        primary: firebench_workload::primary(workload, experiment).to_owned(),
        done: Vec::new(),
        extended: Vec::new(),
        workload: experiment.workload.clone(),
        deadlines: defaults::deadlines(speed, workload.deadline(&inputs, speed), &experiment.design),
        inputs,
        cold: experiment.design.cold,
        host_cache,
        settle: design.pause(),
        attempts: defaults::attempts(&builder.chosen),
        max_failures: experiment.design.max_failures.unwrap_or(defaults::MAX_FAILURES),
        emulated: builder.chosen.emulated,
        host_cpus: place.cpus.or(builder.host.cpus).unwrap_or(1),
        cpu_sets: builder.cpus.sets.clone(),
    };
    let Inside { nested, record: nested_record, kernel: nested_kernel } =
        builder.nested(&plan, &programs, largest_mib, disk_bytes)?;
    let mut experiment = resolved::resolved(experiment, &plan, &design);
    if let Some(own) = &builder.disks.own {
        experiment.command = Some(own.resolved());
    }
    let report = records::report(
        experiment,
        builder.chosen,
        &plan,
        &programs,
        records::Seen {
            host: builder.host,
            payload: plan.inputs.payload.clone().unwrap_or_default(),
            artifacts: parts::shared(builder.artifacts, plan.contenders.len()),
            notices: builder.notices,
            nested_host: nested_record,
        },
    )?;
    Ok(Prepared {
        plan,
        executor: nested.map_or_else(|| Box::new(Local) as Box<dyn Executor>, |nested| Box::new(nested)),
        report,
        harness: builder.cpus.harness,
        no_kvm,
        missing,
        disks: builder.disks,
        _kernels: (builder.kernels, nested_kernel),
    })
}

impl PlanBuilder<'_> {
    /// A contender in a VM.
    fn vm(&mut self, spec: &ContenderSpec, guest: &Guest, tool: &Tool) -> Result<BuiltContender, PrepareError> {
        contenders::check_version(spec, tool)?;
        let GuestKernel { file: kernel_file, version, release, modules, networked, acpi, mut notices } =
            match guest.kernel {
                KernelEntry::Own => GuestKernel::own(spec, tool, self.experiment.files.overlay)?,
                KernelEntry::Elf | KernelEntry::Pvh | KernelEntry::BzImage => {
                    self.kernels.of_guest(spec, &self.experiment.files, self.places)?
                }
            };
        let (vcpus, memory_mib) = machine(self.experiment, spec, &self.chosen, &self.cpus)?;
        let request = MachineRequest {
            accel: contenders::accel(spec, &self.chosen),
            vcpus,
            memory_mib,
            tap: self.carded,
            tsc_khz: self.tsc_khz,
            // The nested host's CPU is an AMD, whatever this machine has.
            intel: self.place.this_machine
                && self.host.cpu_model.as_deref().is_some_and(|model| model.contains("Intel")),
            acpi_kernel: acpi,
            modular_kernel: !modules.is_empty(),
            own: contenders::own_values(spec),
            append: self.experiment.machine.append.clone(),
        };
        let vm = match self.experiment.preset {
            Preset::Matched => preset::matched(spec.vmm, &request),
            Preset::Published => preset::published(spec.vmm, &request, &mut notices),
        };
        #[expect(clippy::expect_used, reason = "the caller asks for others elsewhere, and the experiment was checked")]
        let mut vm = vm.expect("a kind that boots a guest has a machine");
        contenders::customise(&mut vm, spec);
        notices.extend(contenders::missing_huge_pages(&spec.name, &vm, self.place, self.host.huge_pages));
        notices.extend(contenders::not_laid_out(spec, self.experiment.design.layout));
        notices.extend(contenders::clock_missed(&spec.name, &vm, &release));
        let jail = confine::jailed(spec, &self.experiment.machine)?;
        // The jail is called after the program behind all links.
        let tool = &Tool { path: if jail { real(&tool.path) } else { tool.path.clone() }, ..tool.clone() };
        let jailer = confine::confine(&mut vm, tool, jail, self.experiment.preset, &mut notices)?;
        for notice in notices {
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
        if spec.vmm.is_native() {
            vm.machine.cpus = self.cpus_of(vcpus);
        }
        let has_tap = vm.machine.tap.is_some();
        let modules = if has_tap { networked? } else { modules };
        let initramfs = self.kernels.initramfs(&kernel_file, &modules, &self.agent, self.places)?;
        let work = self.disks.of_vm(spec, self.places)?;
        let cache = &self.places.cache;
        if !self.places.build {
            return Ok(built(spec, vm.machine, system(vm.settings, kernel_file, initramfs, vm.cmdline), tool, work));
        }
        let kernel = Artifact { version, ..artifact("kernel", &kernel_file, cache)? };
        self.artifacts.push((spec.name.clone(), kernel));
        self.artifacts.push((spec.name.clone(), initramfs.artifact.clone()));
        self.artifacts.push((spec.name.clone(), artifact("root disk", &work.disk, cache)?));
        self.programs_of(spec, &work)?;
        if let Some(jailer) = &jailer {
            let file = Artifact { version: Some(jailer.version.clone()), ..artifact("jailer", &jailer.path, cache)? };
            self.artifacts.push((spec.name.clone(), file));
        }
        Ok(built(spec, vm.machine, system(vm.settings, kernel_file, initramfs, vm.cmdline), tool, work))
    }

    /// A contender on the bare host.
    fn process(&mut self, spec: &ContenderSpec, tool: &Tool) -> Result<BuiltContender, PrepareError> {
        let machine = self.guestless_machine(spec)?;
        let work = self.disks.of_host(spec, self.places)?;
        if self.places.build {
            self.programs_of(spec, &work)?;
        }
        Ok(built(spec, machine, System::Process { vmm: spec.vmm }, tool, work))
    }

    /// A contender in a container.
    fn container(&mut self, spec: &ContenderSpec, tool: &Tool) -> Result<BuiltContender, PrepareError> {
        let machine = self.guestless_machine(spec)?;
        if self.disks.root.is_some() && !self.place.this_machine {
            return Err(PrepareError::RootInNested { name: spec.name.clone() });
        }
        let (work, mut files, root) = self.disks.of_container(spec, self.places)?;
        files.push(RootFile { path: self.agent.clone(), seen: CONTAINED_AGENT.to_owned() });
        if self.places.build {
            self.programs_of(spec, &work)?;
        }
        Ok(built(spec, machine, System::Container { vmm: spec.vmm, files, root }, tool, work))
    }

    /// What a workload without a guest may use.
    fn guestless_machine(&mut self, spec: &ContenderSpec) -> Result<Machine, PrepareError> {
        let (vcpus, memory_mib) = machine(self.experiment, spec, &self.chosen, &self.cpus)?;
        let wanted = spec.vcpus.or(self.experiment.machine.vcpus).unwrap_or(vcpus);
        if vcpus < wanted {
            let name = &spec.name;
            self.notices.push(format!("{name} has {vcpus} of the {wanted} CPUs: firebench may use no more here"));
        }
        let accel = contenders::accel(spec, &self.chosen);
        let veth = (self.carded && spec.vmm.container().is_some()).then(preset::veth);
        Ok(Machine { vcpus, memory_mib, accel, tap: None, veth, cpus: self.cpus_of(vcpus) })
    }

    /// As many CPUs as a VM has vCPUs. Elsewhere nobody knows their numbers yet.
    fn cpus_of(&self, vcpus: u32) -> Option<Vec<u32>> {
        self.cpus.own.as_ref().map(|cpus| cpus.iter().copied().take(vcpus as usize).collect())
    }

    /// Notes what every contender has: agent and busybox.
    fn programs_of(&mut self, spec: &ContenderSpec, work: &Work) -> Result<(), PrepareError> {
        let cache = &self.places.cache;
        let version = Some(env!("CARGO_PKG_VERSION").to_owned());
        let agent = Artifact { version, ..artifact("agent", &self.agent, cache)? };
        self.artifacts.push((spec.name.clone(), agent));
        let named =
            self.disks.own.iter().flat_map(|own| own.named()).filter(|path| work.program.as_ref() != Some(*path));
        for path in named {
            self.artifacts.push((spec.name.clone(), artifact("file", path, cache)?));
        }
        if let Some(root) = &self.disks.root {
            self.artifacts.push((spec.name.clone(), root.artifact()));
        }
        if let Some(program) = &work.program {
            self.artifacts.push((spec.name.clone(), artifact("program", program, cache)?));
        }
        if let Some(busybox) = &work.busybox {
            self.artifacts.push((spec.name.clone(), artifact("busybox", busybox, cache)?));
        }
        Ok(())
    }

    /// The nested host, where the run takes place in one, and its kernel.
    fn nested(
        &self,
        plan: &Plan,
        programs: &Programs,
        largest_mib: u32,
        disk_bytes: u64,
    ) -> Result<Inside, PrepareError> {
        let Some(qemu) = &programs.nested else { return Ok(Inside::default()) };
        let kernel = kernels::nested(self.places)?;
        let parts = Parts {
            qemu: qemu.path.clone(),
            firebench: programs.firebench.clone(),
            agent: programs.agent.clone(),
            kernel: kernel.vmlinux.clone(),
            modules: kernel.modules(parts::NESTED_HOST)?,
            memory_mib: defaults::nested_memory_mib(largest_mib, disk_bytes, plan.host_cache),
            tsc_khz: self.tsc_khz,
            sandbox: tools::has_filter(EMULATOR, &qemu.path),
        };
        let nested = self.places.build.then(|| Nested::prepare(plan, &parts, &self.places.cache)).transpose()?;
        let machine = match &nested {
            Some(nested) => nested.machine().clone(),
            None => parts.outline(plan),
        };
        let record = Some(records::nested_host(&machine, qemu, &kernel)?);
        Ok(Inside { nested, record, kernel: Some(kernel) })
    }
}

/// A run's nested host, where it has one.
#[derive(Default)]
struct Inside {
    nested: Option<Nested>,
    record: Option<NestedHost>,
    kernel: Option<PreparedKernel>,
}

/// vCPUs and memory of a contender, its own or the experiment's.
fn machine(
    experiment: &Experiment,
    spec: &ContenderSpec,
    chosen: &Chosen,
    cpus: &Cpus,
) -> Result<(u32, u32), PrepareError> {
    let wanted = &experiment.machine;
    let vcpus = cpus.vcpus(spec, experiment);
    cpus.suffice(&spec.name, vcpus)?;
    let own = cpus.own.as_ref().map(Vec::len);
    let vcpus = contenders::possible_vcpus(spec, vcpus, own, experiment.only_hosts())?;
    let memory = spec.memory.or(wanted.memory).and_then(Size::mib);
    Ok((vcpus, memory.unwrap_or_else(|| defaults::memory_mib(chosen))))
}

fn system(settings: Settings, kernel: PathBuf, initramfs: Initramfs, cmdline: String) -> System {
    System::Vm { settings, kernel, initramfs: initramfs.path, cmdline }
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn built(spec: &ContenderSpec, machine: Machine, system: System, tool: &Tool, work: Work) -> BuiltContender {
    let planned = PlannedContender {
        name: spec.name.clone(),
        machine,
        system,
        concurrent: spec.concurrent.unwrap_or(1),
        libraries: tools::libraries(&tool.path),
        peer: None,
        binary: tool.path.clone(),
        task: work.task,
        disk: work.disk,
        overlay: work.overlay,
    };
    BuiltContender { planned, disk_bytes: work.bytes }
}
