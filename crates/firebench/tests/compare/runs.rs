//! Runs to compare.

use firebench_analysis::compare::{self, CompareError, Comparison, Operand, Run};
use firebench_analysis::gate::Limit;
use firebench_model::record::{BootRecord, Report};

use crate::fixture::{boot, published};

/// A name that tries to leave every place where it is put.
pub const HOSTILE: &str = "::error::<&\">|`x`\u{1b}[31m\n##[error]\u{202e}";

/// Noise of six boots: mean 0, about 1% if it is a share.
const NOISE: [f64; 6] = [-0.012, 0.008, -0.004, 0.011, -0.007, 0.004];

/// A run of qemu and firecracker with a scout of one block, then six, and warm-up of one iteration. All that does not count
/// is far off.
pub fn run(qemu: f64, firecracker: f64) -> Report {
    let mut report = published();
    report.design.scout_blocks = 1;
    report.design.planned = Some(6);
    for (contender, real) in report.contenders.iter_mut().zip([qemu, firecracker]) {
        contender.boots = boots(real);
    }
    report
}

/// The boots of a contender that takes `real` seconds, and a tenth of it in the kernel.
pub fn boots(real: f64) -> Vec<BootRecord> {
    let times = |factor: f64| [real * factor, real * 0.9 * factor, real * 0.1 * factor];
    let counted = NOISE.map(|noise| times(1.0 + noise));
    let scout = boot(0, 0, &[times(9.0); 3]);
    let boots = (1..).zip(counted).map(|(block, times)| boot(block, 0, &[times.map(|time| time * 5.0), times, times]));
    std::iter::once(scout).chain(boots).collect()
}

/// Six runs that repeat one another, each off by as much as a boot of [`run`].
pub fn runs(qemu: f64, firecracker: f64) -> Vec<Report> {
    NOISE.map(|noise| run(qemu * (1.0 + noise), firecracker * (1.0 + noise))).to_vec()
}

pub fn operand(given: &str, report: Report) -> Operand {
    Operand::of_run(given, report, None)
}

/// A side of several runs.
pub fn side(given: &str, reports: Vec<Report>) -> Operand {
    let mut runs =
        (1..).zip(reports).map(|(number, report)| Run { given: format!("{given}/{number}"), file: None, report });
    let first = runs.next().expect("a run");
    Operand { given: given.to_owned(), first, further: runs.collect(), contender: None }
}

pub fn limits(texts: &[&str]) -> Vec<Limit> {
    texts.iter().map(|text| text.parse().expect("a limit")).collect()
}

/// Compares whole runs.
pub fn try_compare(a: Report, b: Report, texts: &[&str]) -> Result<Comparison, CompareError> {
    compare::compare(&operand("a.json", a), &operand("b.json", b), &limits(texts))
}

/// Compares whole runs that can be compared.
pub fn compare(a: Report, b: Report, texts: &[&str]) -> Comparison {
    try_compare(a, b, texts).unwrap_or_else(|error| panic!("{error}"))
}

/// Compares runs that repeat one another.
pub fn try_compare_runs(a: Vec<Report>, b: Vec<Report>, texts: &[&str]) -> Result<Comparison, CompareError> {
    compare::compare(&side("a", a), &side("b", b), &limits(texts))
}

/// Compares runs that repeat one another and can be compared.
pub fn compare_runs(a: Vec<Report>, b: Vec<Report>, texts: &[&str]) -> Comparison {
    try_compare_runs(a, b, texts).unwrap_or_else(|error| panic!("{error}"))
}
