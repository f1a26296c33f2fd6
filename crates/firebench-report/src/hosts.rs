//! The host's facts, for people.

use firebench_model::host::{Cgroups, HostFacts};
use firebench_text as text;

/// The host in a phrase.
pub fn phrase(host: &HostFacts) -> String {
    let cpus = host.cpus_phrase();
    let quota = host.quota_in_words().map(|quota| format!("limited to {quota}"));
    let kernel = host.kernel.as_ref().map(|kernel| format!("Linux {kernel}"));
    let words: Vec<String> =
        [host.cpu_model.clone(), cpus, quota, kernel, host.distro.clone()].into_iter().flatten().collect();
    if words.is_empty() { "unknown".to_owned() } else { words.join(", ") }
}

/// The quota on CPU time, with what is not known of it.
fn quota(host: &HostFacts) -> Option<String> {
    let limit = host.cpu_limit.as_ref()?;
    let known = host.quota_in_words().unwrap_or_else(|| "none".to_owned());
    let beyond = if limit.hidden { "; groups above this container cannot be seen" } else { "" };
    Some(format!("{known}{beyond}"))
}

/// Every known fact: name and value.
pub fn rows(host: &HostFacts) -> Vec<(String, String)> {
    let yes_no = |known: Option<bool>| known.map(|yes| if yes { "yes" } else { "no" }.to_owned());
    let bytes = |known: Option<u64>| known.map(text::bytes);
    let hypervisor = match (&host.hypervisor, host.virtualised) {
        (Some(signature), _) => format!("yes, {signature}"),
        (None, true) => "yes".to_owned(),
        (None, false) => "no".to_owned(),
    };
    let huge_pages = host.huge_pages.map(|h| format!("{} of {}, {} free", h.total, text::bytes(h.size), h.free));
    let cgroups = match host.cgroups {
        Cgroups::None => "none",
        Cgroups::V1 => "v1",
        Cgroups::V2 => "v2",
        Cgroups::Hybrid => "v1 and v2",
    };
    let governors = (!host.governors.is_empty()).then(|| host.governors.join(", "));
    let facts = [
        ("CPU model", host.cpu_model.clone()),
        ("CPUs", host.cpus_in_words()),
        ("CPU quota", quota(host)),
        ("memory", bytes(host.memory_total)),
        ("memory available", bytes(host.memory_available)),
        ("swap", bytes(host.swap_total)),
        ("swap used", bytes(host.swap_used)),
        ("huge pages", huge_pages),
        ("transparent huge pages", host.transparent_huge_pages.clone()),
        ("same-page merging (KSM)", yes_no(host.ksm)),
        ("cold memory is paged out (DAMON)", yes_no(host.damon)),
        ("kernel", host.kernel.clone()),
        ("distribution", host.distro.clone()),
        ("is a guest itself", Some(hypervisor)),
        ("frequency governors", governors),
        ("turbo", yes_no(host.turbo)),
        ("hyper-threads", yes_no(host.smt)),
        ("load average", host.load_average.map(|load| load.map(|l| format!("{l:.2}")).join(" "))),
        ("steal since boot", host.steal.map(|share| format!("{:.2}%", share * 100.0))),
        ("control groups", Some(cgroups.to_owned())),
        ("clock source", host.clocksource.clone()),
        ("free space for images", bytes(host.disk_free)),
    ];
    let known = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let mitigations = host.mitigations.iter().map(|(name, value)| (format!("mitigation: {name}"), value.clone()));
    known.chain(mitigations).collect()
}
