//! Collects the events of a run into its report.

use firebench_vmm::Launch;

use crate::events::{Listener, RunEvent};
use crate::record::{BootRecord, BootStatus, DesignRecord, Report};

/// What a run has brought so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Collected {
    /// For each contender of the plan: its first launch and its boots.
    pub contenders: Vec<CollectedContender>,
    /// The design, with what was decided on the way.
    pub design: Option<DesignRecord>,
    /// Notices and retries.
    pub notices: Vec<String>,
}

/// A contender's part.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CollectedContender {
    /// Its name.
    pub name: String,
    /// How its first VM was started.
    pub launch: Option<Launch>,
    /// Its boots that count: a boot that was retried is a notice.
    pub boots: Vec<BootRecord>,
    /// Its throw-away boots.
    pub discarded: Vec<BootRecord>,
}

impl Collected {
    /// For the contenders of these names.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let contender = |name: &str| CollectedContender { name: name.to_owned(), ..CollectedContender::default() };
        Collected { contenders: names.into_iter().map(contender).collect(), ..Collected::default() }
    }

    /// Puts everything into `report`, whose contenders are those of the plan.
    pub fn fill(self, report: &mut Report) {
        report.notices.extend(self.notices);
        if let Some(design) = self.design {
            report.design = design;
        }
        for (record, collected) in report.contenders.iter_mut().zip(self.contenders) {
            if let Some(launch) = collected.launch {
                record.launch = launch;
            }
            // Behind those of a run that goes on.
            record.boots.extend(collected.boots);
            record.discarded.extend(collected.discarded);
        }
    }
}

impl Listener for Collected {
    fn on_event(&mut self, event: &RunEvent) {
        match event {
            RunEvent::BootStarting { contender, launch, .. } => {
                if let Some(contender) = self.contenders.get_mut(*contender) {
                    contender.launch.get_or_insert_with(|| (**launch).clone());
                }
            }
            RunEvent::BootDone { contender, boot, retried } => {
                let Some(contender) = self.contenders.get_mut(*contender) else { return };
                if boot.discarded {
                    contender.discarded.push((**boot).clone());
                    return;
                }
                let boot_name = format!("{}, block {}", contender.name, u64::from(boot.block) + 1);
                let message = boot.message.as_deref().unwrap_or("no reason is known");
                if *retried {
                    let attempt = boot.attempt;
                    self.notices
                        .push(format!("{boot_name}: attempt {attempt} never started and was repeated: {message}"));
                    return;
                }
                if boot.status == BootStatus::Ok && boot.message.is_some() {
                    self.notices.push(format!("{boot_name}: {message}"));
                }
                contender.boots.push((**boot).clone());
            }
            RunEvent::Progress { design, .. } => self.design = Some((**design).clone()),
            RunEvent::Notice { text } => self.notices.push(text.clone()),
            _ => {}
        }
    }
}
