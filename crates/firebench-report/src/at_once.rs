//! Several of a contender at once, in words and cells.

use firebench_analysis::at_once::{Crowd, Distribution, crowds};
use firebench_analysis::findings::Findings;
use firebench_model::metric::Metric;
use firebench_text as text;

use crate::values::Values;

/// What the columns are.
pub const HEADER: [&str; 6] = ["contender", "metric", "min", "median", "90%", "max"];

/// A row of the table: the contender and the metric, then the values.
pub type Row = [String; HEADER.len()];

/// What several at once came to, in rows of the metrics that are `wanted` and in sentences; None where all ran alone.
pub fn at_once(findings: &Findings, wanted: impl Fn(&Metric) -> bool) -> Option<(Vec<Row>, Vec<String>)> {
    let crowds = crowds(findings.report);
    let values = Values::of(&findings.summary);
    let row = |crowd: &Crowd, (metric, found): &(Metric, Distribution)| {
        let cell = |value: f64| format!("{} {}", values.number(metric, value), values.sign(metric));
        let [min, median, p90, max] = [found.min, found.median, found.p90, found.max].map(cell);
        [crowd.contender.clone(), metric.name.to_string(), min, median, p90, max]
    };
    let of = |crowd: &Crowd| {
        let metrics = crowd.metrics.iter().filter(|(metric, _)| wanted(metric));
        metrics.map(|metric| row(crowd, metric)).collect::<Vec<Row>>()
    };
    let rows = crowds.iter().flat_map(of).collect();
    (!crowds.is_empty()).then(|| (rows, crowds.iter().map(sentence).collect()))
}

/// `qemu: 10 at once in each boot, started within 3.1 ms; each took 61 MiB of the host's memory and 410 ms of its CPUs.`
fn sentence(crowd: &Crowd) -> String {
    let started = format!(
        "{}: {} at once in each boot, started within {}",
        crowd.contender,
        crowd.number,
        text::duration(crowd.spread)
    );
    let memory =
        crowd.memory_of_each.map(|bytes| format!("{} of the memory that the host had available", text::bytes(bytes)));
    let cpu = crowd.cpu_of_each.map(|seconds| format!("{} of its CPUs", text::duration(seconds)));
    let costs: Vec<String> = memory.into_iter().chain(cpu).collect();
    match costs.is_empty() {
        true => format!("{started}."),
        false => format!("{started}; each took {}.", text::list(&costs)),
    }
}
