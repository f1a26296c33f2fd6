//! How fast a small HTTP server answers, and how often, seen from the other end of the contender's network card.

use std::time::Duration;

use firebench_model::experiment::{BodyFrom, Experiment, HttpSpec};
use firebench_model::metric::{Metric, Unit};
use firebench_model::plan::Inputs;
use firebench_model::record::{BootStatus, ContenderRecord, Report};
use firebench_model::service::Load;
use firebench_protocol::IterationReport;
use firebench_stats::Better;
use firebench_text as text;
use firebench_text::units::{Size, Span};

use super::served;
use crate::reading::{Fault, Reading};
use crate::workload::{Flag, FlagError, Given, Needs, Run, Service as Asked, Side, Speed, Workload};

/// The agent's HTTP server under a load.
pub struct Http;

const RATE: &str = "rate";
const CONNECTIONS: &str = "connections";
const DURATION: &str = "duration";
const BODY: &str = "body";
const BODY_FROM: &str = "body-from";

const FLAGS: [Flag; 5] = [
    Flag {
        name: RATE,
        value: "N",
        help: "Requests a second while the time of answers is measured, over all connections [default: 200, emulated 10]",
        check: |text| number(text).map(drop),
    },
    Flag {
        name: CONNECTIONS,
        value: "N",
        help: "Connections, which stay open [default: 4, emulated 2]",
        check: |text| number(text).map(drop),
    },
    Flag {
        name: DURATION,
        value: "TIME",
        help: "How long to ask at that rate, and then again at full speed [default: 5s, emulated 3s]",
        check: |text| span(text).map(drop),
    },
    Flag {
        name: BODY,
        value: "SIZE",
        help: "The size of an answer [default: 4KiB]",
        check: |text| size(text).map(drop),
    },
    Flag {
        name: BODY_FROM,
        value: "memory|disk",
        help: "Where the server has an answer from: its memory, or a file that it reads each time around the page cache",
        check: |text| from(text).map(drop),
    },
];

/// What nobody asked otherwise: at real speed, and emulated.
const REAL: Load = Load { rate: 200, connections: 4, duration: Duration::from_secs(5) };
const EMULATED: Load = Load { rate: 10, connections: 2, duration: Duration::from_secs(3) };
const SIZE: Size = Size(4 << 10);

/// Time beside the two phases, at real speed: for connecting, the first requests, and the end.
const AT_LEAST: Duration = Duration::from_secs(60);

/// Contenders whose throughput is this much alike may all be as fast as what they share.
const ALIKE: f64 = 0.05;

/// A thread of the client that is busy for such a share of the time waits for little.
const BUSY: f64 = 0.8;

/// A client that is so late, as a share of the median answer, is part of what it measures.
const LATE: f64 = 0.5;

static METRICS: [Metric; 8] = [
    Metric::of_host("p50", "Time of an answer, half of them", Unit::SECONDS, Better::Less, true),
    Metric::of_host("p90", "Time of an answer, 90% of them", Unit::SECONDS, Better::Less, true),
    Metric::of_host("p99", "Time of an answer, 99% of them", Unit::SECONDS, Better::Less, true),
    Metric::of_host("p999", "Time of an answer, 99.9% of them", Unit::SECONDS, Better::Less, true),
    Metric::of_host("answers", "Answers a second at full speed", Unit::PER_SECOND, Better::More, true),
    Metric::of_host("bytes", "Bytes of answers a second at full speed", Unit::BYTES_PER_SECOND, Better::More, true),
    Metric::of_host(
        "client_cpu",
        "CPUs that the client was busy on at full speed",
        Unit::of("CPUs"),
        Better::Less,
        false,
    ),
    Metric::of_host("client_late", "Lateness of the client, 99% of its requests", Unit::SECONDS, Better::Less, false),
];

impl Workload for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn about(&self) -> &'static str {
        "A small HTTP server: the time of its answers at a fixed rate, and their number at full speed"
    }

    fn says_nothing_of(&self) -> &'static str {
        "a network between machines: the client is on the same one"
    }

    fn flags(&self) -> &'static [Flag] {
        &FLAGS
    }

    fn ask(&self, given: &Given, experiment: &mut Experiment) -> Result<(), FlagError> {
        let wrong = FlagError::helped_by("see firebench run --help");
        let HttpSpec { rate, connections, duration, body, body_from } = &mut experiment.http;
        for (name, text) in given {
            match *name {
                RATE => *rate = Some(number(text).map_err(&wrong)?),
                CONNECTIONS => *connections = Some(number(text).map_err(&wrong)?),
                DURATION => *duration = Some(span(text).map_err(&wrong)?),
                BODY => *body = Some(size(text).map_err(&wrong)?),
                _ => *body_from = Some(from(text).map_err(&wrong)?),
            }
        }
        Ok(())
    }

    fn metrics(&self) -> &'static [Metric] {
        &METRICS
    }

    fn measures_boots(&self) -> bool {
        true
    }

    fn needs(&self, experiment: &Experiment, _: Speed) -> Needs {
        let HttpSpec { body, body_from, .. } = experiment.http;
        Needs { payload: (body_from == Some(BodyFrom::Disk)).then(|| body.unwrap_or(SIZE)) }
    }

    fn service(&self, experiment: &Experiment, speed: Speed) -> Option<Asked> {
        let HttpSpec { rate, connections, duration, body, body_from } = experiment.http;
        let usual = if speed == Speed::Real { REAL } else { EMULATED };
        let load = Load {
            rate: rate.unwrap_or(usual.rate),
            connections: connections.unwrap_or(usual.connections),
            duration: duration.map_or(usual.duration, |span| Duration::from_secs(span.as_secs())),
        };
        let from_disk = body_from == Some(BodyFrom::Disk);
        Some(Asked { body: body.unwrap_or(SIZE), from_disk, load: Some(load) })
    }

    fn command(&self, side: &Side) -> Vec<String> {
        served::command(side)
    }

    fn deadline(&self, inputs: &Inputs, speed: Speed) -> Duration {
        let load = inputs.drive.as_ref().and_then(|drive| drive.load);
        let phases = load.map_or(Duration::ZERO, |load| load.duration.saturating_mul(3));
        AT_LEAST.saturating_mul(speed.slowness()).min(served::LONGEST).saturating_add(phases)
    }

    fn read(&self, _: &Inputs, output: &IterationReport) -> Result<Reading, Fault> {
        served::read(output)
    }

    fn computing(&self) -> &'static str {
        "serving"
    }

    fn remarks(&self, run: &Run<'_>) -> Vec<String> {
        [same(run.report), busy(run.report), late(run.report)].into_iter().flatten().collect()
    }
}

/// The median over the good boots of a contender.
fn median(contender: &ContenderRecord, metric: &str) -> Option<f64> {
    let good = contender.boots.iter().filter(|boot| boot.status == BootStatus::Ok);
    let values = good.flat_map(|boot| &boot.iterations).filter_map(|iteration| iteration.metrics.get(metric).copied());
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Whether all contenders are as fast: then something that they share was measured.
fn same(report: &Report) -> Option<String> {
    let all: Vec<f64> = report.contenders.iter().filter_map(|contender| median(contender, "answers")).collect();
    let least = all.iter().copied().reduce(f64::min)?;
    let most = all.iter().copied().reduce(f64::max)?;
    (all.len() > 1 && most <= least * (1.0 + ALIKE)).then(|| {
        format!(
            "All contenders gave about as many answers a second ({least:.0} to {most:.0}): perhaps what they share was measured, such as \
             the client, and none of them."
        )
    })
}

/// Whether the client itself had no time left.
fn busy(report: &Report) -> Option<String> {
    let connections = report.experiment.http.connections.unwrap_or(REAL.connections);
    let busy = report.contenders.iter().filter_map(|contender| {
        // Those that the contender leaves to it.
        let free = report.host.cpus.unwrap_or(u32::MAX).saturating_sub(contender.vcpus).max(1);
        let cpus = f64::from(free.min(connections));
        let cpu = median(contender, "client_cpu").filter(|cpu| *cpu >= BUSY * cpus)?;
        Some(format!("{} ({cpu:.1} CPUs)", contender.name))
    });
    let busy: Vec<String> = busy.collect();
    (!busy.is_empty()).then(|| {
        format!(
            "At full speed the client itself was the limit, or near it, with {}: its CPUs were busy.",
            text::list(&busy)
        )
    })
}

/// Whether the client was late by a part of what it measured.
fn late(report: &Report) -> Option<String> {
    let late = report.contenders.iter().filter_map(|contender| {
        let (late, answer) = (median(contender, "client_late")?, median(contender, "p50")?);
        (late > LATE * answer).then(|| format!("{} ({:.0} µs)", contender.name, late * 1e6))
    });
    let late: Vec<String> = late.collect();
    (!late.is_empty()).then(|| {
        format!(
            "Of 100 requests one was sent so late that it shows in the times of answers, with {}: the machine had no CPU for the client then.",
            text::list(&late)
        )
    })
}

fn number(text: &str) -> Result<u32, String> {
    text.parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(|| format!("{text} is no whole number above 0"))
}

fn span(text: &str) -> Result<Span, String> {
    text.parse::<Span>().map_err(|error| error.to_string())
}

fn size(text: &str) -> Result<Size, String> {
    text.parse::<Size>().map_err(|error| error.to_string())
}

fn from(text: &str) -> Result<BodyFrom, String> {
    BodyFrom::named(text).ok_or_else(|| format!("{text} is neither memory nor disk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_the_load() {
        let given = [(RATE, "50"), (CONNECTIONS, "3"), (DURATION, "2s"), (BODY, "80KiB"), (BODY_FROM, "disk")];
        let given: Given = given.map(|(name, text)| (name, text.to_owned())).into();
        let mut experiment = Experiment::default();
        Http.ask(&given, &mut experiment).expect("in order");
        let asked = Http.service(&experiment, Speed::Real).expect("a service");
        let load = Load { rate: 50, connections: 3, duration: Duration::from_secs(2) };
        assert_eq!(asked, Asked { body: Size(80 << 10), from_disk: true, load: Some(load) });
        assert_eq!(Http.needs(&experiment, Speed::Real), Needs { payload: Some(Size(80 << 10)) });
        for (flag, text) in
            [(RATE, "0"), (CONNECTIONS, "many"), (DURATION, "soon"), (BODY, "1 TB"), (BODY_FROM, "tape")]
        {
            let given = Given::from([(flag, text.to_owned())]);
            assert!(Http.ask(&given, &mut Experiment::default()).is_err(), "{flag}");
        }
        let plain = Http.service(&Experiment::default(), Speed::Nested).expect("a service");
        assert_eq!((plain.load, plain.from_disk), (Some(EMULATED), false));
    }
}
