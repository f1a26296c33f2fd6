//! From the origin's matrix to experiments: one for each workload and number of VMs at once.

use firebench_model::experiment::{ContenderError, ContenderSpec, Experiment, WorkloadName};
use firebench_text as text;
use firebench_text::units::Size;

use super::published::{Column, MEASURES};

/// What is wanted of the matrix, and where it is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The workload alone that is wanted; None for all.
    pub workload: Option<WorkloadName>,
    /// VMs at once; the origin's were 1, 10 and 20.
    pub at_once: Vec<u32>,
    /// Whether the CPU that guests see is Intel's: only for those are there the templates T2 and C3.
    pub intel: bool,
    /// Whether the small kernel is there, which stands for the one of Firecracker's guide.
    pub small_kernel: bool,
}

/// How many VMs at once the origin had.
pub const AT_ONCE: [u32; 3] = [1, 10, 20];

/// An experiment of the series.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Its name, which is that of its directory: `hash-loop`, `boot-x10`.
    pub name: String,
    /// VMs at once.
    pub at_once: u32,
    /// The experiment.
    pub experiment: Experiment,
}

/// Something of the matrix that is not measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplanned {
    /// What it is.
    pub what: String,
    /// Why not, in a sentence without its end.
    pub why: String,
}

/// The series.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// In the order in which they run.
    pub planned: Vec<Planned>,
    /// What is missing in it.
    pub unplanned: Vec<Unplanned>,
}

/// Makes the series.
///
/// # Errors
/// [`ContenderError`] for a contender that cannot be.
pub fn series(asked: &Asked) -> Result<Series, ContenderError> {
    let mut unplanned = Vec::new();
    let contenders = contenders(asked, &mut unplanned)?;
    let mut workloads: Vec<&str> = Vec::new();
    for measure in &MEASURES {
        let wanted = asked.workload.as_ref().is_none_or(|workload| workload.name() == measure.workload);
        if wanted && !workloads.contains(&measure.workload) {
            workloads.push(measure.workload);
        }
    }
    if !AT_ONCE.iter().all(|number| asked.at_once.contains(number)) {
        unplanned.push(Unplanned {
            what: format!(
                "other numbers of VMs at once than {}",
                text::list(&asked.at_once.iter().map(u32::to_string).collect::<Vec<_>>())
            ),
            why: "--concurrent says which; where instructions are emulated, the default is 1 alone".to_owned(),
        });
    }
    let mut planned = Vec::new();
    for workload in workloads {
        let known =
            WorkloadName::try_from(workload.to_owned()).ok().filter(|name| firebench_workload::find(name).is_some());
        let Some(known) = known else {
            unplanned.push(Unplanned {
                what: format!("the workload {workload}"),
                why: "this version of firebench does not have it".to_owned(),
            });
            continue;
        };
        // The page was one VM at a time.
        for &at_once in asked.at_once.iter().filter(|&&at_once| at_once == 1 || workload != PAGE) {
            let mut experiment =
                Experiment { workload: known.clone(), contenders: contenders.clone(), ..Experiment::default() };
            experiment.machine.memory = (workload != PAGE).then_some(MEMORY);
            for spec in &mut experiment.contenders {
                spec.concurrent = Some(at_once);
            }
            planned.push(Planned { name: name(workload, at_once), at_once, experiment });
        }
    }
    Ok(Series { planned, unplanned })
}

/// The workload of the memory page, whose machines had other sizes.
const PAGE: &str = "memory";

/// The memory of the origin's VMs.
const MEMORY: Size = Size(512 << 20);

fn name(workload: &str, at_once: u32) -> String {
    if at_once == 1 { workload.to_owned() } else { format!("{workload}-x{at_once}") }
}

/// Those of the origin's contenders that can be here; why the others cannot is noted.
fn contenders(asked: &Asked, unplanned: &mut Vec<Unplanned>) -> Result<Vec<ContenderSpec>, ContenderError> {
    let mut specs = Vec::new();
    for column in Column::ALL {
        let made = match column {
            Column::QemuHost => Ok("qemu,cpu=host"),
            Column::QemuDefault => Ok("qemu,cpu=qemu64"),
            Column::FirecrackerT2 if asked.intel => Ok("firecracker,template=T2"),
            Column::FirecrackerT2 => {
                unplanned.push(Unplanned {
                    what: column.title().to_owned(),
                    why: format!(
                        "{NO_TEMPLATE}: Firecracker without a template takes its place as {}",
                        column.contender()
                    ),
                });
                Ok("firecracker")
            }
            Column::FirecrackerC3 if asked.intel => Ok("firecracker,template=C3"),
            Column::FirecrackerC3 => Err(NO_TEMPLATE.to_owned()),
            Column::FirecrackerKernel if asked.small_kernel => Ok("firecracker,kernel=small"),
            Column::FirecrackerKernel => Err(
                "the small kernel, which stands for that of Firecracker's guide, is not there (firebench kernel build)"
                    .to_owned(),
            ),
        };
        match made {
            Ok(words) => specs.push(format!("{}={words}", column.contender()).parse()?),
            Err(why) => unplanned.push(Unplanned { what: column.title().to_owned(), why }),
        }
    }
    Ok(specs)
}

const NO_TEMPLATE: &str = "the template is for Intel's CPUs, and the CPU here is another one";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::published::{FIGURES, MEASURES};

    fn asked() -> Asked {
        Asked { workload: None, at_once: AT_ONCE.to_vec(), intel: true, small_kernel: true }
    }

    #[test]
    fn every_workload_is_planned_or_said_to_be_missing() {
        let series = series(&asked()).expect("a series");
        for measure in &MEASURES {
            let planned = series.planned.iter().any(|planned| planned.experiment.workload.name() == measure.workload);
            let missing = series.unplanned.iter().any(|un| un.what == format!("the workload {}", measure.workload));
            assert!(planned != missing, "{}", measure.workload);
        }
        let names: Vec<&str> = series.planned.iter().map(|planned| planned.name.as_str()).collect();
        assert!(["memory", "hash-loop", "boot-x20"].iter().all(|name| names.contains(name)), "{names:?}");
        for planned in &series.planned {
            firebench_workload::check(&planned.experiment).expect("an experiment that can be");
            assert_eq!(planned.experiment.contenders.len(), 5);
        }
    }

    #[test]
    fn what_does_not_apply_is_said() {
        let asked = Asked {
            workload: WorkloadName::try_from("hash-loop".to_owned()).ok(),
            at_once: vec![1],
            intel: false,
            small_kernel: false,
        };
        let Series { planned, unplanned } = series(&asked).expect("a series");
        let [only] = planned.as_slice() else { panic!("{planned:?}") };
        let names: Vec<&str> = only.experiment.contenders.iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(names, ["qemu-host", "qemu-default", "fc-t2"]);
        let what: Vec<&str> = unplanned.iter().map(|un| un.what.as_str()).collect();
        assert_eq!(
            what,
            [
                "Firecracker, T2",
                "Firecracker, C3",
                "Firecracker, default kernel",
                "other numbers of VMs at once than 1"
            ]
        );
    }

    #[test]
    fn figures_belong_to_measures_and_each_is_there_once() {
        for (place, figure) in FIGURES.iter().enumerate() {
            let measure = MEASURES.iter().find(|measure| measure.name == figure.measure).expect("a measure");
            assert_eq!(measure.published(figure.column, figure.at_once), Some(figure), "{place}: there twice");
            assert!(AT_ONCE.contains(&figure.at_once) && figure.of.is_none_or(|of| of > figure.n), "{figure:?}");
        }
    }
}
