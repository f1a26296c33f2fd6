//! Markdown that says what it was given and nothing else: fences that their content cannot close, code spans and
//! table cells that it cannot leave. Source: CommonMark 0.31 (4.5, 6.1) and the tables of GitHub's dialect.

use firebench_model::record::ContenderRecord;
use firebench_text as text;

/// A fenced block.
pub fn fence(language: &str, content: &str) -> String {
    verbatim_fence(language, &text::block(content))
}

/// A fenced block whose content must come back as it is. The fence is longer than any run of backticks in it.
pub fn verbatim_fence(language: &str, content: &str) -> String {
    let fence = "`".repeat(longest_run(content).saturating_add(1).max(3));
    format!("{fence}{language}\n{content}\n{fence}\n")
}

/// A sentence: what could start markup is escaped.
pub fn sentence(content: &str) -> String {
    let mut escaped = String::with_capacity(content.len());
    for c in text::line(content).chars() {
        if "\\`*_[]<>|&~#!$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A code span, fit for a table cell; a dash when there is nothing to show.
pub fn code(content: &str) -> String {
    let content = text::line(content);
    let content = content.trim();
    if content.is_empty() {
        return "-".to_owned();
    }
    if content.contains("\\|") {
        // A pipe ends a cell even inside of a code span, where a backslash before its escape would undo it.
        return sentence(content);
    }
    let ticks = "`".repeat(longest_run(content).saturating_add(1));
    let cell = content.replace('|', "\\|");
    let pad = if cell.starts_with('`') || cell.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{cell}{pad}{ticks}")
}

/// A table. Cells are Markdown already; columns after the first `left` are aligned to the right.
pub fn table(header: &[String], left: usize, rows: &[Vec<String>]) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule: Vec<String> =
        (0..header.len()).map(|column| if column < left { "---" } else { "---:" }.to_owned()).collect();
    let mut table = row(header) + &row(&rule);
    table.extend(rows.iter().map(|cells| row(cells)));
    table
}

fn longest_run(content: &str) -> usize {
    content.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// The heading of a contender: the VMM's own spelling when the contender is named after its VMM.
pub(super) fn title(contender: &ContenderRecord) -> String {
    match contender.vmm {
        vmm if contender.name != vmm.name => sentence(&contender.name),
        vmm => vmm.title.to_owned(),
    }
}

pub(super) fn titles(contenders: &[ContenderRecord]) -> Vec<String> {
    contenders.iter().map(title).collect()
}

/// A table's header: the first columns, then the contenders, then the last column.
pub(super) fn header(first: &str, contenders: &[ContenderRecord], last: &str) -> Vec<String> {
    let mut header = vec![first.to_owned()];
    header.extend(titles(contenders));
    header.push(last.to_owned());
    header
}
