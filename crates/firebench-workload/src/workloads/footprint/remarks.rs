//! What the reader of footprints should know of them.

use firebench_model::record::{ContenderRecord, MemoryUse, Report};
use firebench_text::list;

/// What one VM alone does not tell.
const ALONE: &str = "While one VM runs, the kernel that it maps and its program count as its own, which several VMs share: pss overstates \
what another one adds. Only several at once tell.";

/// What figures of others mean. Source: nsdi2020-data, whose 3, 13 and 131 MB of memory overhead are of the address space.
const ADDRESS_SPACE: &str = "This is memory, not address space: figures of the latter (VSZ), such as 131 MB for QEMU in nsdi2020-data, cannot be \
laid beside these.";

/// The sentences.
pub(super) fn of(report: &Report) -> Vec<String> {
    let names = |which: &dyn Fn(&ContenderRecord) -> bool| -> Vec<String> {
        report.contenders.iter().filter(|contender| which(contender)).map(|contender| contender.name.clone()).collect()
    };
    let guests = names(&|contender| contender.vmm.boots_a_guest());
    let by_size = names(&|contender| last_work(contender).is_some_and(|work| work.guest_by_size));
    let on_the_host = names(&|contender| !contender.vmm.has_own_kernel());
    let mut remarks = Vec::new();
    if !guests.is_empty() {
        remarks.push(ALONE.to_owned());
    }
    if !by_size.is_empty() {
        remarks.push(format!("The guest's memory of {} has no name: it is known by its size.", list(&by_size)));
    }
    if !on_the_host.is_empty() {
        remarks.push(format!(
            "What {} read from files is in the host's page cache, which is not in these figures; a guest's page cache is in its memory.",
            list(&on_the_host)
        ));
    }
    remarks.push(ADDRESS_SPACE.to_owned());
    remarks
}

/// What a contender had after the work of its last boot that was seen.
fn last_work(contender: &ContenderRecord) -> Option<MemoryUse> {
    contender.boots.iter().rev().find_map(|boot| boot.footprint.as_ref()?.work)
}
