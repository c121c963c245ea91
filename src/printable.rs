//! Text that comes from data, made fit to be shown to people and written to logs.
//!
//! Names, types, metadata and paths of a dataset may hold anything: escape sequences that a terminal
//! obeys, line ends behind which a line looks like a command to a CI runner, marks that turn the
//! direction of text around. [`printable`] shows all of that as escapes. [`write_escaped`] stands
//! between every report for people and where it goes, and sees to what a line may begin with.
//!
//! Formats with an escaping of their own (JSON, SARIF, XML, workflow commands) keep the exact text
//! inside it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// Longest text from data that is shown in one place, in characters.
pub const MAX_SHOWN: usize = 4096;

/// Words that make a line a command to a CI runner wherever they stand in it: GitHub's older form, Azure
/// Pipelines, TeamCity, GitLab's and Travis' sections, Buildkite's metadata.
const COMMANDS: &[&str] = &[
    "##[",
    "##vso[",
    "##teamcity[",
    "section_start:",
    "section_end:",
    "travis_fold:",
];

/// Whether a character does something else than to be seen.
///
/// Controls of both sets, line and paragraph separators, and the invisible ones: marks of direction,
/// joiners, tags, variation selectors beyond text.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00ad}'
                | '\u{061c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

fn escape(to: &mut String, c: char) {
    match c {
        '\n' => to.push_str("\\n"),
        '\r' => to.push_str("\\r"),
        '\t' => to.push_str("\\t"),
        other => {
            // Writing to a string does not fail.
            let _ = write!(to, "\\u{{{:x}}}", u32::from(other));
        }
    }
}

/// A text in one line in which every character is seen: what acts is shown as an escape, such as
/// `\n` and `\u{1b}`, and words that CI runners obey have a backslash in them. What is beyond
/// [`MAX_SHOWN`] characters is left out.
pub fn printable(text: &str) -> Cow<'_, str> {
    if is_printable(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().min(MAX_SHOWN));
    let mut chars = text.chars();
    for c in chars.by_ref().take(MAX_SHOWN) {
        match acts(c) {
            true => escape(&mut shown, c),
            false => shown.push(c),
        }
    }
    let rest = chars.as_str().len();
    if rest > 0 {
        let _ = write!(shown, "… ({rest} bytes more)");
    }
    Cow::Owned(without_commands(shown))
}

fn is_printable(text: &str) -> bool {
    text.len() <= MAX_SHOWN && !acts_anywhere(text, |_| false) && !has_commands(text)
}

fn has_commands(text: &str) -> bool {
    // One pass for all; a search for each takes several.
    static FINDER: LazyLock<Option<AhoCorasick>> =
        LazyLock::new(|| AhoCorasick::new(COMMANDS).ok());
    match &*FINDER {
        Some(finder) => finder.is_match(text),
        None => COMMANDS.iter().any(|word| text.contains(word)),
    }
}

/// Whether a text has a character that acts, beside those of ASCII that `is_fine` names.
fn acts_anywhere(text: &str, is_fine: impl Fn(u8) -> bool) -> bool {
    /// Bytes that are looked at together.
    const STEP: usize = 64;
    let mut from = 0;
    for step in text.as_bytes().chunks(STEP) {
        let to = from + step.len();
        // Without a branch, so that the compiler looks at many at once.
        let is_odd = |byte: u8| byte > b'~' || byte < b' ' && !is_fine(byte);
        if step.iter().fold(false, |odd, byte| odd | is_odd(*byte)) {
            // A character that began in the step before was looked at there.
            let start = (from..to).find(|at| text.is_char_boundary(*at));
            let start = start.unwrap_or(to);
            let chars = text.get(start..).unwrap_or_default().char_indices();
            let mut chars = chars.take_while(|(at, _)| start + at < to);
            if chars.any(|(_, c)| acts(c) && !u8::try_from(c).is_ok_and(&is_fine)) {
                return true;
            }
        }
        from = to;
    }
    false
}

/// A backslash in a word is seen, and no runner knows the word any more.
fn without_commands(mut text: String) -> String {
    for word in COMMANDS {
        if text.contains(word) {
            let (first, others) = word.split_at_checked(word.len() - 1).unwrap_or((word, ""));
            text = text.replace(word, &format!("{first}\\{others}"));
        }
    }
    text
}

/// The same for text of several lines that were meant: each line by itself.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    if text.split('\n').all(is_printable) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(printable).collect();
    Cow::Owned(lines.join("\n"))
}

/// What a JSON parser complains about, without the texts that it quotes from the file.
pub fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            let (before, after) = (text.get(..first), text.get(last.saturating_add(1)..));
            format!(
                "{}…{}",
                before.unwrap_or_default(),
                after.unwrap_or_default()
            )
        }
        _ => text,
    }
}

/// How what acts is shown in a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escaping {
    /// Text for people.
    Text,
    /// JSON, in which the text stays exact: `\u009b`.
    Json,
    /// The format sees to it itself.
    Own,
}

/// Runs `write` with a writer that shows what acts as `escaping` says.
///
/// # Errors
/// Whatever `write` or `to` says.
pub fn write_escaped(
    to: &mut dyn Write,
    escaping: Escaping,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut shown = PrintableWriter::new(to, escaping);
    write(&mut shown)?;
    shown.flush()
}

/// Bytes of JSON that are looked at together, or more where a line does not end there.
const BLOCK: usize = 1 << 16;

/// Writes reports. What gets past [`printable`] does no harm here either: controls other than
/// line ends are shown as escapes, but for the colours that reports set themselves, and no line is a
/// command to a CI runner.
#[derive(Debug)]
struct PrintableWriter<W: Write> {
    inner: W,
    escaping: Escaping,
    line: Vec<u8>,
}

impl<W: Write> PrintableWriter<W> {
    /// Writes to `inner`, a line at a time; JSON, where nothing depends on where a line begins, many
    /// at a time.
    fn new(inner: W, escaping: Escaping) -> Self {
        Self {
            inner,
            escaping,
            line: Vec::new(),
        }
    }

    fn end_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let shown = match self.escaping {
            Escaping::Text => harmless(&text),
            Escaping::Json => json(&text),
            Escaping::Own => Cow::Borrowed(&*text),
        };
        self.inner.write_all(shown.as_bytes())?;
        self.line = line;
        self.line.clear();
        Ok(())
    }
}

impl<W: Write> Write for PrintableWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.escaping {
            Escaping::Own => return self.inner.write(bytes),
            Escaping::Json => {
                self.line.extend_from_slice(bytes);
                if self.line.len() >= BLOCK
                    && let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n')
                {
                    let rest = self.line.split_off(end + 1);
                    self.end_line()?;
                    self.line = rest;
                }
                return Ok(bytes.len());
            }
            Escaping::Text => {}
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.end_line()?;
            }
        }
        Ok(bytes.len())
    }

    /// Writes what there is of a line, too.
    fn flush(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            self.end_line()?;
        }
        self.inner.flush()
    }
}

/// Lines of JSON, where what acts stands as an escape. Outside of strings JSON has none of it but
/// line ends.
fn json(line: &str) -> Cow<'_, str> {
    let escaped = |c: char| c == '\u{7f}' || !c.is_ascii() && acts(c);
    if !acts_anywhere(line, |byte| byte < b' ') && !has_commands(line) {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len() + 16);
    for (at, c) in line.char_indices() {
        // The last character of a command is part of no other escape.
        let ends_command = || {
            let seen = line.get(..=at).unwrap_or_default();
            COMMANDS.iter().any(|word| seen.ends_with(word))
        };
        match escaped(c) || matches!(c, '[' | ':') && ends_command() {
            true => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(shown, "\\u{unit:04x}");
                }
            }
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// The length of a sequence that sets a colour or weight, at the start of a text: `ESC [ 1 ; 3 1 m`.
/// Concealed text is none that a report writes.
fn colour(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\u{1b}[")?;
    let end = codes.find('m')?;
    let codes = codes.get(..end)?;
    // Reset, bold, dim, italic, underlined, and the colours of letters; nothing that conceals.
    let is_code = |code: &str| {
        code.bytes().all(|byte| byte.is_ascii_digit())
            && matches!(code.parse::<u8>(), Ok(0..=4 | 30..=37 | 39 | 90..=97))
    };
    codes.split(';').all(is_code).then_some(end + 3)
}

/// A line, with its end, that neither a terminal nor a CI runner obeys.
fn harmless(line: &str) -> Cow<'_, str> {
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (line, ""),
    };
    // A runner takes leading blanks away, and what sets colours is nothing to it.
    let seen = text.trim_start_matches(|c: char| c.is_whitespace());
    let commands = seen.starts_with("::") || has_commands(text);
    let is_fine = |c: char| c == '\t' || !acts(c);
    if !commands && !acts_anywhere(text, |byte| byte == b'\t') {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = colour(rest) {
            let (sequence, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
            shown.push_str(sequence);
            rest = behind;
            continue;
        }
        match is_fine(c) {
            true => shown.push(c),
            false => escape(&mut shown, c),
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    shown = without_commands(shown);
    shown = unprefixed(shown);
    shown.push_str(end);
    Cow::Owned(shown)
}

/// Takes the meaning from the colons with which a line begins, behind blanks and colours.
fn unprefixed(line: String) -> String {
    let mut at = 0;
    while let Some(rest) = line.get(at..) {
        if let Some(length) = colour(rest) {
            at += length;
            continue;
        }
        match rest.chars().next() {
            Some(c) if c.is_whitespace() => at += c.len_utf8(),
            _ if rest.starts_with("::") => {
                let (before, after) = line.split_at_checked(at).unwrap_or((&line, ""));
                return format!("{before}\\{after}");
            }
            _ => break,
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        let _ = write_escaped(&mut out, Escaping::Text, |out| {
            out.write_all(text.as_bytes())
        });
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn what_acts_is_shown_as_an_escape() {
        assert_eq!(printable("caption"), "caption");
        assert_eq!(printable("Größe 图像 🦀"), "Größe 图像 🦀");
        assert_eq!(printable("a\u{1b}]0;x\u{7}b"), "a\\u{1b}]0;x\\u{7}b");
        assert_eq!(printable("a\n::error::b\r\t"), "a\\n::error::b\\r\\t");
        assert_eq!(
            printable("\u{9b}31m\u{202e}x\u{2028}"),
            "\\u{9b}31m\\u{202e}x\\u{2028}"
        );
        let long = printable(&"x".repeat(MAX_SHOWN + 7)).into_owned();
        assert!(long.ends_with("x… (7 bytes more)"), "{long}");
    }

    #[test]
    fn a_line_is_no_command_to_a_runner() {
        for line in [
            "::error::x",
            "  ::stop-commands::x",
            "\u{1b}[1m ::debug::x",
            "a ##[error]x",
            "##vso[task.x]",
            "##teamcity[x]",
            "section_start:1:x",
        ] {
            let shown = written(line);
            let bare = shown.replace("\u{1b}[1m", "");
            assert!(!bare.trim_start().starts_with("::"), "{shown}");
            assert!(COMMANDS.iter().all(|word| !shown.contains(word)), "{shown}");
        }
        assert_eq!(written("a::b\nc ::d\n"), "a::b\nc ::d\n");
    }

    #[test]
    fn only_colours_pass() {
        assert_eq!(
            written("\u{1b}[1;31merror\u{1b}[0m\n"),
            "\u{1b}[1;31merror\u{1b}[0m\n"
        );
        assert_eq!(
            written("\u{1b}[2Jx\u{1b}]0;t\u{7}\n"),
            "\\u{1b}[2Jx\\u{1b}]0;t\\u{7}\n"
        );
        for code in ["8", "08", "1;008", "+1", "38;5;0", "7", ""] {
            let shown = written(&format!("\u{1b}[{code}mx"));
            assert_eq!(shown, format!("\\u{{1b}}[{code}mx"));
        }
        assert_eq!(written("a\rb\n"), "a\\rb\n");
    }

    #[test]
    fn json_stays_exact() {
        for text in [
            "a\u{9b}b\u{202e}",
            "##[x]",
            "\travis_fold:x",
            "\\##vso[",
            "\u{e0041}",
            "ä图🦀",
        ] {
            let document = serde_json::to_string(text).unwrap_or_default();
            let shown = json(&document);
            assert!(!shown.chars().any(acts) && !has_commands(&shown), "{shown}");
            assert_eq!(
                serde_json::from_str::<String>(&shown).ok().as_deref(),
                Some(text)
            );
        }
    }

    #[test]
    fn what_a_parser_quotes_is_left_out() {
        let error = serde_json::from_str::<u64>("\"se\\\"cret\"");
        let text = error.map_err(|error| json_error(&error));
        assert_eq!(
            text,
            Err("invalid type: string …, expected u64 at line 1 column 10".to_string())
        );
    }
}
