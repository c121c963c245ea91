//! The confusion matrix, and the disagreements in groups.

use std::collections::BTreeMap;

use crate::Case;
use crate::verdict::{Class, Outcome};

/// Groups of disagreements that are printed.
const MOST_GROUPS: usize = 60;

#[derive(Debug, Default, Clone)]
struct Row {
    cases: usize,
    fails: usize,
    other: usize,
    same: usize,
    counts: BTreeMap<Class, usize>,
    excused: usize,
}

impl Row {
    fn add(&mut self, case: &Case) {
        self.cases += 1;
        match case.outcome {
            Outcome::Fails(_) => self.fails += 1,
            Outcome::OtherData(_) => self.other += 1,
            Outcome::SameData => self.same += 1,
        }
        match case.excused {
            Some(_) => self.excused += 1,
            None => *self.counts.entry(case.class).or_default() += 1,
        }
    }

    fn count(&self, class: Class) -> usize {
        self.counts.get(&class).copied().unwrap_or(0)
    }

    fn print(&self, name: &str) {
        println!(
            "{name:<28}{:>7}{:>7}{:>7}{:>7} │{:>7}{:>7}{:>7}{:>7}{:>7}{:>7}{:>8}",
            self.cases,
            self.fails,
            self.other,
            self.same,
            self.count(Class::Found),
            self.count(Class::Miss),
            self.count(Class::FalseAlarm),
            self.count(Class::Strict),
            self.count(Class::Warned),
            self.count(Class::Silent),
            self.excused,
        );
    }
}

/// What a run comes to.
#[derive(Debug)]
pub struct Totals {
    pub found: usize,
    pub missed: usize,
    pub false_alarms: usize,
    pub broken: usize,
}

impl Totals {
    pub fn of(cases: &[Case]) -> Self {
        let count = |class| {
            let cases = cases.iter().filter(|case| case.class == class);
            cases.filter(|case| case.excused.is_none()).count()
        };
        Self {
            found: count(Class::Found),
            missed: count(Class::Miss),
            false_alarms: count(Class::FalseAlarm),
            broken: count(Class::Broken),
        }
    }

    #[allow(clippy::cast_precision_loss)]
    pub fn recall(&self) -> f64 {
        let bad = self.found + self.missed;
        if bad == 0 {
            1.0
        } else {
            self.found as f64 / bad as f64
        }
    }
}

pub fn print(cases: &[Case]) {
    let heading = |first: &str| {
        println!(
            "{first:<28}{:>7}{:>7}{:>7}{:>7} │{:>7}{:>7}{:>7}{:>7}{:>7}{:>7}{:>8}",
            "cases",
            "fails",
            "other",
            "same",
            "found",
            "MISS",
            "ALARM",
            "strict",
            "warned",
            "silent",
            "excused",
        );
    };
    heading("kind");
    let mut rows: BTreeMap<(bool, &str), Row> = BTreeMap::new();
    let mut versions: BTreeMap<String, Row> = BTreeMap::new();
    let mut total = Row::default();
    for case in cases {
        rows.entry((case.harmless, case.kind))
            .or_default()
            .add(case);
        versions.entry(case.version.clone()).or_default().add(case);
        total.add(case);
    }
    let mut last = false;
    for ((harmless, kind), row) in &rows {
        if *harmless != last {
            println!("harmless:");
            last = *harmless;
        }
        row.print(kind);
    }
    println!();
    heading("version");
    versions
        .iter()
        .for_each(|(version, row)| row.print(version));
    total.print("all");
}

/// Disagreements of a class, alike ones together, the most frequent first.
pub fn groups(cases: &[Case], class: Class) {
    let mut groups: BTreeMap<(String, String), Vec<&Case>> = BTreeMap::new();
    for case in cases
        .iter()
        .filter(|case| case.class == class && case.excused.is_none())
    {
        let why = match class {
            Class::Miss => signature(case.outcome.message()),
            _ => case.verdict.rules().join(", "),
        };
        groups
            .entry((format!("{} · {}", case.kind, case.group), why))
            .or_default()
            .push(case);
    }
    if groups.is_empty() {
        return;
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, cases)| std::cmp::Reverse(cases.len()));
    let count: usize = groups.iter().map(|(_, cases)| cases.len()).sum();
    println!(
        "\n{} of class {:?} in {} groups:",
        count,
        class.word(),
        groups.len()
    );
    for ((what, why), cases) in groups.iter().take(MOST_GROUPS) {
        let mut versions: Vec<&str> = cases.iter().map(|case| case.version.as_str()).collect();
        versions.sort_unstable();
        versions.dedup();
        println!("{:>5} × {what} [{}]", cases.len(), versions.join(" "));
        println!("        {why}");
        println!("        --case '{}'", cases[0].id);
    }
    if groups.len() > MOST_GROUPS {
        println!("      and {} groups more", groups.len() - MOST_GROUPS);
    }
}

/// A message with its numbers taken out.
pub fn signature(message: &str) -> String {
    let mut text = String::new();
    for c in message.chars().take(220) {
        match c.is_ascii_digit() {
            true if text.ends_with('N') => {}
            true => text.push('N'),
            false => text.push(c),
        }
    }
    text.replace('\n', " ")
}

/// One disagreement in full.
pub fn tell(case: &Case) {
    println!(
        "\n{} · {}{}",
        case.class.word(),
        case.id,
        match &case.excused {
            Some(id) => format!(" · excused by {id}"),
            None => String::new(),
        }
    );
    println!("  {}: {} → {}", case.path, case.old, case.new);
    if let Some(shrunk) = &case.shrunk {
        println!("  it takes only {shrunk}");
    }
    println!(
        "  decoder: {} {}",
        case.outcome.word(),
        case.outcome.message()
    );
    if let Some(failure) = &case.verdict.failure {
        println!("  checker: {failure}");
    }
    if case.verdict.findings.is_empty() {
        println!("  checker: nothing");
    }
    for said in &case.verdict.findings {
        let column = said.column.as_deref().unwrap_or("-");
        println!(
            "  checker: {} {} ({column}): {}",
            said.severity, said.rule, said.message
        );
    }
}
