//! The report: Markdown tables for people, JSON for programs.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::floor::FloorSummary;
use crate::measure::Figures;

/// Collects what the modes found. Tables are printed at once.
#[derive(Debug, Default)]
pub struct Report {
    json: Map<String, Value>,
    goals: Vec<Goal>,
}

/// A figure with the limit that the project has set itself.
#[derive(Debug, Serialize)]
pub struct Goal {
    pub what: String,
    pub measured: f64,
    pub limit: f64,
    pub at_least: bool,
    pub met: bool,
}

impl Goal {
    pub fn at_most(what: impl Into<String>, measured: f64, limit: f64) -> Self {
        Self { what: what.into(), measured, limit, at_least: false, met: measured <= limit }
    }

    pub fn at_least(what: impl Into<String>, measured: f64, limit: f64) -> Self {
        Self { what: what.into(), measured, limit, at_least: true, met: measured >= limit }
    }
}

impl Report {
    pub fn set(&mut self, name: &str, value: impl Serialize) -> Result<(), Error> {
        self.json.insert(name.to_owned(), serde_json::to_value(value)?);
        Ok(())
    }

    pub fn goal(&mut self, goal: Goal) {
        self.goals.push(goal);
    }

    /// Prints the goals and the floor.
    ///
    /// # Errors
    /// Never in practice: plain numbers always have a JSON form.
    pub fn finish(&mut self, floor: FloorSummary) -> Result<(), Error> {
        println!(
            "Crypto floor (5 P-256 verifications, 1 signature): best {:.3} ms, median {:.3} ms, worst {:.3} ms of {} rounds.",
            floor.best_ms, floor.median_ms, floor.worst_ms, floor.rounds
        );
        self.set("floor", floor)?;
        if !self.goals.is_empty() {
            let rows = self.goals.iter().map(|goal| {
                let sign = if goal.at_least { "≥" } else { "≤" };
                let met = if goal.met { "met" } else { "missed" };
                vec![
                    goal.what.clone(),
                    number(goal.measured),
                    format!("{sign} {}", goal.limit),
                    met.to_owned(),
                ]
            });
            println!("\n{}", table(&["goal", "measured", "limit", ""], &rows.collect::<Vec<_>>()));
        }
        self.json.insert("goals".to_owned(), json!(self.goals));
        Ok(())
    }

    /// # Errors
    /// When the file cannot be written.
    pub fn write_json(&self, file: &Path) -> Result<(), Error> {
        let mut text = serde_json::to_string_pretty(&self.json)?;
        text.push('\n');
        Ok(std::fs::write(file, text)?)
    }
}

/// The table of figures, one row each.
pub fn figures_table<'a>(figures: impl IntoIterator<Item = &'a Figures>) -> String {
    let columns = [
        "server",
        "conc.",
        "issuances/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "server CPU ms",
        "database CPU ms",
        "sum CPU ms",
        "× floor",
        "best × floor",
        "requests",
        "flushes",
        "RSS MB",
        "peak MB",
        "generator CPU ms",
        "others %",
        "failed",
    ];
    let row = |f: &Figures| {
        vec![
            f.subject.clone(),
            f.concurrency.to_string(),
            number(f.per_second),
            number(f.p50_ms),
            number(f.p95_ms),
            number(f.p99_ms),
            number(f.server_cpu_ms),
            if f.database_cpu_ms == 0.0 { "–".to_owned() } else { number(f.database_cpu_ms) },
            number(f.cpu_ms),
            number(f.times_floor),
            number(f.best_times_floor),
            number(f.requests),
            f.flushes.map_or("–".to_owned(), number),
            number(f.rss_mb),
            number(f.peak_rss_mb),
            number(f.generator_cpu_ms),
            number(f.others_percent + f.stolen_percent),
            f.failed.to_string(),
        ]
    };
    table(&columns, &figures.into_iter().map(row).collect::<Vec<_>>())
}

/// An aligned Markdown table: the first column to the left, all others to the right.
pub fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    let length = |text: &str| text.chars().count();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, name)| {
            rows.iter()
                .filter_map(|row| row.get(i))
                .map(|cell| length(cell))
                .fold(length(name).max(3), usize::max)
        })
        .collect();
    let mut out = String::new();
    let mut line = |cells: &[&str]| {
        for (i, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
            // Writing to a string cannot fail.
            let _ = match i {
                0 => write!(out, "| {cell:<width$} "),
                _ => write!(out, "| {cell:>width$} "),
            };
        }
        out.push_str("|\n");
    };
    line(columns);
    let rules: Vec<String> = widths
        .iter()
        .enumerate()
        .map(|(i, &width)| if i == 0 { "-".repeat(width) } else { "-".repeat(width - 1) + ":" })
        .collect();
    line(&rules.iter().map(String::as_str).collect::<Vec<_>>());
    for row in rows {
        line(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
    out
}

/// Three significant digits, or all before the point.
pub fn number(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "–".to_owned(),
        0.0 => "0".to_owned(),
        ..1.0 => format!("{value:.3}"),
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_markdown() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["SQLite".to_owned(), "12345".to_owned()]];
        assert_eq!(
            table(&["what", "×/s"], &rows),
            "| what   |   ×/s |\n| ------ | ----: |\n| a      |     1 |\n| SQLite | 12345 |\n"
        );
    }

    #[test]
    fn numbers_have_three_digits() {
        let shown: Vec<String> = [0.0, 0.1234, 1.234, 12.34, 1234.4, f64::NAN].map(number).into();
        assert_eq!(shown, ["0", "0.123", "1.23", "12.3", "1234", "–"]);
    }

    #[test]
    fn goals_know_whether_they_are_met() {
        assert!(Goal::at_most("x", 3.0, 3.0).met);
        assert!(!Goal::at_least("x", 699.0, 700.0).met);
        assert!(!Goal::at_most("x", f64::NAN, 3.0).met);
    }
}
