//! How long after its start a contender answers, seen from the other end of its network card.

use std::time::Duration;

use firebench_model::experiment::Experiment;
use firebench_model::metric::{Metric, Unit};
use firebench_model::plan::Inputs;
use firebench_protocol::IterationReport;
use firebench_stats::Better;
use firebench_text::units::Size;

use super::served;
use crate::reading::{Fault, Reading};
use crate::workload::{Needs, Run, Service as Asked, Side, Speed, Workload};

/// The agent's HTTP server, asked every millisecond until it answers.
pub struct Service;

/// Bytes of a body for which nobody asks.
const BODY: Size = Size(1);

/// How long a service may take to answer after its start, at real speed.
const AT_LEAST: Duration = Duration::from_secs(30);

static METRICS: [Metric; 4] = [
    Metric::of_host("http", "Time until the first HTTP answer", Unit::SECONDS, Better::Less, true),
    Metric::of_host("tcp", "Time until the first TCP connection", Unit::SECONDS, Better::Less, true),
    Metric::of_host("icmp", "Time until the first ICMP echo", Unit::SECONDS, Better::Less, true),
    Metric::of_host("arp", "Time until the first ARP answer", Unit::SECONDS, Better::Less, true),
];

impl Workload for Service {
    fn name(&self) -> &'static str {
        "service"
    }

    fn about(&self) -> &'static str {
        "Start to the first answer of a small HTTP server: ARP, ICMP, TCP, HTTP"
    }

    fn says_nothing_of(&self) -> &'static str {
        "how fast it answers after that: see http"
    }

    fn metrics(&self) -> &'static [Metric] {
        &METRICS
    }

    fn measures_boots(&self) -> bool {
        true
    }

    fn needs(&self, _: &Experiment, _: Speed) -> Needs {
        Needs::default()
    }

    fn service(&self, _: &Experiment, _: Speed) -> Option<Asked> {
        Some(Asked { body: BODY, from_disk: false, load: None })
    }

    fn command(&self, side: &Side) -> Vec<String> {
        served::command(side)
    }

    fn deadline(&self, _: &Inputs, speed: Speed) -> Duration {
        AT_LEAST.saturating_mul(speed.slowness()).min(served::LONGEST)
    }

    fn read(&self, _: &Inputs, output: &IterationReport) -> Result<Reading, Fault> {
        served::read(output)
    }

    fn computing(&self) -> &'static str {
        "serving"
    }

    fn remarks(&self, _: &Run<'_>) -> Vec<String> {
        vec![
            "The time is from the start of the contender's process to the answer that firebench saw at the other end of its card. It asks every \
             millisecond, so a time may be 1 ms too long."
                .to_owned(),
        ]
    }
}
