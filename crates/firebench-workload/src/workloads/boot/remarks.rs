//! What the reader of whole boots should know of them.

use firebench_model::record::{ContenderRecord, Report};
use firebench_protocol::End;
use firebench_text::list;

/// Which figures of others can be laid beside these. Source: the publications' own descriptions of what they measure.
const BESIDE_OTHERS: &str = "Beside the figures of others: Firecracker's own tests count from InstanceStart until init runs, of which boot is \
the nearest; nsdi2020-data counts until the VMM has ended, which is total; microvm-benchmarks counts the whole command, which is total and \
launch, and its console is not quiet.";

/// The sentences.
pub(super) fn of(report: &Report) -> Vec<String> {
    let guests: Vec<&ContenderRecord> = report.contenders.iter().filter(|c| c.vmm.boots_a_guest()).collect();
    let mut remarks: Vec<String> = console(&guests).into_iter().collect();
    remarks.push(ends(report));
    remarks.push(BESIDE_OTHERS.to_owned());
    remarks
}

/// Whose kernel writes its messages to the console.
fn console(guests: &[&ContenderRecord]) -> Option<String> {
    let names = |quiet: bool| {
        let of = guests.iter().filter(|guest| is_quiet(&guest.cmdline) == quiet);
        of.map(|guest| guest.name.clone()).collect::<Vec<_>>()
    };
    let (quiet, loud) = (names(true), names(false));
    let kernels = |names: &[String]| format!("the kernel of {}", list(names));
    Some(match (quiet.as_slice(), loud.as_slice()) {
        ([], []) => return None,
        (quiet, []) => format!("On the serial console, {} is quiet.", kernels(quiet)),
        ([], loud) => format!("On the serial console, {} writes its messages, each byte an exit.", kernels(loud)),
        (quiet, loud) => format!(
            "On the serial console, {} is quiet, and {} writes its messages, each byte an exit.",
            kernels(quiet),
            kernels(loud)
        ),
    })
}

/// Whether a kernel with this command line keeps its messages to itself: the last word counts.
///
/// Source: the kernel's `kernel/printk/printk.c`, `init/main.c`: `quiet` is level 4, `debug` is 10.
fn is_quiet(cmdline: &str) -> bool {
    let quiet = |word: &str| match word.split_once('=') {
        None if word == "quiet" => Some(true),
        None if word == "debug" || word == "ignore_loglevel" => Some(false),
        Some(("loglevel", level)) => level.parse::<u32>().ok().map(|level| level <= 4),
        _ => None,
    };
    cmdline.split_ascii_whitespace().rev().find_map(quiet).unwrap_or(false)
}

/// How the contenders end.
fn ends(report: &Report) -> String {
    let names = |end: Option<End>| {
        let of = |contender: &&ContenderRecord| {
            let guest = contender.settings.as_ref().filter(|_| contender.vmm.boots_a_guest());
            guest.map(|settings| settings.end()) == end
        };
        report.contenders.iter().filter(of).map(|contender| contender.name.clone()).collect::<Vec<_>>()
    };
    let ways = [
        (names(Some(End::Restart)), "by a restart of the guest, which the VMM takes for the end"),
        (names(Some(End::PowerOff)), "by switching off"),
        (names(None), "with the first process"),
    ];
    let ways = ways.iter().filter(|(names, _)| !names.is_empty());
    let ways: Vec<String> = ways.map(|(names, how)| format!("{} {how}", list(names))).collect();
    format!("How they end: {}.", ways.join("; "))
}

#[cfg(test)]
mod tests {
    use super::is_quiet;

    #[test]
    fn the_last_word_decides_what_a_kernel_writes() {
        for line in ["console=ttyS0 quiet reboot=t", "loglevel=7 quiet", "loglevel=3"] {
            assert!(is_quiet(line), "{line}");
        }
        for line in ["", "console=ttyS0", "quiet loglevel=7", "quiet debug", "quiet ignore_loglevel"] {
            assert!(!is_quiet(line), "{line}");
        }
    }
}
