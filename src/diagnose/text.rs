//! A pasted log as lines of plain text: without colours, escapes, and what loggers put before each
//! line.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Bytes of a log that are looked at; of a longer one, the last.
pub const MAX_BYTES: usize = 64 << 20;
/// Most characters of a line that are looked at.
const MAX_IN_LINE: usize = 1 << 20;

/// What a logger, a container runtime or an e-mail puts before a line. Each is taken off once.
static PREFIXES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns(&[
        // E-mail and Markdown quotes, and what pytest puts before an error.
        r"^\s*(?:>\s?)+",
        r"^E\s{2,}",
        // Docker Compose, Kubernetes and CI: a name before a bar.
        r"^[\w./:@-]+\s+\|\s",
        // Ray: which process of which machine.
        r"^\s*\((?:.{0,120}?\s)?pid=\d+(?:,[^()]*)?\)\s?",
        r"^\s*\((?:raylet|autoscaler|gcs_server)[^()]*\)\s?",
        // A time, in the ways of tracing, Python's logging, Spark and syslog.
        r"^\s*\[?\d{4}-\d\d-\d\d[T ,]\d\d:\d\d:\d\d(?:[.,]\d+)?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?\]?:?\s*",
        r"^\s*\[?\d\d/\d\d/\d\d \d\d:\d\d:\d\d\]?\s*",
        r"^\s*[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \S+: ",
        // The container runtime's stream, behind its time.
        r"^(?:stdout|stderr) [FP] ",
        // Ray again, behind a time, and a level by itself.
        r"^\s*\((?:.{0,120}?\s)?pid=\d+(?:,[^()]*)?\)\s?",
        r"^\[?(?:ERROR|WARN|WARNING|INFO|DEBUG|CRITICAL|FATAL)\]?:?\s+",
    ])
});

/// Patterns that are written here and known to be good.
fn patterns(all: &[&str]) -> Vec<Regex> {
    let patterns = all.iter().filter_map(|pattern| Regex::new(pattern).ok());
    patterns.collect()
}

/// The lines of a log.
pub fn lines(bytes: &[u8]) -> Vec<String> {
    let start = bytes.len().saturating_sub(MAX_BYTES);
    let text = decoded(bytes.get(start..).unwrap_or_default());
    let plain = anstream::adapter::strip_str(&text).to_string();
    // A progress bar goes back to the start of its line.
    plain
        .replace("\r\n", "\n")
        .split(['\n', '\r'])
        .map(|line| unescaped(without_prefix(&printable(cut(line)))))
        .collect()
}

/// Without characters that move the cursor or turn the order of what a terminal shows: a log is
/// printed again.
fn printable(line: &str) -> Cow<'_, str> {
    let is_control = |c: char| {
        (c.is_control() && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    match line.contains(is_control) {
        true => Cow::Owned(line.replace(is_control, "")),
        false => Cow::Borrowed(line),
    }
}

fn cut(line: &str) -> &str {
    let end = line.char_indices().nth(MAX_IN_LINE);
    end.and_then(|(end, _)| line.get(..end)).unwrap_or(line)
}

/// As UTF-8, or as UTF-16 where a mark says so, as PowerShell writes it. What is neither becomes
/// replacement characters.
fn decoded(bytes: &[u8]) -> String {
    let units = |of: fn([u8; 2]) -> u16| -> Vec<u16> {
        let pairs = bytes.chunks_exact(2).skip(1);
        pairs
            .filter_map(|pair| pair.try_into().ok().map(of))
            .collect()
    };
    match bytes {
        [0xff, 0xfe, ..] => String::from_utf16_lossy(&units(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => String::from_utf16_lossy(&units(u16::from_be_bytes)),
        _ => {
            let text = String::from_utf8_lossy(bytes);
            text.trim_start_matches('\u{feff}').replace('\0', "")
        }
    }
}

fn without_prefix(line: &str) -> &str {
    let mut rest = line;
    for prefix in PREFIXES.iter() {
        if let Some(found) = prefix.find(rest) {
            rest = rest.get(found.end()..).unwrap_or(rest);
        }
    }
    rest
}

/// Without the backslashes that nesting a message in debug prints puts before quotes, however often
/// it was nested; escaped line breaks are spaces.
fn unescaped(line: &str) -> String {
    if !line.contains('\\') {
        return line.to_string();
    }
    let mut text = String::with_capacity(line.len());
    let mut slashes = 0_usize;
    for character in line.chars() {
        match character {
            '\\' => {
                slashes += 1;
                continue;
            }
            '"' | '\'' => text.push(character),
            'n' | 't' if slashes > 0 => text.push(' '),
            _ => {
                if slashes > 0 {
                    text.push('\\');
                }
                text.push(character);
            }
        }
        slashes = 0;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        lines(text.as_bytes()).concat()
    }

    #[test]
    fn what_stands_before_a_line_is_taken_off() {
        for prefixed in [
            "panicked",
            "\u{1b}[31mpanicked\u{1b}[0m",
            "(pid=1234) panicked",
            "(ReadTask pid=1234, ip=10.0.0.7) panicked",
            "\u{1b}[36m(MapWorker(MapBatches(f)) pid=77)\u{1b}[0m panicked",
            "2026-05-04T10:11:12.345678Z ERROR panicked",
            "2026-05-04 10:11:12,345 ERROR panicked",
            "[2026-05-04T10:11:12Z] panicked",
            "26/05/04 10:11:12 ERROR panicked",
            "worker-1  | panicked",
            "2026-05-04T10:11:12.345678901Z stderr F panicked",
            "May  4 10:11:12 node7 app[812]: panicked",
            "> > panicked",
            "E       panicked",
        ] {
            assert_eq!(line(prefixed), "panicked", "{prefixed}");
        }
    }

    #[test]
    fn escapes_are_undone_however_deep() {
        assert_eq!(line(r#"a \"b\" c"#), r#"a "b" c"#);
        assert_eq!(line(r#"a \\\\\"b\\\\\" c"#), r#"a "b" c"#);
        assert_eq!(line(r"a\n b"), "a  b");
        assert_eq!(line(r"C:\data\x"), r"C:\data\x");
    }

    #[test]
    fn what_moves_the_cursor_is_left_out() {
        assert_eq!(
            line("pan\u{8}\u{7}icked\u{202e} x\u{9b}\ty"),
            "panicked x\ty"
        );
    }

    #[test]
    fn other_encodings_are_read() {
        let wide: Vec<u8> = std::iter::once(0xfeff_u16)
            .chain("panicked".encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(lines(&wide), ["panicked"]);
        assert_eq!(lines(b"a\xff\xfeb\r\nc"), ["a\u{fffd}\u{fffd}b", "c"]);
    }
}
