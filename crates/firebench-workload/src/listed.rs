//! The workloads as text. Pure.

use firebench_model::experiment::Experiment;

use crate::table::metrics;
use crate::workload::{Speed, Workload};
use crate::workloads::ALL;

/// What `firebench list workloads` prints: of each workload what it is, its metrics with their units, what it needs, and what its
/// figures do not say.
pub fn render() -> String {
    ALL.iter().map(|workload| described(*workload)).collect::<Vec<_>>().join("\n")
}

fn described(workload: &dyn Workload) -> String {
    let mut text = format!("{}: {}\n", workload.name(), workload.about());
    for metric in metrics(workload).filter(|metric| metric.shown) {
        text += &format!("  {:<10}{}, {}\n", metric.name, metric.title, metric.meaning());
    }
    let payload = workload.needs(&Experiment::default(), Speed::Real).payload;
    let needs = match payload {
        Some(size) => format!("a file of {size} at real speed, unless --size says otherwise"),
        None if workload.is_the_users() => "the command's program on this machine".to_owned(),
        None if workload.service(&Experiment::default(), Speed::Real).is_some() => {
            "a network card, which each contender gets for it".to_owned()
        }
        None => "nothing".to_owned(),
    };
    text + &format!("  needs     {needs}\n  says nothing of {}\n", workload.says_nothing_of())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_workload_is_listed_with_its_metrics() {
        let text = super::render();
        for workload in crate::ALL {
            assert!(text.contains(&format!("{}: {}\n", workload.name(), workload.about())), "{text}");
        }
        assert!(text.contains("real      Time on the clock, in s, less is better"), "{text}");
        assert!(text.contains("says nothing of the bandwidth of memory"), "{text}");
    }
}
