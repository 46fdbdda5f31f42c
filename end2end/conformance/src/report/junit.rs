//! The report in the XML that build servers read.

use super::Report;
use crate::finding::Outcome;

impl Report {
    /// A test case per row. A row that differs passes, with what differs as its output.
    pub fn to_junit(&self) -> String {
        let failures = self.failed().count();
        let skipped = self.count("not applicable");
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        out.push_str(&format!(
            "<testsuite name=\"acme-conformance\" tests=\"{}\" failures=\"{failures}\" skipped=\"{skipped}\" time=\"{:.3}\">\n",
            self.results.len(),
            self.took.as_secs_f64()
        ));
        for result in &self.results {
            let name = escape(&format!("row {:03} {}", result.row.number, result.row.condition));
            let time = result.took.as_secs_f64();
            out.push_str(&format!(
                "  <testcase classname=\"acme-conformance\" name=\"{name}\" time=\"{time:.3}\">"
            ));
            let details = || {
                let all = result.outcome.findings().iter().map(|finding| match &finding.exchange {
                    Some(exchange) => format!("{finding}\n{exchange}"),
                    None => finding.to_string(),
                });
                escape(&format!("{}\n\n{}", result.row.law, all.collect::<Vec<_>>().join("\n")))
            };
            match &result.outcome {
                Outcome::Passed => {}
                Outcome::Differs(_) => out.push_str(&format!("<system-out>{}</system-out>", details())),
                Outcome::Failed(findings) => out.push_str(&format!(
                    "<failure message=\"{}\">{}</failure>",
                    escape(&findings.first().map(ToString::to_string).unwrap_or_default()),
                    details()
                )),
                Outcome::NotApplicable(why) => {
                    out.push_str(&format!("<skipped message=\"{}\"/>", escape(why)));
                }
            }
            out.push_str("</testcase>\n");
        }
        out.push_str("</testsuite>\n");
        out
    }
}

/// XML 1.0 has no way to write most control characters.
fn escape(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '&' => "&amp;".to_owned(),
            '"' => "&quot;".to_owned(),
            c if c.is_control() && !matches!(c, '\n' | '\t') => "\u{fffd}".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
