//! Which messages of the [`catalogue`](super::catalogue) are in a log, the cause first.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::catalogue::{Entry, Kind, entries};
use super::events::{Event, Said, Source, events, whole};
use super::text::lines;
use crate::model::readers::Release;

/// A message that is in the catalogue.
#[derive(Debug, Clone)]
pub struct Recognised {
    /// What the catalogue says of it.
    pub entry: &'static Entry,
    /// The event that says it first.
    pub event: Event,
    /// How many events say it.
    pub times: usize,
}

/// What can be told of a log whether a message in it is known or not.
#[derive(Debug, Clone, Default)]
pub struct Understood {
    /// The last panic, exception or line that speaks of an error.
    pub last_error: Option<Event>,
    /// Places in Lance's sources, in the order of the log.
    pub sources: Vec<Source>,
    /// The release of Lance that ran.
    pub release: Option<Release>,
    /// Paths of datasets and of files in them.
    pub paths: Vec<String>,
    /// What is quoted and may be the name of a field.
    pub names: Vec<String>,
    /// Whether there is any sign of Lance.
    pub lance: bool,
}

/// What a log came to.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// Messages that are known, the cause first. Empty when none is.
    pub recognised: Vec<Recognised>,
    /// What else can be told.
    pub understood: Understood,
}

impl Diagnosis {
    /// The message that is the cause.
    pub fn cause(&self) -> Option<&Recognised> {
        self.recognised.first()
    }
}

/// Most sources, paths and names that are kept.
const MAX_KEPT: usize = 8;
/// Lines of a message that an e-mail or a narrow terminal may have broken.
const MAX_BROKEN_LINES: usize = 20;
/// Lines of a text that is a message by itself, pasted without its surroundings.
const MAX_BARE_LINES: usize = 3;

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
    };
}

pattern!(LANCE, r"(?i)\blance|lance\b|lancedb|pylance");
pattern!(
    RELEASE,
    r"(?:\blance(?:-[a-z]+)*-|\bpylance(?:==|-|\s|/)v?|\blance v)(\d+\.\d+\.\d+)"
);
pattern!(
    PATHS,
    r#"(?:[a-z][a-z0-9]*://)?[^\s"'`,;()\[\]{}<>]*(?:\.lance\b|_versions/|_deletions/|_indices/)[^\s"'`,;()\[\]{}<>]*"#
);
pattern!(
    NAMES,
    r#"(?:[Ff]ields?|[Cc]olumns?)(?: name| path| with name)?[ :]+(?:'([^']{1,80})'|"([^"]{1,80})"|`([^`]{1,80})`)"#
);

static PATTERNS: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    let patterns = entries().map(|entry| entry.pattern);
    RegexSet::new(patterns).ok()
});

/// The entry of the catalogue that describes a message.
pub fn entry_of(text: &str) -> Option<&'static Entry> {
    let first = PATTERNS.as_ref()?.matches(text).iter().next()?;
    entries().nth(first)
}

/// Reads a log.
pub fn diagnose(log: &[u8]) -> Diagnosis {
    let lines = lines(log);
    let events = events(&lines);
    let understood = understand(&lines, &events);
    let filled = lines.iter().filter(|line| !line.trim().is_empty()).count();
    let bare = filled <= MAX_BARE_LINES;
    let mut recognised = recognise(&events, understood.lance || bare);
    let broken = filled <= MAX_BROKEN_LINES && events.iter().all(|event| event.said == Said::Line);
    if recognised.is_empty() && broken {
        recognised = recognise(&[whole(&lines)], understood.lance || bare);
    }
    Diagnosis {
        recognised,
        understood,
    }
}

fn recognise(events: &[Event], lance: bool) -> Vec<Recognised> {
    let mut found: Vec<Recognised> = Vec::new();
    for event in events {
        let Some(entry) = entry_of(&event.text()) else {
            continue;
        };
        if entry.of_others && !lance {
            continue;
        }
        match found
            .iter_mut()
            .find(|known| std::ptr::eq(known.entry, entry))
        {
            Some(known) => {
                known.times += 1;
                // A panic tells its place, which a line that repeats its message does not.
                if event.said == Said::Panic && known.event.said != Said::Panic {
                    known.event = event.clone();
                }
            }
            None => found.push(Recognised {
                entry,
                event: event.clone(),
                times: 1,
            }),
        }
    }
    // What a message says of the cause comes before when it was said; panics come before what was
    // made of them, and both before what a logger thought worth a line.
    found.sort_by_key(|one| (one.entry.kind, one.event.said));
    found
}

fn understand(lines: &[String], events: &[Event]) -> Understood {
    let mut understood = Understood {
        last_error: last_error(events),
        ..Understood::default()
    };
    for event in events {
        for source in event.sources() {
            let ours = source.file.contains("lance");
            if ours && !understood.sources.contains(&source) {
                understood.sources.push(source);
            }
        }
    }
    understood.sources.truncate(MAX_KEPT);
    for line in lines {
        understood.lance |= matches(&LANCE, line);
        if understood.release.is_none() {
            let found = RELEASE.as_ref().and_then(|pattern| pattern.captures(line));
            understood.release = found
                .and_then(|found| found.get(1))
                .and_then(|release| release.as_str().parse().ok());
        }
        collect(&PATHS, line, &mut understood.paths);
    }
    for event in events {
        collect(&NAMES, &event.message, &mut understood.names);
    }
    understood
}

/// The last panic or exception, else the last line that speaks of an error.
fn last_error(events: &[Event]) -> Option<Event> {
    let loud = |event: &&Event| event.said != Said::Line;
    let last = events.iter().rev().find(loud);
    last.or_else(|| events.last()).cloned()
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

/// What a pattern, or the first group of it that took part, finds; each thing once.
fn collect(pattern: &LazyLock<Option<Regex>>, text: &str, into: &mut Vec<String>) {
    for found in pattern.iter().flat_map(|p| p.captures_iter(text)) {
        let group = found.iter().skip(1).flatten().next();
        let Some(what) = group.or_else(|| found.get(0)) else {
            continue;
        };
        let what = what.as_str().trim_end_matches(['.', ':', '\\']).to_string();
        let is_source =
            what.ends_with(".rs") || what.ends_with(".py") || what.contains("/site-packages/");
        if !is_source && into.len() < MAX_KEPT && !into.contains(&what) {
            into.push(what);
        }
    }
}

impl Recognised {
    /// Whether the message only says that something else failed.
    pub fn is_wrapper(&self) -> bool {
        self.entry.kind == Kind::Wrapper
    }

    /// Whether its words are not known, and only the place that it names tells what failed.
    pub fn is_by_place(&self) -> bool {
        self.entry.kind == Kind::Place
    }
}
