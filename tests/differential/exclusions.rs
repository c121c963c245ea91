//! Disagreements that are known and excused, with the reason: `exclusions.md`.

use crate::verdict::Class;

const TABLE: &str = include_str!("exclusions.md");

#[derive(Debug)]
pub struct Exclusion {
    pub id: String,
    class: &'static str,
    version: String,
    kind: String,
    base: String,
    path: String,
    message: String,
}

/// A disagreement, as patterns see it.
pub struct Facts<'a> {
    pub class: Class,
    pub version: &'a str,
    pub kind: &'a str,
    pub base: &'a str,
    /// Group, path, old and new: `group · path: old → new`.
    pub path: &'a str,
    /// The decoder's message, or the rules that spoke.
    pub message: &'a str,
}

/// Reads the table: every row with seven cells and a reason.
pub fn load() -> Vec<Exclusion> {
    let rows = TABLE.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        // A cell holds `|` as `\|`.
        let row = row.replace("\\|", "\u{1}");
        let cells: Vec<String> = row
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().trim_matches('`').replace('\u{1}', "|"))
            .collect();
        let [id, class, version, kind, base, path, message, reason] = &cells[..] else {
            panic!("exclusions.md: not eight cells: {row}");
        };
        assert!(reason.len() > 10, "exclusions.md: {id} needs a reason");
        let classes = [Class::Miss, Class::FalseAlarm, Class::Strict, Class::Warned];
        let class = classes.iter().find(|known| known.word() == class);
        Exclusion {
            id: id.clone(),
            class: class
                .expect("the class is miss, false alarm, strict or warned")
                .word(),
            version: version.clone(),
            kind: kind.clone(),
            base: base.clone(),
            path: path.clone(),
            message: message.clone(),
        }
    })
    .collect()
}

impl Exclusion {
    pub fn matches(&self, facts: &Facts) -> bool {
        self.class == facts.class.word()
            && any(&self.version, facts.version)
            && any(&self.kind, facts.kind)
            && any(&self.base, facts.base)
            && any(&self.path, facts.path)
            && any(&self.message, facts.message)
    }
}

/// Whether one of several patterns, separated by ` or `, matches the text.
fn any(patterns: &str, text: &str) -> bool {
    patterns
        .split(" or ")
        .any(|pattern| glob(pattern.trim(), text))
}

/// `*` stands for anything, also nothing.
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            match rest.find(before) {
                Some(at) => rest = &rest[at + str::len(before)..],
                None => return false,
            }
        }
    }
    match last {
        Some(end) => rest.ends_with(end),
        None => rest.is_empty(),
    }
}
