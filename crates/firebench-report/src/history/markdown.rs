//! A history as Markdown, for a page or a comment.

use firebench_analysis::history::{ChangePoint, Held, History};

use super::chart::chart;
use super::said;
use crate::markdown_text::{code, fence, sentence, table};

/// Bars of a chart, at most.
const BARS: usize = 80;

/// Lines of a chart.
const HEIGHT: usize = 3;

/// Writes the whole history.
pub fn render(history: &History, held: &[Held]) -> String {
    let mut out = format!("# {} over the stored runs\n\n", code(&history.asked));
    let Some(metric) = &history.metric else {
        return out + &format!("No run to look at: {}\n", sentence(&said::counted(history)));
    };
    let values = said::values(history, metric);
    out += &format!("- {}\n- {}\n", sentence(&said::shared(history)), sentence(&said::counted(history)));
    let row = |change: &ChangePoint| {
        vec![
            sentence(&said::begins(change)),
            sentence(&said::size(change, metric, &values)),
            sentence(&said::moved(change, metric, &values)),
            said::sides(change),
            format!("{:.3}", change.p_value),
            said::beside(change).map_or_else(|| "-".to_owned(), |beside| sentence(&beside)),
        ]
    };
    for contender in &history.contenders {
        out += &format!("\n## {}\n\n", code(&contender.name));
        let all: Vec<f64> = contender.points.iter().map(|point| point.value).collect();
        let marks: Vec<usize> = contender.changes.iter().map(|change| change.at).collect();
        if let Some(chart) = chart(&all, &marks, BARS, HEIGHT).filter(|_| all.len() > 1) {
            let lines = chart.lines.iter().map(|line| line.trim_end()).chain([chart.marks.as_str()]);
            out += &fence("text", &lines.collect::<Vec<_>>().join("\n"));
            out.push('\n');
        }
        if !contender.changes.is_empty() {
            let header = ["change", "size", "median", "runs", "p", "beside"].map(str::to_owned);
            let rows: Vec<Vec<String>> = contender.changes.iter().map(row).collect();
            out += &table(&header, 6, &rows);
        }
        out.extend(said::remarks(contender).iter().map(|remark| format!("- {}\n", sentence(remark))));
    }
    if !held.is_empty() {
        out += "\n## Gates\n\n";
        out.extend(held.iter().map(|held| format!("- {}.\n", sentence(&held.to_string()))));
    }
    out
}
