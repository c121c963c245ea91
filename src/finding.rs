//! What a rule has to say, and how many times it would say it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hash::{HashMap, HashSet};
use crate::model::encoding::Encoding;
use crate::printable::printable;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Info,
    /// Reads today, and is likely to hurt.
    Warning,
    /// A reader fails or returns wrong data.
    Error,
}

impl Severity {
    /// From the least to the most severe.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// Its word in every output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is fixed about a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its name, in words joined by hyphens.
    pub id: &'static str,
    /// How bad it is, unless a finding says otherwise.
    pub severity: Severity,
    /// What is wrong when it fires, in one line.
    pub summary: &'static str,
    /// What it means, what readers do, how it comes about and how to fix it, in Markdown.
    pub explanation: &'static str,
}

/// Where something was found. What does not apply is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The fragment's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fragment: Option<u64>,
    /// The file, as a path below the dataset's root, or its full path where it is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The physical column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The page of the column, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// Bytes of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Range<u64>>,
    /// What is particular to this place, as a clause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What a reader does with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderEffect {
    /// What the user calls.
    pub call: String,
    /// What it does, with the message a user sees.
    pub effect: String,
}

/// How a decoder failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// It said what is wrong.
    Error,
    /// It panicked.
    Panic,
    /// Its process was killed or ended itself.
    Abort,
    /// It did not end in time.
    Timeout,
    /// It asked for more memory than it was given.
    Memory,
}

impl FailureKind {
    /// What it does, for people.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Error => "fails",
            Self::Panic => "panics",
            Self::Abort => "aborts",
            Self::Timeout => "does not end",
            Self::Memory => "runs out of memory",
        }
    }
}

/// What a decoder did when it read the very thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeFailure {
    /// How it failed.
    pub failing: FailureKind,
    /// What it said.
    pub message: String,
    /// The fragment's id.
    pub fragment: Option<u64>,
    /// The file, as in [`Place::file`].
    pub file: String,
    /// The path of the field; `None` for the file as a whole.
    pub column: Option<String>,
    /// The page, from 0; `None` where it is not one page that was read.
    pub page: Option<u64>,
    /// The rows of the file that were read, the last excluded.
    pub rows: Option<Range<u64>>,
}

/// An encoding with the node that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodingLabel {
    /// The encoding.
    pub encoding: Arc<Encoding>,
    /// Child indices from the root to the node.
    pub node: Vec<usize>,
    /// What should be there, as a clause.
    pub note: String,
}

/// One way to repair what is wrong, or to live with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// What to do, as a clause; behind its first line there may be code to paste.
    pub text: String,
    /// What must be known of the whole dataset before it is right.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) scope: Option<Scope>,
}

/// What a remedy changes, where that is more than one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Scope {
    /// A field in every fragment at once: it is right only if every fragment that has the column
    /// needs it.
    Column {
        /// The id of the field.
        field: i32,
        /// Whether values are read as another type afterwards, so that an index on them is lost.
        retypes: bool,
    },
    /// The fragments of the finding. The text gets their ids where it says [`FRAGMENT_IDS`].
    Fragments,
}

/// Where the text of a remedy gets the ids of fragments.
pub(crate) const FRAGMENT_IDS: &str = "[FRAGMENTS]";

impl Remedy {
    /// A remedy with code behind its first line. Names in the code are quoted, and those in the first
    /// line are [`printable`].
    pub(crate) fn with_code(text: String) -> Self {
        Self { text, scope: None }
    }

    /// A remedy that changes a field in every fragment, without another type for its values.
    pub(crate) fn of_column(text: String, field: i32) -> Self {
        let retypes = false;
        Self {
            text,
            scope: Some(Scope::Column { field, retypes }),
        }
    }

    /// A remedy that gives a field another type in every fragment.
    pub(crate) fn of_type(text: String, field: i32) -> Self {
        let retypes = true;
        Self {
            text,
            scope: Some(Scope::Column { field, retypes }),
        }
    }

    /// A remedy that is about all fragments of a finding.
    pub(crate) fn of_fragments(text: String) -> Self {
        Self {
            text,
            scope: Some(Scope::Fragments),
        }
    }
}

/// A remedy that holds nothing of the data; there may be code in it.
impl From<&'static str> for Remedy {
    fn from(text: &'static str) -> Self {
        Self::with_code(text.to_string())
    }
}

/// A remedy without code. What it names of the data is shown in one line, whatever it holds.
impl From<String> for Remedy {
    fn from(text: String) -> Self {
        Self::with_code(printable(&text).into_owned())
    }
}

/// One fault, wherever it occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static RuleInfo,
    /// How bad it is.
    pub severity: Severity,
    /// A plain sentence without a full stop.
    pub message: String,
    /// The path of the field, when it is about one.
    pub column: Option<String>,
    /// The first places, at most [`MAX_PLACES`].
    pub places: Vec<Place>,
    /// All places.
    pub count: u64,
    /// Fragments among them.
    pub fragments: u64,
    pub(crate) last_fragment: Option<u64>,
    /// What should be there.
    pub expected: Option<String>,
    /// What is there.
    pub found: Option<String>,
    /// The encoding of the first place.
    pub tree: Option<EncodingLabel>,
    /// What readers do.
    pub readers: Vec<ReaderEffect>,
    /// What a decoder did, the first few times that it failed over this.
    pub decode_failures: Vec<DecodeFailure>,
    /// How often it failed over this.
    pub decode_failure_count: u64,
    /// Why it came about, when the evidence tells.
    pub cause: Option<String>,
    /// What to do about it, one way or another.
    pub help: Vec<Remedy>,
    /// Since when it is there, when all versions were looked at.
    pub since: Option<FirstSeen>,
    /// What, seen anywhere else, makes the finding void.
    pub(crate) unless: Option<Evidence>,
}

/// A version of a dataset, and who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// The version.
    pub version: u64,
    /// The branch; `None` for the dataset's own line.
    pub branch: Option<String>,
    /// Library and version of the writer, when the manifest says.
    pub writer: Option<String>,
    /// What the commit did, when that is on record.
    pub operation: Option<&'static str>,
}

/// In which versions a fault is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstSeen {
    /// The first that still has a manifest.
    pub first: CommitInfo,
    /// How many have it.
    pub versions: u64,
    /// Whether the latest of a line has it.
    pub in_latest: bool,
}

/// Something that a rule saw of a field: the rule, the field's id, and what.
pub(crate) type Evidence = (&'static str, i32, Cow<'static, str>);

/// Most places of a finding that are kept.
pub const MAX_PLACES: usize = 3;

impl RuleInfo {
    /// Starts a finding of this rule.
    pub fn finding(&'static self, message: impl Into<String>) -> Finding {
        Finding {
            rule: self,
            severity: self.severity,
            message: message.into(),
            column: None,
            places: Vec::new(),
            count: 0,
            fragments: 0,
            last_fragment: None,
            expected: None,
            found: None,
            tree: None,
            readers: Vec::new(),
            decode_failures: Vec::new(),
            decode_failure_count: 0,
            cause: None,
            help: Vec::new(),
            since: None,
            unless: None,
        }
    }
}

impl Finding {
    /// What makes it one with another.
    pub fn key(&self) -> Key {
        (
            self.rule.id,
            self.column.clone(),
            self.message.clone(),
            self.cause.clone(),
        )
    }

    /// Makes it more or less severe than its rule.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Names the field.
    #[must_use]
    pub fn column(mut self, path: &str) -> Self {
        self.column = Some(path.to_string());
        self
    }

    /// Adds a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.count_place(place.fragment);
        if self.places.len() < MAX_PLACES {
            self.places.push(place);
        }
        self
    }

    fn count_place(&mut self, fragment: Option<u64>) {
        self.count = self.count.saturating_add(1);
        if fragment.is_some() && fragment != self.last_fragment {
            self.fragments = self.fragments.saturating_add(1);
            self.last_fragment = fragment;
        }
    }

    /// Says what was expected and what was found.
    #[must_use]
    pub fn instead(mut self, expected: impl Into<String>, found: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self.found = Some(found.into());
        self
    }

    /// Shows the encoding with the wrong node marked.
    #[must_use]
    pub fn tree(mut self, marked: EncodingLabel) -> Self {
        self.tree = Some(marked);
        self
    }

    /// Says what a reader does.
    #[must_use]
    pub fn reader(mut self, call: impl Into<String>, effect: impl Into<String>) -> Self {
        self.readers.push(ReaderEffect {
            call: call.into(),
            effect: effect.into(),
        });
        self
    }

    /// Adds what a decoder did, `times` over.
    pub fn decode_failure(&mut self, decode_failures: DecodeFailure, times: u64) {
        self.decode_failure_count = self.decode_failure_count.saturating_add(times);
        if self.decode_failures.len() < MAX_PLACES {
            self.decode_failures.push(decode_failures);
        }
    }

    /// Whether it has a place in a file, as far as its places are kept.
    pub fn may_be_in(&self, file: &str) -> bool {
        let kept = u64::try_from(self.places.len()).unwrap_or(u64::MAX);
        let mut places = self.places.iter();
        self.count > kept || places.any(|place| place.file.as_deref() == Some(file))
    }

    /// Says why it came about.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Makes it void if its rule has [`Findings::saw`] this of the field in any file.
    #[must_use]
    pub fn unless_recorded(mut self, field: i32, what: &'static str) -> Self {
        self.unless = Some((self.rule.id, field, Cow::Borrowed(what)));
        self
    }

    /// Adds a remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<Remedy>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds a remedy that [has code](Remedy::with_code).
    #[must_use]
    pub(crate) fn help_code(self, text: String) -> Self {
        self.help(Remedy::with_code(text))
    }

    /// Adds remedies.
    #[must_use]
    pub fn help_all(mut self, help: impl IntoIterator<Item = Remedy>) -> Self {
        self.help.extend(help);
        self
    }
}

/// What makes two findings one: rule, column, message and cause.
pub type Key = (&'static str, Option<String>, String, Option<String>);

/// Findings, those of one fault folded into one.
#[derive(Debug, Default)]
pub struct Findings {
    all: Vec<Finding>,
    index: HashMap<Key, usize>,
    seen: HashSet<Evidence>,
}

impl Findings {
    /// Those of which nothing else is known than what was found and seen.
    pub(crate) fn of(all: Vec<Finding>, seen: impl IntoIterator<Item = Evidence>) -> Self {
        let mut findings = Self::default();
        findings.extend(all);
        findings.seen.extend(seen);
        findings
    }

    /// All of them, in order of first occurrence, void ones too.
    pub(crate) fn all(&self) -> &[Finding] {
        &self.all
    }

    /// What rules saw, which makes others void.
    pub(crate) fn seen(&self) -> impl Iterator<Item = &Evidence> {
        self.seen.iter()
    }

    /// What they are known by.
    pub fn keys(&self) -> Vec<Key> {
        self.all.iter().map(Finding::key).collect()
    }

    /// Whether one of them came about so.
    pub fn has_cause(&self, cause: &str) -> bool {
        let mut all = self.all.iter();
        all.any(|finding| finding.cause.as_deref() == Some(cause))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether one of the same rule, column, message and cause is there.
    pub fn has(&self, finding: &Finding) -> bool {
        self.index.contains_key(&finding.key())
    }

    /// Adds a finding, or its places to one of the same rule, column, message and cause.
    pub fn add(&mut self, finding: Finding) {
        let key = finding.key();
        match self.index.get(&key).and_then(|at| self.all.get_mut(*at)) {
            None => {
                self.index.insert(key, self.all.len());
                self.all.push(finding);
            }
            Some(known) => {
                let same_fragment = finding.places.first().and_then(|place| place.fragment)
                    == known.last_fragment
                    && known.last_fragment.is_some();
                let overlap = u64::from(same_fragment);
                // What is right for one place only is not advice for all of them.
                if known.help != finding.help {
                    known.help.retain(|help| finding.help.contains(help));
                }
                known.count = known.count.saturating_add(finding.count);
                known.fragments += finding.fragments.saturating_sub(overlap);
                known.last_fragment = finding.last_fragment.or(known.last_fragment);
                let room = MAX_PLACES.saturating_sub(known.places.len());
                known.places.extend(finding.places.into_iter().take(room));
                let room = MAX_PLACES.saturating_sub(known.decode_failures.len());
                known
                    .decode_failures
                    .extend(finding.decode_failures.into_iter().take(room));
                known.decode_failure_count = known
                    .decode_failure_count
                    .saturating_add(finding.decode_failure_count);
            }
        }
    }

    /// Adds some.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.add(finding));
    }

    /// Notes what a rule saw of a field in one file, which voids what it said of others.
    pub fn saw(&mut self, rule: &'static RuleInfo, field: i32, what: &'static str) {
        self.seen.insert((rule.id, field, Cow::Borrowed(what)));
    }

    /// Adds all that was found elsewhere.
    pub fn merge(&mut self, other: Self) {
        other.all.into_iter().for_each(|finding| self.add(finding));
        self.seen.extend(other.seen);
    }

    /// Lets some go, such as those that follow from others.
    #[must_use]
    pub fn fold(self, fold: impl FnOnce(Vec<Finding>) -> Vec<Finding>) -> Self {
        if self.all.len() < 2 {
            return self;
        }
        let mut kept = Self {
            seen: self.seen,
            ..Self::default()
        };
        fold(self.all)
            .into_iter()
            .for_each(|finding| kept.add(finding));
        kept
    }

    /// The same, each with the versions that it is in.
    pub fn into_sorted_with(mut self, since: &HashMap<Key, FirstSeen>) -> Vec<Finding> {
        for finding in &mut self.all {
            finding.since = since.get(&finding.key()).cloned();
        }
        self.into_sorted()
    }

    /// All findings: the most severe first, within a severity in order of first occurrence.
    pub fn into_sorted(mut self) -> Vec<Finding> {
        let seen = &self.seen;
        self.all.retain(|finding| {
            finding
                .unless
                .as_ref()
                .is_none_or(|what| !seen.contains(what))
        });
        self.all
            .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static RULE: RuleInfo = RuleInfo {
        id: "r",
        severity: Severity::Error,
        summary: "",
        explanation: "",
    };

    #[test]
    fn one_fault_in_many_places_is_one_finding_with_counts() {
        let mut findings = Findings::default();
        for (fragment, page) in [(0, 0), (0, 1), (1, 0), (2, 0)] {
            let place = Place {
                fragment: Some(fragment),
                page: Some(page),
                ..Place::default()
            };
            findings.add(RULE.finding("wrong").column("c").at(place));
        }
        findings.add(RULE.finding("wrong").column("d"));
        let all = findings.into_sorted();
        let counts: Vec<_> = all
            .iter()
            .map(|f| (f.count, f.fragments, f.places.len()))
            .collect();
        assert_eq!(counts, [(4, 3, MAX_PLACES), (0, 0, 0)]);
    }

    #[test]
    fn what_was_seen_in_one_file_voids_what_was_said_of_another() {
        let mut one = Findings::default();
        one.add(RULE.finding("nowhere").column("c").unless_recorded(0, "x"));
        one.add(RULE.finding("nowhere").column("d").unless_recorded(1, "x"));
        let mut other = Findings::default();
        other.saw(&RULE, 0, "x");
        one.merge(other);
        let columns: Vec<_> = one.into_sorted().into_iter().map(|f| f.column).collect();
        assert_eq!(columns, [Some("d".to_string())]);
    }
}
