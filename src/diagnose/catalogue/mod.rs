//! What readers and writers of Lance say when something is wrong, and what it means.
//!
//! An entry is one message, or a family that means the same. Its pattern is compared with a message
//! in one line, with the source file and line of a panic before it: `lance-core/src/x.rs:12: …`.
//! Quotes are unescaped. Lines of source files change from release to release, so no pattern names one.
//!
//! Where several entries match, the first of [`entries`] counts: the narrow ones come first.

mod advice;
mod blobs;
mod broad;
mod faults;
mod files;
mod manifests;
mod pages;
mod places;
mod types;
mod versions;
mod wrappers;

pub use advice::Advice;
pub use broad::PAGES;
pub use faults::Fault;

/// How much a message says of the cause. The order is that in which messages of one log are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It says what is wrong.
    Cause,
    /// It says in which part of Lance something went wrong; many things can.
    Broad,
    /// Its words are not known; it names a place in Lance's source.
    Place,
    /// It says that something else failed, which is told elsewhere.
    Wrapper,
    /// It says nothing of a failure.
    Harmless,
}

/// A message.
#[derive(Debug)]
pub struct Entry {
    /// What its text matches.
    pub pattern: &'static str,
    /// How much it says.
    pub kind: Kind,
    /// Whether programs that have nothing to do with Lance say it too: then a log must show some
    /// other sign of Lance.
    pub of_others: bool,
    /// Rules that describe what it comes from, the likeliest first. None: no rule does, and `next`
    /// says what to do. Of a wrapper: any.
    pub rules: &'static [&'static str],
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub advice: &'static Advice,
    /// The fault of readers that makes them say it of sound data, when there is one.
    pub fault: Option<&'static Fault>,
}

const fn cause(
    pattern: &'static str,
    rules: &'static [&'static str],
    meaning: &'static str,
    advice: &'static Advice,
) -> Entry {
    Entry {
        pattern,
        kind: Kind::Cause,
        of_others: false,
        rules,
        meaning,
        advice,
        fault: None,
    }
}

/// A message of Arrow, Rust or the system, which others print too.
const fn of_others(entry: Entry) -> Entry {
    Entry {
        of_others: true,
        ..entry
    }
}

/// A message that some releases print of sound data too.
const fn or_fault(entry: Entry, fault: &'static Fault) -> Entry {
    Entry {
        fault: Some(fault),
        ..entry
    }
}

const fn broad(entry: Entry) -> Entry {
    Entry {
        kind: Kind::Broad,
        ..entry
    }
}

const fn place(entry: Entry) -> Entry {
    Entry {
        kind: Kind::Place,
        ..entry
    }
}

const fn harmless(entry: Entry) -> Entry {
    Entry {
        kind: Kind::Harmless,
        ..entry
    }
}

const fn wrapper(entry: Entry) -> Entry {
    Entry {
        kind: Kind::Wrapper,
        ..entry
    }
}

/// Every entry, in the order in which they are tried.
pub fn entries() -> impl Iterator<Item = &'static Entry> + Clone {
    [
        versions::ENTRIES,
        blobs::ENTRIES,
        manifests::ENTRIES,
        files::ENTRIES,
        pages::ENTRIES,
        types::ENTRIES,
        broad::ENTRIES,
        wrappers::ENTRIES,
        places::ENTRIES,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RULES;
    use regex::Regex;

    #[test]
    fn every_entry_names_rules_that_there_are_and_has_a_pattern_that_compiles() {
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.info().id).collect();
        for entry in entries() {
            assert!(Regex::new(entry.pattern).is_ok(), "{}", entry.pattern);
            for rule in entry.rules {
                assert!(ids.contains(rule), "{rule} in {}", entry.pattern);
            }
            let fault = entry
                .fault
                .map_or([entry.meaning; 2], |fault| [fault.what, fault.instead]);
            for text in [
                entry.meaning,
                entry.advice.next,
                entry.advice.help,
                fault[0],
                fault[1],
            ] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
            }
        }
    }

    #[test]
    fn no_pattern_is_there_twice() {
        let mut patterns: Vec<&str> = entries().map(|entry| entry.pattern).collect();
        patterns.sort_unstable();
        let all = patterns.len();
        patterns.dedup();
        assert_eq!(patterns.len(), all);
    }
}
