//! How many findings there are of each rule, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::layout::number;
use super::text::{Options, summary};
use crate::check::Report;
use crate::finding::{RuleInfo, Severity};

/// What a rule comes to.
#[derive(Default)]
struct Count {
    findings: u64,
    places: u64,
    subjects: u64,
}

/// Writes a line for each rule, the most severe and most frequent first, and the summary.
///
/// # Errors
/// Whatever the writer says.
pub fn write(out: &mut dyn Write, report: &Report, options: Options) -> io::Result<()> {
    let mut counts: BTreeMap<(&'static str, Severity), (&'static RuleInfo, Count)> =
        BTreeMap::new();
    for subject in &report.subjects {
        let mut seen = Vec::new();
        for finding in &subject.findings {
            let key = (finding.rule.id, finding.severity);
            let (_, count) = counts
                .entry(key)
                .or_insert_with(|| (finding.rule, Count::default()));
            count.findings += 1;
            count.places = count.places.saturating_add(finding.count.max(1));
            if !seen.contains(&key) {
                seen.push(key);
                count.subjects += 1;
            }
        }
    }
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort_by(|((a_id, a), (_, x)), ((b_id, b), (_, y))| {
        let by_weight = (b, y.findings).cmp(&(a, x.findings));
        by_weight.then_with(|| a_id.cmp(b_id))
    });
    if !rows.is_empty() {
        let head = ["findings", "places", "datasets", "severity", "rule"];
        let mut lines = vec![head.map(str::to_string)];
        lines.extend(rows.iter().map(|((id, severity), (_, count))| {
            [
                number(count.findings),
                number(count.places),
                number(count.subjects),
                severity.to_string(),
                (*id).to_string(),
            ]
        }));
        let widths: [usize; 5] = std::array::from_fn(|at| {
            let cells = lines.iter().filter_map(|line| line.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        });
        let [w0, w1, w2, w3, _] = widths;
        for [findings, places, subjects, severity, rule] in &lines {
            writeln!(
                out,
                "{findings:>w0$}  {places:>w1$}  {subjects:>w2$}  {severity:<w3$}  {rule}"
            )?;
        }
        writeln!(out)?;
    }
    summary(out, report, options)
}
