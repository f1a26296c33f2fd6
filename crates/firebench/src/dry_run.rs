//! `--dry-run`: the launch of each VMM, ready to paste, with what it needs in place or named as missing.

use std::fmt::Write as _;

use firebench_image::cache::Cache;
use firebench_run::runner::{self, RunError};
use firebench_text as text;

use crate::prepare::Prepared;

/// Where the files of a dry run lie in the cache directory: they outlive the command.
const DIRECTORY: &str = "dry-run";

/// Writes the initramfs of each contender's first boot into the cache directory and renders all launches as shell text. What is
/// not built yet is named, and stays so.
///
/// # Errors
/// [`RunError`] when a file cannot be written or a VMM cannot build the machine.
pub fn render(prepared: &Prepared, cache: &Cache) -> Result<String, RunError> {
    let mut script = String::new();
    let comment = |script: &mut String, line: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(script, "# {}", text::line(line));
    };
    let report = &prepared.report;
    comment(&mut script, &format!("accelerator: {}", report.accelerator_reason));
    for notice in &report.notices {
        comment(&mut script, notice);
    }
    for missing in &prepared.missing {
        comment(&mut script, &format!("not built yet: {missing}"));
    }
    if !prepared.missing.is_empty() {
        comment(&mut script, "Run the same command without --dry-run to build it: the commands below need it.");
    }
    if let Some(host) = &report.nested_host {
        comment(&mut script, "Every VM of this run starts inside one nested host, where paths and devices differ:");
        comment(&mut script, &host.argv.join(" "));
        if let Some(kernel) = &host.kernel {
            comment(&mut script, &format!("The nested host's own kernel: {kernel}"));
        }
        comment(&mut script, "The commands below start the same VMs directly on this machine.");
    }
    for planned in &prepared.plan.contenders {
        let name = &planned.name;
        let dir = cache.dir().join(DIRECTORY).join(name);
        std::fs::create_dir_all(&dir).map_err(|source| RunError::Io { action: "make", path: dir.clone(), source })?;
        let iterations = report.design.iterations;
        let job = runner::write_job(&prepared.plan, planned, iterations, &runner::nonce()?, &dir)?;
        let launch = runner::planned_launch(planned, job, &dir)?;
        let _ = write!(script, "\n# {name}\n{}", launch.to_shell());
    }
    Ok(script)
}
