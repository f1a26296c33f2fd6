//! The report as Markdown, in the shape of the published memory benchmark: for each VMM its launch command and its
//! results in the format of `time`, then the memory sanity check. Added to it: a summary, what exactly was compared,
//! and the experiment, so that the page can be run again.

use firebench_analysis::findings::Findings;
use firebench_analysis::summary::{MetricSummary, Summary};
use firebench_model::experiment::toml::to_toml;
use firebench_model::markdown_block::MARKER;
use firebench_model::meminfo;
use firebench_model::metric::{self, Unit};
use firebench_model::record::{Artifact, BootRecord, BootStatus, ContenderRecord, PayloadRecord, Report};
use firebench_protocol::Moment;
use firebench_text as text;
use firebench_vmm::Launch;

use crate::at_once::{HEADER, at_once};
use crate::curve::curve;
use crate::format::Format;
use crate::markdown_audit::{counted_section, exercised_section, fairness_section, side_by_side};
use crate::markdown_text::{code, fence, header, sentence, table, title, titles, verbatim_fence};
use crate::values::Values;
use crate::words::{
    CHECKS, above_one, boot_failure, by_difference, caveats, commands, first_meminfo, of_boots, status_words,
};
use crate::{EMULATED, design, hosts, imported};

/// For a page or a repository.
pub(crate) const FORMAT: Format =
    Format { name: "markdown", about: "As in report.md", render: |findings, _| Ok(render(findings)) };

/// Writes the whole document.
pub fn render(findings: &Findings) -> String {
    let report = findings.report;
    if let Some(imported) = &report.imported {
        let mut sections = vec![imported::introduction(imported), summary_section(findings)];
        sections.extend(report.contenders.iter().map(imported::results));
        sections.push(imported::end(report));
        return sections.join("\n");
    }
    let mut sections = vec![introduction(report), summary_section(findings)];
    sections.extend(at_once_section(findings));
    sections.extend(curve_section(findings));
    sections.extend(findings.audit.as_ref().and_then(|audit| fairness_section(report, audit)));
    sections.extend(exercised_section(findings));
    sections.extend(counted_section(findings));
    sections.extend(report.contenders.iter().map(|contender| contender_section(report, contender)));
    sections.push(memory_section(&report.contenders));
    sections.push(compared_section(findings));
    sections.push(again_section(report));
    sections.join("\n")
}

fn introduction(report: &Report) -> String {
    let design = &report.experiment.design;
    let name = report.experiment.workload.name();
    let (initial, rest) = name.split_at(name.chars().next().map_or(0, char::len_utf8));
    let banner = if report.emulated { format!("\n> **{}**\n", sentence(EMULATED)) } else { String::new() };
    format!(
        "# {}{rest} benchmark\n{banner}\n\
         {} took part{} with the settings of the preset {}: {} of each, interleaved, fresh each time. In each \
         boot {} ran {}{}.{} The first iteration of a boot is always shown apart.\n",
        initial.to_uppercase(),
        text::list(&titles(&report.contenders)),
        if report.artifacts.iter().all(|artifact| artifact.contenders.is_empty()) {
            " with the same image and"
        } else {
            ""
        },
        code(report.experiment.preset.name()),
        text::count(design::blocks(report).0, "boot"),
        code(&commands(report)),
        text::count(report.design.iterations as usize, "time"),
        if design.cold { ", each time with the guest's caches dropped" } else { "" },
        payload(report),
    )
}

/// The metrics over all that ran at once, where several did.
fn at_once_section(findings: &Findings) -> Option<String> {
    let (rows, sentences) = at_once(findings, |_| true)?;
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.to_vec()).collect();
    let table = table(&HEADER.map(str::to_owned), 2, &rows);
    Some(format!(
        "## Over all that ran at once\n\n{}\n{table}",
        sentences.iter().map(|text| sentence(text)).collect::<Vec<_>>().join(" ")
    ))
}

/// The primary metric over the values of a parameter, where the run has any.
fn curve_section(findings: &Findings) -> Option<String> {
    let (metric, points) = curve(findings)?;
    let cell = |text: &str| if text.is_empty() { String::new() } else { code(text) };
    let rows: Vec<Vec<String>> =
        points.iter().map(|point| vec![point.of.clone(), point.estimate.clone(), cell(&point.bar)]).collect();
    let header = ["contender", metric.as_str(), "from 0"].map(str::to_owned);
    Some(format!("## Curve\n\n{}", table(&header, 1, &rows)))
}

/// What the workload reads, if it reads a file.
fn payload(report: &Report) -> String {
    let PayloadRecord { bytes, sha256, source } = &report.payload;
    if !report.payload.is_there() {
        return String::new();
    }
    format!(
        " What it reads is a file of {} ({bytes} bytes; {}), SHA-256 {}; the digest of every iteration was checked against it.",
        text::bytes(*bytes),
        sentence(source),
        code(sha256),
    )
}

fn summary_section(findings: &Findings) -> String {
    let Findings { report, summary, .. } = findings;
    let mut out = "## Summary\n\n".to_owned();
    if let Some(failure) = &report.failure {
        out += &format!("**The run failed:** {}\n\n", sentence(failure));
    }
    if report.imported.is_none() {
        out += &format!("Accelerator: {}, {}\n\n", report.accelerator, sentence(&report.accelerator_reason));
    }
    out += &sample_table(report, summary);
    if let Some((baseline, others)) = titles(&report.contenders).split_first().filter(|_| !summary.pairs.is_empty()) {
        let mut header = vec!["contender".to_owned()];
        let metrics = summary.pairs.first().map(|pair| pair.metrics.as_slice()).unwrap_or_default();
        let declared = metrics.iter().map(|(metric, _)| metric);
        let by_difference = by_difference(declared.clone());
        let by_difference = match by_difference.is_empty() {
            true => String::new(),
            false => {
                let names: Vec<String> = by_difference.iter().map(|name| code(name)).collect();
                format!("; {} by difference", text::list(&names))
            }
        };
        let above_one = sentence(&above_one(declared.clone()));
        out += &format!("\nRatio to {baseline} (above 1: {above_one}{by_difference}):\n\n");
        header.extend(declared.map(|metric| sentence(&metric.name)));
        let paired = summary.pairs.iter().all(|pair| pair.apart.is_none());
        header.extend(
            if paired { ["blocks", "blocks left out"] } else { ["boots", "boots of the first"] }.map(str::to_owned),
        );
        let values = Values::of(summary);
        let in_order = findings.order();
        let rows: Vec<Vec<String>> = in_order
            .into_iter()
            .filter_map(|place| summary.pairs.get(place).zip(others.get(place)))
            .map(|(pair, title)| {
                let mut cells = vec![title.clone()];
                cells.extend(pair.metrics.iter().map(|(metric, comparison)| values.comparison(metric, comparison)));
                let [counted, other] = pair.apart.unwrap_or([pair.blocks, pair.blocks_left_out]);
                cells.extend([counted.to_string(), other.to_string()]);
                cells
            })
            .collect();
        out += &table(&header, 1, &rows);
        out.push('\n');
    }
    let mut points: Vec<String> = caveats(findings).iter().map(|caveat| sentence(caveat)).collect();
    points.extend(report.notices.iter().map(|notice| sentence(notice)));
    for contender in &report.contenders {
        let failed = contender.boots.iter().filter(|boot| boot.status != BootStatus::Ok);
        points.extend(failed.map(|boot| format!("Not counted: {}", sentence(&boot_failure(contender, boot)))));
    }
    out.extend(points.iter().map(|point| format!("- {point}\n")));
    out
}

fn sample_table(report: &Report, summary: &Summary) -> String {
    let values = Values::of(summary);
    let which = if summary.single_iteration { "" } else { ", later iterations" };
    let row = |name: String, cells: Vec<String>| [vec![name], cells].concat();
    let mut rows = Vec::new();
    let known = summary.contenders.first().map(|contender| contender.metrics.as_slice()).unwrap_or_default();
    for (index, MetricSummary { metric: name, .. }) in known.iter().enumerate() {
        let number = |value: f64| values.number(name, value);
        let (metric, sign) = (sentence(&name.name), sentence(&values.sign(name)));
        let metrics = || summary.contenders.iter().map(|c| c.metrics.get(index));
        if !summary.single_iteration {
            let cells = metrics().map(|m| m.and_then(|m| m.first).map_or("-".to_owned(), number)).collect();
            rows.push(row(format!("{metric}, first iteration: median ({sign})"), cells));
        }
        let cells = metrics().map(|m| match m.and_then(|m| m.estimate.zip(m.sample)) {
            Some((estimate, s)) => format!("{} ({} to {})", number(estimate), number(s.min), number(s.max)),
            None => "-".to_owned(),
        });
        let boot = of_boots(report.design.estimand);
        rows.push(row(format!("{metric}{which}: {boot} (min to max) ({sign})"), cells.collect()));
    }
    for (name, check) in CHECKS {
        let cells: Vec<Option<String>> = summary.contenders.iter().map(check).collect();
        if cells.iter().any(Option::is_some) {
            rows.push(row(name.to_owned(), cells.into_iter().map(|cell| cell.unwrap_or("-".to_owned())).collect()));
        }
    }
    let mut header = vec![String::new()];
    header.extend(titles(&report.contenders));
    table(&header, 1, &rows)
}

fn contender_section(report: &Report, contender: &ContenderRecord) -> String {
    let mut out = format!("## {}\n\n### Launch command\n\n", title(contender));
    out += &fence("bash", &contender.launch.to_shell());
    out += "\n### Results\n";
    if contender.boots.is_empty() {
        out += "\nNo boot.\n";
    }
    for boot in &contender.boots {
        let up = boot.boot_seconds.map(|seconds| format!(", up in {}", text::duration(seconds))).unwrap_or_default();
        let attempt = if boot.attempt > 1 { format!(", attempt {}", boot.attempt) } else { String::new() };
        let status = match boot.status {
            BootStatus::Ok => String::new(),
            status => format!(": **{}**", status_words(status)),
        };
        out += &format!("\nBoot {}{attempt}{up}{status}\n", u64::from(boot.block) + 1);
        if let Some(message) = &boot.message {
            out += &format!("\n{}\n", sentence(message));
        }
        if !boot.iterations.is_empty() {
            out += &format!("\n{}", fence("bash", &results(report, contender, boot)));
        }
        if !boot.last_words.is_empty() {
            out += &format!("\nIts last words:\n\n{}", fence("text", &boot.last_words.join("\n")));
        }
    }
    out
}

/// A boot's iterations as a shell would show them, in the format of busybox's `time`.
fn results(report: &Report, contender: &ContenderRecord, boot: &BootRecord) -> String {
    let command = report.command_of(contender);
    let file = command.last().map(String::as_str).unwrap_or_default();
    let mut lines = Vec::new();
    for iteration in &boot.iterations {
        lines.push(format!("(none):~# time {}", text::line(&command.join(" "))));
        if report.payload.is_there() {
            lines.push(format!("{}  {file}", iteration.digest));
        }
        for metric in metric::shown(&report.metrics) {
            let write = |value: f64| match metric.unit.as_ref().and_then(Unit::seconds) {
                Some(seconds) => time_format(value * seconds),
                None => format!("{value} {}", metric.sign()),
            };
            let value = iteration.metrics.get(metric.name.as_ref()).map_or("-".to_owned(), |&value| write(value));
            lines.push(format!("{:<8}{value}", metric.name));
        }
    }
    lines.join("\n")
}

/// `0m 20.42s`; with more digits where two would not do.
fn time_format(seconds: f64) -> String {
    if seconds > 0.0 && seconds < 0.1 {
        return format!("0m {seconds:.6}s");
    }
    let hundredths = (seconds * 100.0).round().max(0.0) as u64;
    format!("{}m {}.{:02}s", hundredths / 6000, hundredths % 6000 / 100, hundredths % 100)
}

fn memory_section(contenders: &[ContenderRecord]) -> String {
    let mut out = "## Memory sanity check\n".to_owned();
    for contender in contenders {
        out += &format!("\n### {} mem\n\n", title(contender));
        // As in the document, after the last iteration; a boot that failed may know the other one alone.
        let text = first_meminfo(contender, Moment::After).or_else(|| first_meminfo(contender, Moment::Before));
        out += &match text {
            Some(text) => fence("bash", &format!("(none):~# cat /proc/meminfo\n{text}")),
            None => "No boot told.\n".to_owned(),
        };
    }
    if contenders.len() > 1 {
        out += "\n### Side by side\n";
        for (moment, title) in [(Moment::Before, "Before the first"), (Moment::After, "After the last")] {
            let table = meminfo_table(contenders, moment);
            if !table.is_empty() {
                out += &format!("\n{title} iteration of the first boot:\n\n{table}");
            }
        }
    }
    out
}

/// Each field of all contenders' meminfo, and what they have above the first contender's; empty where no boot told.
fn meminfo_table(contenders: &[ContenderRecord], moment: Moment) -> String {
    let texts: Vec<Option<&str>> = contenders.iter().map(|contender| first_meminfo(contender, moment)).collect();
    let rows: Vec<Vec<String>> = meminfo::compare(&texts)
        .iter()
        .map(|row| {
            let unit = if row.kib { " kB" } else { "" };
            let mut cells = vec![code(&row.name)];
            cells.extend(row.values.iter().map(|v| v.map_or("-".to_owned(), |value| format!("{value}{unit}"))));
            let differences: Vec<String> = (1..contenders.len())
                .map(|other| match row.difference(other) {
                    Some(0) => "0".to_owned(),
                    Some(difference) => format!("{difference:+}"),
                    None => "-".to_owned(),
                })
                .collect();
            cells.push(differences.join(", "));
            cells
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let difference = format!("difference to {}", contenders.first().map(title).unwrap_or_default());
    table(&header("", contenders, &difference), 1, &rows)
}

fn compared_section(findings: &Findings) -> String {
    let report = findings.report;
    let design: String = design::sentences(findings).iter().map(|point| format!("- {}\n", sentence(point))).collect();
    let mut out = format!("## What was compared\n\n{design}\n");
    let files = ["what", "file", "version", "bytes", "SHA-256"].map(str::to_owned);
    let mut rows: Vec<Vec<String>> = report
        .contenders
        .iter()
        .map(|c| {
            vec![title(c), code(&c.binary.to_string_lossy()), sentence(&c.version), "-".to_owned(), code(&c.sha256)]
        })
        .collect();
    rows.extend(report.artifacts.iter().map(artifact_row));
    out += &table(&files, 5, &rows);

    out += "\n### Contenders\n\nFrom inside of the guests and from their launches; what differs is marked.\n\n";
    out.extend(findings.audit.as_ref().map(|audit| side_by_side(report, audit)));

    out += "\n### Host\n\n";
    let rows: Vec<Vec<String>> =
        hosts::rows(&report.host).iter().map(|(name, value)| vec![sentence(name), code(value)]).collect();
    out += &table(&[String::new(), String::new()], 2, &rows);
    if let Some(nested) = &report.nested_host {
        let (version, cpus) = (sentence(&nested.qemu), text::count(nested.cpus as usize, "CPU"));
        let kernel = nested.kernel.as_ref().map(|kernel| format!(", {}", sentence(kernel))).unwrap_or_default();
        out += &format!("\n### Nested host\n\n{version}, {cpus}, {} MiB{kernel}:\n\n", nested.memory_mib);
        let launch = Launch { argv: nested.argv.clone(), ..Launch::default() };
        out += &fence("bash", &launch.to_shell());
    }
    out
}

fn artifact_row(artifact: &Artifact) -> Vec<String> {
    vec![
        sentence(&artifact.role),
        code(&artifact.name),
        sentence(artifact.version.as_deref().unwrap_or("-")),
        artifact.bytes.to_string(),
        code(&artifact.sha256),
    ]
}

fn again_section(report: &Report) -> String {
    let command = fence("bash", "firebench run --from report.md");
    let experiment = match to_toml(&report.experiment) {
        Ok(toml) => format!("{MARKER}\n{}", verbatim_fence("toml", toml.trim_end())),
        Err(error) => format!("The experiment cannot be written here ({}); `report.json` has it.\n", sentence(&error)),
    };
    format!(
        "## Run it again\n\n{command}\n{experiment}\nWritten by firebench {}, {}.\n",
        sentence(&report.firebench),
        sentence(&report.started)
    )
}
