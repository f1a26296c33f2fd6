//! The smallest guest there is: one page, real mode, a counted loop.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd, VmFd};

use super::timeout::Stop;

/// `dec ecx; jnz $-2; hlt`, as 16-bit code. The count is put into the register from outside.
const LOOP: [u8; 5] = [0x66, 0x49, 0x75, 0xfc, 0xf4];
/// Where the page lies in the guest's memory.
const GUEST_ADDRESS: u64 = 0x1000;
/// Three pages that Intel's KVM wants for real mode (`KVM_SET_TSS_ADDR`), far from the guest's own.
const TSS_ADDRESS: usize = 0xfffb_d000;

#[repr(C, align(4096))]
struct Page([u8; 4096]);

/// Why the guest did not run.
#[derive(Debug, thiserror::Error)]
pub(super) enum GuestError {
    /// The device cannot be opened.
    #[error("{}", std::io::Error::from_raw_os_error(*.0))]
    Open(i32),
    /// A call of the KVM API failed.
    #[error("{call}: {}", std::io::Error::from_raw_os_error(*.errno))]
    Call {
        /// Which one.
        call: &'static str,
        /// Its error.
        errno: i32,
    },
    /// The calls worked and the guest did something else than count.
    #[error("the guest ended with {0} instead of counting down its register")]
    Guest(String),
}

fn failed(call: &'static str) -> impl Fn(kvm_ioctls::Error) -> GuestError {
    move |error| GuestError::Call { call, errno: error.errno() }
}

/// A vCPU of its own VM, without memory.
pub(super) struct Vm {
    // Dropped in this order: the vCPU before its VM.
    vcpu: VcpuFd,
    vm: VmFd,
}

impl Vm {
    pub(super) fn new(device: &Path) -> Result<Vm, GuestError> {
        let path = CString::new(device.as_os_str().as_bytes()).map_err(|_| GuestError::Open(libc::EINVAL))?;
        let kvm = Kvm::new_with_path(path).map_err(|error| GuestError::Open(error.errno()))?;
        let vm = kvm.create_vm().map_err(failed("KVM_CREATE_VM"))?;
        let vcpu = vm.create_vcpu(0).map_err(failed("KVM_CREATE_VCPU"))?;
        Ok(Vm { vcpu, vm })
    }

    /// The frequency of the vCPU's time-stamp counter in kHz: the host's, since nothing has changed it.
    pub(super) fn tsc_khz(&self) -> Result<u32, GuestError> {
        self.vcpu.get_tsc_khz().map_err(failed("KVM_GET_TSC_KHZ"))
    }
}

/// The guest.
pub(super) struct LoopGuest {
    vm: Vm,
    /// The guest's memory; after `vm`, so that it outlives it.
    _page: Box<Page>,
}

impl LoopGuest {
    pub(super) fn new(device: &Path) -> Result<LoopGuest, GuestError> {
        let vm = Vm::new(device)?;
        // Only Intel needs it, and only some kernels: if it is missed, the guest's end will tell.
        let _ = vm.vm.set_tss_address(TSS_ADDRESS);

        let mut page = Box::new(Page([0; 4096]));
        for (byte, code) in page.0.iter_mut().zip(LOOP) {
            *byte = code;
        }
        let region = kvm_userspace_memory_region {
            slot: 0,
            flags: 0,
            guest_phys_addr: GUEST_ADDRESS,
            memory_size: size_of::<Page>() as u64,
            userspace_addr: (&raw mut *page) as u64,
        };
        #[expect(unsafe_code, reason = "gives the guest a page of ours for its memory")]
        // SAFETY: the region is exactly `page`, which is page-aligned, is touched by nothing but the guest from here
        // on, and is freed only after the VM (field order of LoopGuest).
        unsafe { vm.vm.set_user_memory_region(region) }.map_err(failed("KVM_SET_USER_MEMORY_REGION"))?;

        let mut special = vm.vcpu.get_sregs().map_err(failed("KVM_GET_SREGS"))?;
        special.cs.base = 0;
        special.cs.selector = 0;
        vm.vcpu.set_sregs(&special).map_err(failed("KVM_SET_SREGS"))?;
        Ok(LoopGuest { vm, _page: page })
    }

    /// Runs the loop once and says how long it took, the way into the guest and out of it included.
    pub(super) fn run(&mut self, loops: u32, stop: &Stop) -> Result<Duration, GuestError> {
        let vcpu = &mut self.vm.vcpu;
        let mut registers = vcpu.get_regs().map_err(failed("KVM_GET_REGS"))?;
        registers.rcx = u64::from(loops);
        registers.rip = GUEST_ADDRESS;
        registers.rflags = 2;
        vcpu.set_regs(&registers).map_err(failed("KVM_SET_REGS"))?;

        let started = Instant::now();
        let exit = loop {
            // A worker that waited for a CPU may have missed the signals that would have interrupted it.
            if stop.load(Ordering::SeqCst) {
                return Err(GuestError::Guest("nobody waits for it any more".to_owned()));
            }
            match vcpu.run() {
                Ok(VcpuExit::Hlt) => break "HLT".to_owned(),
                Ok(other) => return Err(GuestError::Guest(format!("{other:?}"))),
                // A signal that was meant for somebody else.
                Err(error) if error.errno() == libc::EINTR => {}
                Err(error) => return Err(failed("KVM_RUN")(error)),
            }
        };
        let elapsed = started.elapsed();

        let left = vcpu.get_regs().map_err(failed("KVM_GET_REGS"))?.rcx;
        if left == 0 { Ok(elapsed) } else { Err(GuestError::Guest(format!("{exit} and {left} iterations left"))) }
    }
}
