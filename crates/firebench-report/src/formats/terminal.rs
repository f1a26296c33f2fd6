//! The report for a terminal.

use firebench_analysis::audit::{Audit, Fairness};
use firebench_analysis::counted::Counted;
use firebench_analysis::facts::{Rank, is_memory_limited};
use firebench_analysis::findings::Findings;
use firebench_analysis::summary::{ContenderSummary, MetricSummary, Pair, Summary};
use firebench_model::meminfo;
use firebench_model::metric::{self, Metric};
use firebench_model::record::{BootRecord, BootStatus, ContenderRecord, PayloadRecord, Report};
use firebench_protocol::Moment;
use firebench_stats::Estimand;
use firebench_text as text;

use crate::at_once::{self, HEADER, Row};
use crate::curve::{self, Point};
use crate::format::Format;
use crate::style::{MAX_WIDTH, Paint, Style};
use crate::values::Values;
use crate::words::{
    CHECKS, above_one, boot_failure, caveats, commands, doubts, first_meminfo, of_boots, origin, status_words,
};
use crate::{EMULATED, counted, design, exercised, fairness, hosts, imported};

/// Width of the column at the left of every table.
const STUB: usize = 17;

/// Width of one number.
const NUMBER: usize = 8;

/// Width of one contender's columns, without the gap before them, at least.
const BAND: usize = NUMBER * 3;

/// Width of the gap before a contender's columns.
const GAP: usize = 3;

/// Width of the names of counts.
const COUNTED: usize = 28;

/// Characters of a contender's name above its counts, at most.
const NAME: usize = 20;

/// For people at a terminal.
pub(crate) const FORMAT: Format =
    Format { name: "terminal", about: "For this terminal", render: |findings, style| Ok(render(findings, style)) };

/// Writes the whole report.
pub fn render(findings: &Findings, style: Style) -> String {
    let Findings { report, summary, .. } = findings;
    let tables = match &report.imported {
        Some(_) => imported::tables(findings, style.width),
        None => tables(report, summary, style),
    };
    let mut sections =
        vec![head(findings, style), tables, at_once(findings, style), curve(findings, style), ratios(findings, style)];
    sections.extend(findings.audit.as_ref().map(|audit| fair(audit, style)));
    sections.push(exercised(findings, style));
    sections.extend(findings.counted.as_ref().map(|found| counted(findings, found, style)));
    sections.push(notes(report, style));
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The primary metric over all that ran at once, where several did.
fn at_once(findings: &Findings, style: Style) -> String {
    let primary = findings.report.primary();
    let Some((rows, sentences)) = at_once::at_once(findings, |metric| metric.name == primary.name) else {
        return String::new();
    };
    let rows: Vec<Row> = std::iter::once(HEADER.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let mut out = style.sentence(Some(Paint::Head), "", "Over all that ran at once");
    for row in &rows {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column).unwrap_or(0);
            if column < 2 { format!("{:<width$}", text::line(cell)) } else { format!("{cell:>width$}") }
        });
        out += &(text::cut(&format!("  {}", cells.collect::<Vec<_>>().join("  ")), style.prose()) + "\n");
    }
    sentences.iter().for_each(|sentence| out += &style.sentence(None, "  ", sentence));
    out
}

/// The primary metric over the values of a parameter, where the run has any.
fn curve(findings: &Findings, style: Style) -> String {
    let Some((metric, points)) = curve::curve(findings) else { return String::new() };
    let name = |point: &Point| text::line(&point.of);
    let (longest, widest) = points.iter().fold((0, 0), |(longest, widest), point| {
        (longest.max(name(point).chars().count()), widest.max(point.estimate.chars().count()))
    });
    let mut out = style.sentence(Some(Paint::Head), "", &format!("Curve of {metric}"));
    for point in &points {
        let line = format!("  {:<longest$}  {:>widest$}  {}", name(point), point.estimate, point.bar);
        out += &(text::cut(line.trim_end(), style.prose()) + "\n");
    }
    out
}

fn head(findings: &Findings, style: Style) -> String {
    let report = findings.report;
    if let Some(imported) = &report.imported {
        let title = style.sentence(Some(Paint::Head), "", &format!("firebench: {}", imported.name));
        let origin = text::wrap("  ", &text::line(&origin(imported)), style.prose());
        return format!("{title}{origin}\n");
    }
    let workload = report.experiment.workload.name();
    let title = format!("firebench {workload}: {}", commands(report));
    let mut out = style.sentence(Some(Paint::Head), "", &title);
    if report.emulated {
        out += &style.paint(Paint::Warning, &text::wrap("", EMULATED, style.prose()));
        out.push('\n');
    }
    let PayloadRecord { bytes, sha256, source } = &report.payload;
    let payload = match report.payload.is_there() {
        true => format!("{} ({bytes} bytes), {source}, SHA-256 {sha256}", text::bytes(*bytes)),
        false => "none".to_owned(),
    };
    let accelerator = format!("{}: {}", report.accelerator, report.accelerator_reason);
    for (name, value) in [
        ("payload", payload),
        ("machine", machines(&report.contenders)),
        ("accelerator", accelerator),
        ("host", hosts::phrase(&report.host)),
        ("design", design::phrase(findings)),
    ] {
        out += &text::wrap(&format!("  {name:<13}"), &text::line(&value), style.prose());
        out.push('\n');
    }
    out
}

/// The machines in a phrase: one if they are alike.
fn machines(contenders: &[ContenderRecord]) -> String {
    let machine = |c: &ContenderRecord| match c.vmm.boots_a_guest() {
        false => {
            let cpus = text::count(c.vcpus as usize, "CPU");
            let limit = if is_memory_limited(c) {
                format!("{} MiB at most", c.memory_mib)
            } else {
                "memory not limited".to_owned()
            };
            format!("{cpus}, {limit}")
        }
        true => format!("{}, {} MiB", text::count(c.vcpus as usize, "vCPU"), c.memory_mib),
    };
    match contenders.split_first() {
        None => "none".to_owned(),
        Some((first, rest)) if rest.iter().all(|c| machine(c) == machine(first)) => machine(first),
        _ => contenders.iter().map(|c| format!("{}: {}", c.name, machine(c))).collect::<Vec<_>>().join("; "),
    }
}

/// The contenders side by side, as many as fit, with all that has one value for each of them.
fn tables(report: &Report, summary: &Summary, style: Style) -> String {
    let band = band(report);
    let bands =
        (style.width.min(MAX_WIDTH).saturating_sub(STUB).checked_div(band.saturating_add(GAP)).unwrap_or(1)).max(1);
    let mut out = String::new();
    let columns: Vec<(&ContenderRecord, &ContenderSummary)> =
        report.contenders.iter().zip(&summary.contenders).collect();
    for columns in columns.chunks(bands) {
        if !out.is_empty() {
            out.push('\n');
        }
        out += &table(columns, report, summary, style);
    }
    out
}

/// Width of one contender's columns: one a metric.
fn band(report: &Report) -> usize {
    metric::shown(&report.metrics).count().saturating_mul(NUMBER).max(BAND)
}

type Column<'a> = (&'a ContenderRecord, &'a ContenderSummary);

fn table(columns: &[Column], report: &Report, summary: &Summary, style: Style) -> String {
    let mut lines = Vec::new();
    let sheet = Sheet { values: &Values::of(summary), metrics: &metrics_of(report), band: band(report) };
    lines.extend(name_lines(columns, &sheet).iter().map(|line| style.paint(Paint::Head, line)));
    let header: String = sheet.metrics.iter().map(|metric| format!("{:>NUMBER$}", metric.name)).collect();
    lines.push(style.paint(Paint::Head, &sheet.row("boot  iteration", columns.iter().map(|_| header.clone()))));
    if sheet.unit().is_none() {
        let signs: String =
            sheet.metrics.iter().map(|metric| format!("{:>NUMBER$}", sheet.values.sign(metric))).collect();
        lines.push(style.paint(Paint::Head, &sheet.row("", columns.iter().map(|_| signs.clone()))));
    }
    lines.extend(iteration_lines(columns, &sheet));
    let width = columns.len().saturating_mul(sheet.band.saturating_add(GAP)).saturating_add(STUB);
    lines.push(style.paint(Paint::Dim, &"─".repeat(width)));
    lines.extend(spread_lines(columns, summary, report.design.estimand, &sheet, style));
    lines.push(String::new());
    lines.extend(check_lines(columns, report, &sheet));
    lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn metrics_of(report: &Report) -> Vec<&Metric> {
    metric::shown(&report.metrics).collect()
}

/// What all rows of a table have in common.
struct Sheet<'a> {
    values: &'a Values,
    metrics: &'a [&'a Metric],
    /// Width of one contender's columns.
    band: usize,
}

impl Sheet<'_> {
    /// The unit of all metrics; None where they do not share one.
    fn unit(&self) -> Option<String> {
        let (first, others) = self.metrics.split_first()?;
        others.iter().all(|metric| metric.unit == first.unit).then(|| self.values.unit(first))
    }

    fn row(&self, stub: &str, cells: impl IntoIterator<Item = String>) -> String {
        let band = self.band;
        let cells: String = cells.into_iter().map(|cell| format!("{:GAP$}{cell:>band$}", "")).collect();
        format!("{stub:<STUB$}{cells}")
    }

    fn number(&self, metric: &Metric, value: Option<f64>) -> String {
        format!("{:>NUMBER$}", value.map_or("-".to_owned(), |value| self.values.number(metric, value)))
    }
}

/// The contenders' names above their columns, in as many lines as they take.
fn name_lines(columns: &[Column], sheet: &Sheet) -> Vec<String> {
    let band = sheet.band;
    let names: Vec<Vec<char>> = columns.iter().map(|(c, _)| text::line(&c.name).chars().collect()).collect();
    let pieces: Vec<Vec<&[char]>> = names.iter().map(|name| name.chunks(band).collect()).collect();
    let height = pieces.iter().map(Vec::len).max().unwrap_or(0).clamp(1, NAME_LINES);
    let cell = |pieces: &Vec<&[char]>, line: usize| {
        let piece: String = pieces.get(line).copied().unwrap_or_default().iter().collect();
        format!("{piece:^band$}")
    };
    let unit = sheet.unit().unwrap_or_default();
    let stub = |line: usize| if line == 0 { unit.trim_start_matches("in ") } else { "" };
    (0..height).map(|line| sheet.row(stub(line), pieces.iter().map(|pieces| cell(pieces, line)))).collect()
}

/// So many lines of a name are shown: no contender of a run has a longer one, commands that were imported may.
const NAME_LINES: usize = 8;

/// So many blocks are shown, the first ones and the last; the report's files have all.
const BLOCKS: usize = 4;

/// A line for each iteration of each block; a boot that did not end well says so after its iterations.
fn iteration_lines(columns: &[Column], sheet: &Sheet) -> Vec<String> {
    let blocks: std::collections::BTreeSet<u32> =
        columns.iter().flat_map(|(c, _)| &c.boots).map(|boot| boot.block).collect();
    let mut lines = Vec::new();
    let (last, left_out) = (blocks.len().saturating_sub(1), blocks.len().saturating_sub(BLOCKS));
    for (at, block) in blocks.into_iter().enumerate() {
        if left_out > 0 && at >= BLOCKS - 1 && at < last {
            if at.saturating_add(1) == last {
                lines.push(format!("{:>4}  {} more", "…", text::count(left_out, "block")));
            }
            continue;
        }
        let boots: Vec<Option<&BootRecord>> =
            columns.iter().map(|(c, _)| c.boots.iter().rev().find(|boot| boot.block == block)).collect();
        let height =
            |boot: &BootRecord| boot.iterations.len().saturating_add(usize::from(boot.status != BootStatus::Ok));
        for index in 0..boots.iter().flatten().map(|boot| height(boot)).max().unwrap_or(0) {
            let boot = if index == 0 { (u64::from(block) + 1).to_string() } else { String::new() };
            let iteration = if index == 0 { "first".to_owned() } else { index.saturating_add(1).to_string() };
            let cells =
                boots.iter().map(|boot| boot.map(|boot| iteration_cell(boot, index, sheet)).unwrap_or_default());
            lines.push(sheet.row(&format!("{boot:>4}  {iteration:<9}"), cells));
        }
    }
    lines
}

fn iteration_cell(boot: &BootRecord, index: usize, sheet: &Sheet) -> String {
    match boot.iterations.get(index) {
        Some(iteration) => {
            let value = |metric: &Metric| iteration.metrics.get(metric.name.as_ref()).copied();
            sheet.metrics.iter().map(|metric| sheet.number(metric, value(metric))).collect()
        }
        None if index == boot.iterations.len() && boot.status != BootStatus::Ok => status_words(boot.status).to_owned(),
        None => String::new(),
    }
}

fn spread_lines(columns: &[Column], summary: &Summary, estimand: Estimand, sheet: &Sheet, style: Style) -> Vec<String> {
    let line = |stub: &str, value: fn(&MetricSummary) -> Option<f64>| {
        let cell = |s: &ContenderSummary| s.metrics.iter().map(|m| sheet.number(&m.metric, value(m))).collect();
        sheet.row(stub, columns.iter().map(|(_, s)| cell(s)))
    };
    let mut lines = vec![style.paint(Paint::Head, &line(of_boots(estimand), |m| m.estimate))];
    if !summary.single_iteration {
        lines.insert(0, line("first, median", |m| m.first));
    }
    let spread = [
        line("min", |m| m.sample.map(|s| s.min)),
        line("25%", |m| m.sample.map(|s| s.lower)),
        line("75%", |m| m.sample.map(|s| s.upper)),
        line("max", |m| m.sample.map(|s| s.max)),
    ];
    lines.extend(spread.map(|line| style.paint(Paint::Dim, &line)));
    lines
}

/// What must be plausible for the numbers above to mean anything.
fn check_lines(columns: &[Column], report: &Report, sheet: &Sheet) -> Vec<String> {
    let cell = |text: Option<String>| text::cut(text.as_deref().unwrap_or("-"), sheet.band);
    let told = CHECKS.iter().filter(|(_, check)| columns.iter().any(|(_, s)| check(s).is_some()));
    let mut lines: Vec<String> =
        told.map(|(name, check)| sheet.row(name, columns.iter().map(|(_, s)| cell(check(s))))).collect();
    let baseline = report.contenders.first().and_then(mem_total);
    let memory = |contender| {
        let kib = mem_total(contender)?;
        let difference = baseline.map_or(0, |baseline| i128::from(kib).saturating_sub(baseline.into()));
        Some(if difference == 0 { format!("{kib} kB") } else { format!("{kib} kB ({difference:+})") })
    };
    lines.push(sheet.row("MemTotal", columns.iter().map(|(c, _)| cell(memory(c)))));
    lines
}

fn mem_total(contender: &ContenderRecord) -> Option<u64> {
    meminfo::parse(first_meminfo(contender, Moment::Before)?)
        .into_iter()
        .find(|field| field.name == "MemTotal")
        .map(|field| field.value)
}

fn ratios(findings: &Findings, style: Style) -> String {
    let summary = &findings.summary;
    let told = |sentence: &String| text::wrap("  ", &text::line(sentence), style.prose()) + "\n";
    let Some(first) = summary.pairs.first() else { return doubts(findings).iter().map(told).collect() };
    let above_one = above_one(first.metrics.iter().map(|(metric, _)| metric));
    let mut out = style.sentence(Some(Paint::Head), "", &format!("Ratio to {} (above 1: {above_one})", first.baseline));
    let values = Values::of(summary);
    let pairs = findings.order().into_iter().filter_map(|place| summary.pairs.get(place));
    out.extend(pairs.map(|pair| ratio_line(pair, &values, style)));
    out.extend(caveats(findings).iter().map(told));
    out
}

fn ratio_line(pair: &Pair, values: &Values, style: Style) -> String {
    let name = text::line(&pair.contender);
    let compared = pair.metrics.iter().map(|(metric, comparison)| {
        format!("{} {}", text::cut(&text::line(&metric.name), METRIC), values.comparison(metric, comparison))
    });
    let blocks = match pair.apart {
        Some([contender, baseline]) => format!("unpaired, from {contender} and {baseline} boots"),
        None => format!("from {}", text::count(pair.blocks, "block")),
    };
    let parts: Vec<String> = compared.chain([blocks]).collect();
    let line = format!("  {name:<STUB$}{}", parts.join("   "));
    if name.chars().count() < STUB && line.chars().count() <= style.prose() {
        return line + "\n";
    }
    // Too long for a line: part by part, under the name.
    let name = style.sentence(None, "  ", &name);
    parts.iter().fold(name, |out, part| out + &text::wrap("    ", part, style.prose()) + "\n")
}

/// The longest name of a metric that is shown whole.
const METRIC: usize = 60;

/// The audit: what each comparison is worth, and what differs.
fn fair(audit: &Audit, style: Style) -> String {
    let mut out = String::new();
    let mut add = |paint, lead: &str, sentence: &str| out += &style.sentence(paint, lead, sentence);
    if !audit.pairs.is_empty() || !audit.changes.is_empty() || !audit.limits.is_empty() {
        add(Some(Paint::Head), "", "Fairness");
    }
    for limit in &audit.limits {
        add(Some(Paint::Warning), "  ", &format!("{limit}."));
    }
    for pair in &audit.pairs {
        let paint = (pair.fairness == Fairness::Void).then_some(Paint::Warning);
        add(paint, "  ", &fairness::headline(pair));
        for finding in pair.findings.iter().filter(|finding| finding.rank > Rank::Harmless) {
            let values = fairness::values(finding, &pair.baseline, &pair.contender, WORDS, VALUE);
            add(None, &format!("    {:<9}", fairness::rank_word(finding.rank)), &format!("{}: {values}", finding.fact));
        }
        let harmless: Vec<String> = pair.of_rank(Rank::Harmless).map(|finding| finding.fact.to_owned()).collect();
        if !harmless.is_empty() {
            add(None, "    harmless ", &harmless.join("; "));
        }
    }
    for change in audit.changes.iter().filter(|change| change.finding.rank > Rank::Harmless) {
        add(Some(Paint::Warning), "  ", &format!("{}.", fairness::change(change, WORDS, VALUE)));
    }
    out
}

/// So many words of a list that differs are shown; the report's files have all.
const WORDS: usize = 8;

/// Width to which a value that differs is cut.
const VALUE: usize = 60;

/// What the workload exercised.
fn exercised(findings: &Findings, style: Style) -> String {
    let sentences = exercised::sentences(findings);
    if sentences.is_empty() {
        return String::new();
    }
    let lines = sentences.iter().map(|sentence| text::wrap("  ", &text::line(sentence), style.prose()) + "\n");
    [style.paint(Paint::Head, "What it exercised") + "\n"].into_iter().chain(lines).collect()
}

/// What KVM counted: a table, and what it comes to.
fn counted(findings: &Findings, found: &Counted, style: Style) -> String {
    let told = |sentence: &String| text::wrap("  ", &text::line(sentence), style.prose()) + "\n";
    let mut out = style.paint(Paint::Head, "Counted by KVM") + "\n" + &told(&counted::introduction(findings));
    let names: Vec<String> = found.contenders.iter().map(|name| text::cut(&text::line(name), NAME)).collect();
    let column =
        names.iter().map(|name| name.chars().count()).max().unwrap_or_default().clamp(NUMBER, NAME).saturating_add(2);
    let rows: Vec<(String, Vec<String>)> = [(String::new(), names)].into_iter().chain(counted::rows(found)).collect();
    let room = style.width.min(MAX_WIDTH).saturating_sub(COUNTED + 2);
    let columns = room.checked_div(column).unwrap_or_default().max(1);
    for first in (0..found.contenders.len()).step_by(columns) {
        for (what, cells) in &rows {
            let cells = cells.iter().skip(first).take(columns).map(|cell| format!("{cell:>column$}"));
            out += &format!("  {what:<COUNTED$}{}\n", cells.collect::<String>());
        }
    }
    out.extend(counted::sentences(found).iter().map(told));
    out
}

fn notes(report: &Report, style: Style) -> String {
    let mut out = String::new();
    let mut add = |paint, lead: &str, sentence: &str| out += &style.sentence(paint, lead, sentence);
    for notice in &report.notices {
        add(None, "Note: ", notice);
    }
    for (contender, boot) in report.contenders.iter().flat_map(|c| c.boots.iter().map(move |boot| (c, boot))) {
        // That the run was stopped is said once, by whoever says how it ended.
        if boot.status != BootStatus::Ok && boot.status != BootStatus::Interrupted {
            add(Some(Paint::Warning), "", &boot_failure(contender, boot));
            for line in boot.last_words.iter().rev().take(LAST_WORDS).rev() {
                add(Some(Paint::Dim), "  | ", line);
            }
        }
    }
    if let Some(failure) = &report.failure {
        add(Some(Paint::Failure), "FAILED: ", failure);
    }
    out
}

/// So many of a failed boot's last lines are shown; the report's files have all.
const LAST_WORDS: usize = 5;
