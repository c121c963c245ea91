//! Which findings of a dataset a message comes from, and which have nothing to do with it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::catalogue::{Entry, Kind, PAGES};
use super::recognise::{Diagnosis, Recognised, entry_of};
use crate::check::{Report, SubjectKind, SubjectReport};
use crate::finding::{Finding, FirstSeen, Severity};
use crate::model::readers::Release;
use crate::model::schema::is_within;

/// The rule whose findings are about a release, not about damage.
const READER_TOO_OLD: &str = "reader-too-old";

/// Rules about fields that are taken for one another: the field that fails is not always the one
/// that is at fault.
const ACROSS_FIELDS: &[&str] = &[
    "column-lengths-differ",
    "column-index-invalid",
    "column-mapping-mismatch",
    "empty-struct-shifts-columns",
    "field-in-two-files",
    "field-not-listed",
    "fields-swapped",
    "packed-struct-mismatch",
    "schema-invalid",
];

/// What a search for a message in a dataset came to.
#[derive(Debug, Default)]
pub struct Search<'a> {
    /// Findings that the message comes from, the likeliest first. Several: it is one of them.
    pub located: Vec<Located<'a>>,
    /// The dataset is newer than some readers, and the message is what such readers say.
    pub too_new: Vec<TooNew<'a>>,
    /// Findings that this message does not come from.
    pub unrelated: Vec<(&'a SubjectReport, &'a Finding)>,
}

/// A finding that a message comes from.
#[derive(Debug)]
pub struct Located<'a> {
    /// What was checked.
    pub subject: &'a SubjectReport,
    /// The finding.
    pub finding: &'a Finding,
    /// What in the message points to it, as clauses.
    pub evidence: Vec<String>,
    /// Since when it is there, when that was looked up.
    pub since: Option<FirstSeen>,
}

/// A dataset that the reader is too old for.
#[derive(Debug)]
pub struct TooNew<'a> {
    /// The dataset.
    pub subject: &'a SubjectReport,
    /// The first release that reads all of it; `None` when none does.
    pub reads: Option<Release>,
    /// What older ones do not know.
    pub what: Vec<String>,
}

impl Search<'_> {
    /// Whether what was checked has the cause.
    pub fn found(&self) -> bool {
        !self.located.is_empty() || !self.too_new.is_empty()
    }

    /// Takes from a check of all versions since when each finding is there.
    pub fn date(&mut self, history: &Report) {
        let dated: Vec<&Finding> = history
            .subjects
            .iter()
            .flat_map(|subject| &subject.findings)
            .collect();
        for located in &mut self.located {
            let here = located.finding;
            let same = dated.iter().find(|there| there.key() == here.key());
            located.since = same.and_then(|there| there.since.clone());
        }
    }
}

impl Located<'_> {
    /// Who made the version in which it came up, as far as that is known; else who made the one that
    /// was looked at.
    pub fn writer(&self) -> Option<&str> {
        match (&self.since, &self.subject.kind) {
            (Some(since), _) => since.first.writer.as_deref(),
            (None, SubjectKind::Dataset(facts)) => facts.writer.as_deref(),
            (None, _) => None,
        }
    }
}

/// How well a finding fits a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    /// Whether findings of the rule lead to such messages: any that does is preferred.
    by_rule: bool,
    /// How many things of the finding the message names: column, file, fragment.
    named: usize,
    /// How the message leads to the finding.
    strength: Strength,
    /// How many numbers stand in both.
    numbers: usize,
    /// Whether the message speaks of the type that the finding's field is of.
    typed: bool,
}

/// How a message leads to a finding, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// Readers fail over the finding, and no finding fits the message by its rule.
    AnyError,
    /// The message is of a decoder, and the finding is of a kind that decoders trip over.
    Decoding,
    /// The message is one that findings of the rule lead to.
    Rule,
    /// The rule itself quotes the message.
    Quoted,
}

/// Looks for what a log's message comes from.
pub fn locate<'a>(diagnosis: &Diagnosis, report: &'a Report) -> Search<'a> {
    let mut search = Search::default();
    let Some(cause) = diagnosis.cause() else {
        return search;
    };
    for subject in &report.subjects {
        let clues = Clues::of(cause, subject);
        let mut candidates: Vec<(Fit, usize, Located<'a>)> = Vec::new();
        for finding in &subject.findings {
            match clues.weigh(cause.entry, subject, finding) {
                Some((fit, rank, located)) => candidates.push((fit, rank, located)),
                None => search.unrelated.push((subject, finding)),
            }
        }
        let mut best = candidates.iter().map(|(fit, ..)| *fit).max();
        let rules = cause.entry.rules;
        let weak = best.is_none_or(|fit| fit.strength <= Strength::Decoding);
        let old = rules.first() == Some(&READER_TOO_OLD)
            || (rules.contains(&READER_TOO_OLD) && best.is_none_or(|fit| !fit.by_rule));
        if weak
            && old
            && cause.entry.kind == Kind::Cause
            && let Some(found) = too_new(diagnosis, subject)
        {
            search.too_new.push(found);
            best = None;
        }
        candidates.sort_by_key(|(_, rank, _)| *rank);
        for (fit, _, located) in candidates {
            match Some(fit) == best {
                true => search.located.push(located),
                false => search.unrelated.push((subject, located.finding)),
            }
        }
    }
    search
        .unrelated
        .sort_by_key(|(_, finding)| std::cmp::Reverse(finding.severity));
    search
}

/// A dataset that some readers cannot read, or the one that ran where the log tells which that was.
fn too_new<'a>(diagnosis: &Diagnosis, subject: &'a SubjectReport) -> Option<TooNew<'a>> {
    let SubjectKind::Dataset(facts) = &subject.kind else {
        return None;
    };
    let readers = &facts.readers;
    let reads = diagnosis.understood.release;
    if readers.reasons.is_empty() || reads.is_some_and(|release| readers.has(release)) {
        return None;
    }
    Some(TooNew {
        subject,
        reads: readers.reads,
        what: readers
            .reasons
            .iter()
            .map(|reason| reason.what.clone())
            .collect(),
    })
}

/// What a message names of a dataset.
struct Clues {
    columns: BTreeSet<String>,
    files: BTreeSet<String>,
    column_numbers: BTreeSet<u32>,
    fragments: BTreeSet<u64>,
    numbers: BTreeSet<u64>,
    types: BTreeSet<&'static str>,
}

/// Types as Arrow prints them, and as Lance's schemas spell them.
const TYPES: &[(&str, &str)] = &[
    ("Boolean", "bool"),
    ("Int8", "int8"),
    ("Int16", "int16"),
    ("Int32", "int32"),
    ("Int64", "int64"),
    ("UInt8", "uint8"),
    ("UInt16", "uint16"),
    ("UInt32", "uint32"),
    ("UInt64", "uint64"),
    ("Float16", "halffloat"),
    ("Float32", "float"),
    ("Float64", "double"),
    ("Utf8", "string"),
    ("LargeUtf8", "large_string"),
    ("Binary", "binary"),
    ("LargeBinary", "large_binary"),
    ("FixedSizeBinary", "fixed_size_binary"),
    ("FixedSizeList", "fixed_size_list"),
    ("List", "list"),
    ("LargeList", "large_list"),
    ("Struct", "struct"),
    ("Dictionary", "dict"),
    ("Date32", "date32"),
    ("Date64", "date64"),
    ("Timestamp", "timestamp"),
    ("Decimal128", "decimal:128"),
    ("Decimal256", "decimal:256"),
    ("Null", "null"),
];

impl Clues {
    fn of(cause: &Recognised, subject: &SubjectReport) -> Self {
        let text = &cause.event.message;
        let quoted: Vec<&str> = text
            .split(['\'', '"', '`', ' ', ',', '(', ')', '[', ']', ';'])
            .filter(|word| !word.is_empty())
            .collect();
        let named = |name: &str| {
            let marks = [('\'', '\''), ('"', '"'), ('`', '`')];
            // The field of another length is as often the one that is well.
            !text.contains("Incorrect array length")
                && (marks
                    .iter()
                    .any(|(open, close)| text.contains(&format!("{open}{name}{close}")))
                    || text.contains(&format!("field {name} "))
                    || text.contains(&format!("column {name} "))
                    || text.contains(&format!("name={name},")))
        };
        let columns = subject.fields.iter().filter(|field| {
            // A debug print names the parts of every struct, which are no fields of the dataset.
            named(&field.path) || (field.depth == 0 && named(&field.name))
        });
        let files = quoted.iter().filter_map(|word| file_name(word)).collect();
        let types = words_after(text, &["type ", "for ", "expected ", "Expected ", "got "]);
        Self {
            columns: columns.map(|field| field.path.clone()).collect(),
            files,
            column_numbers: numbers_after(
                text,
                &["column at index ", "column index ", "Column ", "column "],
            )
            .into_iter()
            .filter_map(|number| number.try_into().ok())
            .collect(),
            fragments: numbers_after(text, &["fragment ", "Fragment ", "fragment_id: "]),
            numbers: numbers_in(text),
            types: TYPES
                .iter()
                .filter(|(arrow, _)| types.iter().any(|word| word == arrow))
                .map(|(_, lance)| *lance)
                .collect(),
        }
    }

    /// How well a finding fits; `None` when the message does not come from it.
    fn weigh<'a>(
        &self,
        entry: &'static Entry,
        subject: &'a SubjectReport,
        finding: &'a Finding,
    ) -> Option<(Fit, usize, Located<'a>)> {
        let said = |effect: &str| {
            let same = entry_of(effect).is_some_and(|other| std::ptr::eq(other, entry));
            same && entry.kind != Kind::Wrapper
        };
        let quotes = finding.readers.iter().any(|reader| said(&reader.effect));
        let rank = entry.rules.iter().position(|rule| *rule == finding.rule.id);
        let is_error = finding.severity == Severity::Error;
        let of_decoder = entry.rules.iter().any(|rule| PAGES.contains(rule));
        let decoding = is_error && of_decoder && PAGES.contains(&finding.rule.id);
        let any = is_error && entry.kind == Kind::Wrapper;
        let strength = match rank {
            _ if quotes => Strength::Quoted,
            Some(_) if finding.severity != Severity::Info => Strength::Rule,
            _ if decoding || any => Strength::Decoding,
            // An entry without rules is about something else than what files hold.
            _ if is_error && !entry.rules.is_empty() => Strength::AnyError,
            _ => return None,
        };
        let mut evidence = Vec::new();
        let mut named = 0;
        if let Some(column) = &finding.column {
            let related = |other: &String| is_within(column, other) || is_within(other, column);
            if self.columns.iter().any(related) {
                named += 1;
                evidence.push(format!("the message names `{column}`"));
            } else if !self.columns.is_empty() && !ACROSS_FIELDS.contains(&finding.rule.id) {
                return None;
            }
        }
        let places = || finding.places.iter();
        let in_file = |file: &String| {
            places().any(|place| {
                let name = place.file.as_deref().and_then(file_name);
                name.as_ref() == Some(file)
            })
        };
        let data_files: Vec<&String> = self
            .files
            .iter()
            .filter(|file| file.ends_with(".lance") && !subject_is(subject, file))
            .collect();
        if let Some(file) = self.files.iter().find(|file| in_file(file)) {
            named += 1;
            evidence.push(format!("the message names {file}"));
        } else if !data_files.is_empty()
            && places().any(|place| {
                place
                    .file
                    .as_deref()
                    .is_some_and(|file| file.starts_with("data/"))
            })
            && finding.count <= finding.places.len() as u64
        {
            return None;
        }
        let in_column = places().find_map(|place| {
            let column = place.column?;
            self.column_numbers.contains(&column).then_some(column)
        });
        if let Some(column) = in_column {
            named += 1;
            evidence.push(format!("the message names column {column}"));
        }
        let in_fragment = places().find_map(|place| {
            let fragment = place.fragment?;
            self.fragments.contains(&fragment).then_some(fragment)
        });
        if let Some(fragment) = in_fragment {
            named += 1;
            evidence.push(format!("the message names fragment {fragment}"));
        }
        let spelt = self.type_of(subject, finding);
        if let Some(spelt) = spelt {
            evidence.push(format!(
                "the message speaks of type {spelt}, which the column is of"
            ));
        }
        let told = numbers_of_finding(finding);
        let numbers: Vec<&u64> = self.numbers.intersection(&told).collect();
        if let Some(number) = numbers.first() {
            evidence.push(format!(
                "the message and the finding have the number {number}"
            ));
        }
        evidence.extend(match strength {
            Strength::Quoted => {
                Some("this message is what readers are known to say of it".to_string())
            }
            Strength::Rule => None,
            Strength::AnyError => Some(
                "readers fail over it, and no finding here is of a kind that this message is known for"
                    .to_string(),
            ),
            Strength::Decoding => Some(
                "a decoder trips over it, and nothing else here fits the message better"
                    .to_string(),
            ),
        });
        let located = Located {
            subject,
            finding,
            evidence,
            since: finding.since.clone(),
        };
        let rank = rank.unwrap_or(entry.rules.len());
        let fit = Fit {
            by_rule: strength > Strength::AnyError,
            named,
            strength,
            numbers: numbers.len(),
            typed: spelt.is_some(),
        };
        Some((fit, rank, located))
    }

    /// The type that the message speaks of, when the finding's field is of it.
    fn type_of(&self, subject: &SubjectReport, finding: &Finding) -> Option<&'static str> {
        let column = finding.column.as_ref()?;
        let field = subject.fields.iter().find(|field| field.path == *column)?;
        let spelt = field.type_text.as_str();
        let mut types = self.types.iter().copied();
        types.find(|name| {
            let rest = spelt.strip_prefix(name);
            rest.is_some_and(|rest| {
                !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_')
            })
        })
    }
}

/// Whether a name that ends as a data file's does is the dataset's own.
fn subject_is(subject: &SubjectReport, name: &str) -> bool {
    let path = subject.path.trim_end_matches('/');
    path.rsplit('/').next() == Some(name)
}

/// The name of a file of a dataset, at the end of a path.
fn file_name(path: &str) -> Option<String> {
    let name = path.trim_end_matches(['.', ':', ',']).rsplit('/').next()?;
    let stem = [".lance", ".arrow", ".bin", ".manifest", ".txn", ".blob"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending));
    stem.filter(|stem| !stem.is_empty())
        .map(|_| name.to_string())
}

/// Numbers that stand behind one of some words.
fn numbers_after(text: &str, words: &[&str]) -> BTreeSet<u64> {
    let found = words.iter().flat_map(|word| text.split(word).skip(1));
    found
        .filter_map(|rest| {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            rest.get(..end)?.parse().ok()
        })
        .collect()
}

/// Numbers below this are in too many messages by chance.
const LEAST_NUMBER: u64 = 10;
/// Places in sources, paths and ids, whose numbers are of nothing in a dataset.
static NOT_NUMBERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"[^\s,]*\.rs\W+(?:line: )?\d+(?:\W+(?:column: )?\d+)?|\S*[/\\]\S*|\b\w*[A-Za-z_]\w*\b",
    )
    .ok()
});

/// The numbers of a text that may tell one finding from another.
fn numbers_in(text: &str) -> BTreeSet<u64> {
    let Some(pattern) = NOT_NUMBERS.as_ref() else {
        return BTreeSet::new();
    };
    let text = pattern.replace_all(text, " ");
    let words = text.split(|c: char| !c.is_ascii_digit());
    let numbers = words.filter_map(|word| word.parse().ok());
    numbers.filter(|number| *number >= LEAST_NUMBER).collect()
}

/// The numbers that a finding tells.
fn numbers_of_finding(finding: &Finding) -> BTreeSet<u64> {
    let texts = [
        Some(&finding.message),
        finding.expected.as_ref(),
        finding.found.as_ref(),
    ];
    let details = finding.places.iter().map(|place| place.detail.as_ref());
    let texts = texts.into_iter().chain(details).flatten();
    let mut numbers: BTreeSet<u64> = texts.flat_map(|text| numbers_in(text)).collect();
    let bytes = finding
        .places
        .iter()
        .filter_map(|place| place.bytes.as_ref());
    numbers.extend(bytes.flat_map(|bytes| [bytes.start, bytes.end]));
    numbers.retain(|number| *number >= LEAST_NUMBER);
    numbers
}

/// Words that stand behind one of some words.
fn words_after(text: &str, words: &[&str]) -> BTreeSet<String> {
    let found = words.iter().flat_map(|word| text.split(word).skip(1));
    found
        .filter_map(|rest| {
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
            rest.get(..end).map(str::to_string)
        })
        .collect()
}
