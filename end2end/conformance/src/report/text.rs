//! The report that people read.

use std::fmt::Write as _;

use super::{Report, RowResult};
use crate::finding::Outcome;

/// Findings of one row that are shown with request and answer.
const SHOWN: usize = 3;

impl Report {
    /// A line per row, with request and answer of what failed, and the law.
    pub fn to_text(&self) -> String {
        let mut out = format!("{}\n\n", self.directory);
        for result in &self.results {
            row(&mut out, result);
        }
        out.push('\n');
        for note in &self.notes {
            line(&mut out, &format!("note: {note}"));
        }
        let counts = ["passed", "differs (policy)", "failed", "not applicable"]
            .map(|word| format!("{} {word}", self.count(word)));
        line(&mut out, &format!("{} in {:.1} s", counts.join(", "), self.took.as_secs_f64()));
        out
    }
}

fn row(out: &mut String, result: &RowResult) {
    let row = result.row;
    line(out, &format!("{:>3}  {:<17} {}", row.number, result.outcome.word(), row.condition));
    if let Outcome::NotApplicable(why) = &result.outcome {
        line(out, &format!("     {why}"));
    }
    for note in &result.notes {
        line(out, &format!("     note: {note}"));
    }
    let findings = result.outcome.findings();
    if findings.is_empty() {
        return;
    }
    line(out, &format!("     the row wants: {}", row.expected));
    line(out, &format!("     {}", row.law));
    for (index, finding) in findings.iter().enumerate() {
        line(out, &format!("   - {:?}: {finding}", finding.weight));
        if let Some(exchange) = finding.exchange.as_deref().filter(|_| index < SHOWN) {
            for text in exchange.lines() {
                line(out, &format!("       {text}"));
            }
        }
    }
}

fn line(out: &mut String, text: &str) {
    // A String takes whatever is written to it.
    let _ = writeln!(out, "{}", text.trim_end());
}
