//! The report for programs.

use serde_json::{Value, json};

use super::Report;
use crate::finding::{Finding, Outcome, Weight};

impl Report {
    pub fn to_json(&self) -> Value {
        let rows: Vec<Value> = self
            .results
            .iter()
            .map(|result| {
                let why = match &result.outcome {
                    Outcome::NotApplicable(why) => Some(why),
                    _ => None,
                };
                json!({
                    "row": result.row.number,
                    "condition": result.row.condition,
                    "expected": result.row.expected,
                    "law": result.row.law,
                    "outcome": result.outcome.word(),
                    "why_not_applicable": why,
                    "findings": result.outcome.findings().iter().map(finding).collect::<Vec<_>>(),
                    "notes": result.notes,
                    "milliseconds": u64::try_from(result.took.as_millis()).unwrap_or(u64::MAX),
                })
            })
            .collect();
        json!({
            "directory": self.directory,
            "rows": rows,
            "notes": self.notes,
            "seconds": self.took.as_secs_f64(),
        })
    }
}

fn finding(finding: &Finding) -> Value {
    let weight = match finding.weight {
        Weight::Must => "must",
        Weight::Policy => "policy",
    };
    json!({
        "weight": weight,
        "case": finding.case,
        "expected": finding.expected,
        "got": finding.got,
        "exchange": finding.exchange,
    })
}
