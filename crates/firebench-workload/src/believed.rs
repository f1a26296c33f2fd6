//! What of an output is believed, whatever the workload.

use std::collections::BTreeMap;

use firebench_model::plan::Inputs;
use firebench_protocol::IterationReport;
use firebench_stats::Scale;

use crate::reading::{Fault, Reading};
use crate::workload::Workload;

/// What `workload` reads from an output, if it is all there: one value of each of its metrics, such as that can have.
///
/// # Errors
/// [`Fault`], of the workload, or where a value is missing or cannot be.
pub fn read(workload: &dyn Workload, inputs: &Inputs, output: &IterationReport) -> Result<Reading, Fault> {
    let Reading { values, digest } = workload.read(inputs, output)?;
    let mut believed = BTreeMap::new();
    let of_output = if workload.measures_boots() { &[] } else { workload.metrics() };
    for metric in of_output {
        let name = metric.name.as_ref();
        let Some((&name, &value)) = values.get_key_value(name) else {
            return Err(Fault::WrongOutput(format!("the output has no value of {name}")));
        };
        let possible = value.is_finite() && value >= 0.0 && (value > 0.0 || metric.scale == Scale::Raw);
        if !possible {
            let unit = metric.sign();
            return Err(Fault::WrongOutput(format!("the output says {name} = {value:?} {unit}, which cannot be")));
        }
        believed.insert(name, value);
    }
    Ok(Reading { values: believed, digest })
}
