//! What went wrong in a log, one event for each panic, exception and line that speaks of an error.

use std::sync::LazyLock;

use regex::Regex;

/// Lines of one message that are kept: those after it are someone else's.
const MAX_LINES: usize = 60;

/// Where in its sources a program says that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file, from the crate's folder on.
    pub file: String,
    /// The line.
    pub line: u32,
}

/// How something was said, the loudest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// By a panic of Rust code.
    Panic,
    /// By an exception that ends a traceback.
    Exception,
    /// In a line of the log.
    Line,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// How it was said.
    pub said: Said,
    /// The line of the log, from 1.
    pub line: usize,
    /// Where it panicked.
    pub panicked_at: Option<Source>,
    /// What was said, in one line.
    pub message: String,
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
    };
}

pattern!(
    PANIC,
    r"(?:thread '(?:[^']*)'(?: \(\d+\))? )?panicked at (?P<rest>.+)$"
);
pattern!(
    PANIC_AT,
    r"^(?P<file>[^\s:]+(?:[^:]*[^\s:])?\.rs):(?P<line>\d+)(?::\d+)?:?(?P<message>.*)$"
);
pattern!(
    OLD_PANIC,
    r"^'(?P<message>.*)', (?P<file>[^\s:]+(?:[^:]*[^\s:])?\.rs):(?P<line>\d+)(?::\d+)?"
);
pattern!(
    EXCEPTION,
    r"^(?:\w+\.)*\w+(?:Error|Exception|Invalid|Interrupt|Exit|NotImplemented|Warning|Failure)\b|^(?:\w+\.)+Arrow\w+\b"
);
pattern!(
    SPEAKS,
    r"(?i)error|panic|exception|fail|invalid|not found|caused by|abort|corrupt|unsupported|not supported|cannot|can't|unable|missing|mismatch|terminated|incorrect|overlapping|duplicate|must|expected|unknown|ignoring|lance"
);
pattern!(SOURCES, r"(?P<file>[\w./\\~@-]+\.rs):(?P<line>\d+)");
pattern!(
    LOCATION,
    r#"file: "(?P<file>[^"]+\.rs)", line: (?P<line>\d+)"#
);

/// The events of a log, in its order.
pub fn events(lines: &[String]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut at = 0;
    let mut in_traceback = false;
    while let Some(line) = lines.get(at) {
        let panic = PANIC.as_ref().and_then(|pattern| pattern.captures(line));
        if let Some(rest) = panic.and_then(|found| found.name("rest")) {
            let (event, next) = panic_event(lines, at, rest.as_str());
            events.push(event);
            at = next;
            in_traceback = false;
            continue;
        }
        if line
            .trim_start()
            .starts_with("Traceback (most recent call last)")
        {
            in_traceback = true;
        } else if in_traceback && !line.starts_with([' ', '\t']) && !line.trim().is_empty() {
            in_traceback = false;
            let next = message_end(lines, at + 1, false);
            events.push(Event {
                said: Said::Exception,
                line: at + 1,
                panicked_at: None,
                message: joined(lines, at, next),
            });
            at = next;
            continue;
        } else if !in_traceback && matches(&SPEAKS, line) && !is_frame(line) {
            let said = match matches(&EXCEPTION, line) {
                true => Said::Exception,
                false => Said::Line,
            };
            events.push(Event {
                said,
                line: at + 1,
                panicked_at: None,
                message: line.trim().to_string(),
            });
        }
        at += 1;
    }
    events
}

/// All of a log as one line: for a message that an e-mail or a narrow terminal broke.
pub fn whole(lines: &[String]) -> Event {
    Event {
        said: Said::Line,
        line: 1,
        panicked_at: None,
        message: joined(lines, 0, lines.len()),
    }
}

fn matches(pattern: &LazyLock<Option<Regex>>, line: &str) -> bool {
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(line))
}

/// A call in a traceback of Python, Java or Rust: its names are no messages.
fn is_frame(line: &str) -> bool {
    let trimmed = line.trim_start();
    let numbered = trimmed
        .split_once(": ")
        .is_some_and(|(number, _)| number.parse::<u32>().is_ok());
    trimmed.starts_with("File \"") || trimmed.starts_with("at ") || numbered
}

fn panic_event(lines: &[String], at: usize, rest: &str) -> (Event, usize) {
    let event = |file: &str, line: &str, message: String| Event {
        said: Said::Panic,
        line: at + 1,
        panicked_at: source(file, line),
        message,
    };
    if rest.starts_with('\'') {
        // The older form, whose message may have several lines before the place.
        for end in at..lines.len().min(at + MAX_LINES) {
            let text = match end == at {
                true => rest.to_string(),
                false => format!("{rest} {}", joined(lines, at + 1, end + 1)),
            };
            let found = OLD_PANIC
                .as_ref()
                .and_then(|pattern| pattern.captures(&text));
            if let Some(found) = found {
                let message = found["message"].to_string();
                return (event(&found["file"], &found["line"], message), end + 1);
            }
        }
        return (event("", "", rest.to_string()), at + 1);
    }
    let found = PANIC_AT.as_ref().and_then(|pattern| pattern.captures(rest));
    let Some(found) = found else {
        return (event("", "", rest.to_string()), at + 1);
    };
    let same_line = found["message"].trim();
    let next = message_end(lines, at + 1, true);
    let message = format!("{same_line} {}", joined(lines, at + 1, next));
    let message = message.trim().to_string();
    (event(&found["file"], &found["line"], message), next)
}

/// The line behind a message that starts before `at`.
fn message_end(lines: &[String], at: usize, of_panic: bool) -> usize {
    let mut end = at;
    while let Some(line) = lines.get(end).filter(|_| end < at + MAX_LINES) {
        let trimmed = line.trim();
        let over = trimmed.is_empty()
            || trimmed.starts_with("note: ")
            || trimmed.starts_with("stack backtrace:")
            || trimmed.starts_with("Traceback (most recent call last)")
            || trimmed.starts_with("Caused by:")
            || (of_panic && end > at && matches(&EXCEPTION, trimmed))
            || is_frame(line)
            || matches(&PANIC, line);
        if over {
            break;
        }
        end += 1;
    }
    end
}

fn joined(lines: &[String], start: usize, end: usize) -> String {
    let lines = lines.get(start..end).unwrap_or_default().iter();
    let lines: Vec<&str> = lines
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
        .collect();
    lines.join(" ")
}

fn source(file: &str, line: &str) -> Option<Source> {
    let line = line.parse().ok()?;
    Some(Source {
        file: short(file),
        line,
    })
}

/// A source file from its crate's folder on: machines have theirs in different places.
fn short(file: &str) -> String {
    let file = file.replace('\\', "/");
    for mark in ["/rust/", "/registry/src/", "/git/checkouts/"] {
        if let Some((_, inside)) = file.rsplit_once(mark) {
            let inside = match mark {
                "/rust/" => inside,
                _ => inside.split_once('/').map_or(inside, |(_, inside)| inside),
            };
            return inside.to_string();
        }
    }
    file.trim_start_matches("./").to_string()
}

impl Event {
    /// The message behind the place of the panic, as patterns see it. Places in sources of neither
    /// Lance nor Arrow are left out: they have files of the same names.
    pub fn text(&self) -> String {
        let known = |source: &&Source| {
            let file = &source.file;
            file.starts_with("arrow")
                || ["lance", "fsst", "bitpacking"]
                    .iter()
                    .any(|name| file.contains(name))
        };
        match self.panicked_at.as_ref().filter(known) {
            Some(source) => format!("{}:{}: {}", source.file, source.line, self.message),
            None => self.message.clone(),
        }
    }

    /// Every place in sources that it names, that of the panic first.
    pub fn sources(&self) -> Vec<Source> {
        let mut found: Vec<Source> = self.panicked_at.iter().cloned().collect();
        for pattern in [&LOCATION, &SOURCES] {
            let Some(pattern) = pattern.as_ref() else {
                continue;
            };
            for captured in pattern.captures_iter(&self.message) {
                let named = source(&captured["file"], &captured["line"]);
                found.extend(named.filter(|source| !found.contains(source)));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Event> {
        let lines: Vec<String> = text.lines().map(str::to_string).collect();
        events(&lines)
    }

    #[test]
    fn both_forms_of_panics_are_read() {
        let new = read(
            "thread 'tokio-runtime-worker' (12) panicked at /home/runner/work/lance/lance/rust/lance-encoding/src/decoder.rs:11:7:\n\
             called `Result::unwrap()` on an `Err` value: Internal\n\
             note: run with `RUST_BACKTRACE=1`\n",
        );
        let old = read(
            "thread 'main' panicked at 'called `Result::unwrap()` on an `Err` value: Internal', \
             /root/.cargo/registry/src/index-1/lance-encoding-0.10.1/src/decoder.rs:11:7",
        );
        for (events, file) in [
            (&new, "lance-encoding/src/decoder.rs"),
            (&old, "lance-encoding-0.10.1/src/decoder.rs"),
        ] {
            let told: Vec<(Said, &str)> = events
                .iter()
                .map(|event| (event.said, event.message.as_str()))
                .collect();
            let message = "called `Result::unwrap()` on an `Err` value: Internal";
            assert_eq!(told, [(Said::Panic, message)]);
            let places: Vec<Source> = events.iter().flat_map(Event::sources).collect();
            let place = Source {
                file: file.to_string(),
                line: 11,
            };
            assert_eq!(places, [place]);
        }
    }

    #[test]
    fn an_exception_ends_a_traceback() {
        let events = read(
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    \
             raise ValueError('error')\nOSError: Not here,\nnor there\n\nbye\n",
        );
        let said: Vec<(Said, &str)> = events
            .iter()
            .map(|event| (event.said, event.message.as_str()))
            .collect();
        assert_eq!(said, [(Said::Exception, "OSError: Not here, nor there")]);
    }
}
