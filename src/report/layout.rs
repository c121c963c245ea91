//! Words and numbers for people.

use std::ops::Range;

use crate::finding::Place;
use crate::printable::printable;

/// Width of what is written where there is no terminal: to a pipe or a file.
pub const FIXED_WIDTH: usize = 132;
/// Width beyond which sentences are hard to read, however wide a terminal is.
pub const PROSE_WIDTH: usize = 100;
/// Narrower than this nothing is made.
pub const LEAST_WIDTH: usize = 40;

/// The width of sentences where lines may be as wide as `width`.
pub fn prose(width: usize) -> usize {
    width.min(PROSE_WIDTH)
}

/// A count with thousands apart: `12,345`.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 fragment`, `2 fragments`.
pub fn counted(count: u64, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{} {stem}ies", number(count)),
        (_, None) => format!("{} {noun}s", number(count)),
    }
}

/// A size in the unit that keeps it short: `22 B`, `1.4 KiB`.
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if size < 1024 {
        return format!("{size} B");
    }
    let mut scaled = size as f64 / 1024.0;
    let mut unit = 0;
    while scaled >= 1023.95 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    if scaled < 10.0 {
        format!("{scaled:.1} {unit}")
    } else {
        format!("{scaled:.0} {unit}")
    }
}

/// A share of a whole in per cent, empty when there is no whole.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    match percent {
        _ if part == 0 => "0 %".to_string(),
        p if p < 0.1 => "<0.1 %".to_string(),
        p if p < 10.0 => format!("{p:.1} %"),
        p => format!("{p:.0} %"),
    }
}

/// A byte range: `bytes 0..22`.
pub fn range(range: &Range<u64>) -> String {
    format!("bytes {}..{}", range.start, range.end)
}

/// A place in one line.
pub fn place(place: &Place) -> String {
    let mut parts = Vec::new();
    if let Some(file) = &place.file {
        parts.push(printable(file).into_owned());
    }
    if let Some(fragment) = place.fragment {
        parts.push(format!("fragment {fragment}"));
    }
    if let Some(column) = place.column {
        parts.push(format!("column {column}"));
    }
    if let Some(page) = place.page {
        parts.push(format!("page {page}"));
    }
    let mut text = parts.join(", ");
    if let Some(bytes) = &place.bytes {
        text.push_str(&format!(" ({})", range(bytes)));
    }
    if let Some(detail) = &place.detail {
        text.push_str(": ");
        text.push_str(&printable(detail));
    }
    text
}

/// Wraps a paragraph; lines after the first are indented by `indent` spaces. What of it acts on a
/// terminal is shown as escapes.
pub fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    wrapped_styled(&printable(text), width, indent)
}

/// The same for a paragraph that holds colours, and nothing from data.
pub fn wrapped_styled(text: &str, width: usize, indent: usize) -> Vec<String> {
    let later = " ".repeat(indent);
    let options = textwrap::Options::new(width.max(LEAST_WIDTH))
        .subsequent_indent(&later)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(text, options);
    lines.into_iter().map(|line| line.into_owned()).collect()
}

/// Wraps a text that is no sentence, such as an encoding, so that no line is wider than `width`:
/// behind blanks and punctuation where that does, else anywhere. `first` stands before the first
/// line, `later` before each that follows.
pub fn prefixed(first: &str, later: &str, text: &str, width: usize) -> Vec<String> {
    let options = textwrap::Options::new(width.max(1))
        .initial_indent(first)
        .subsequent_indent(later)
        .break_words(true)
        .word_separator(textwrap::WordSeparator::Custom(pieces))
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    let text = printable(text);
    let lines = textwrap::wrap(&text, options);
    lines.into_iter().map(|line| line.into_owned()).collect()
}

/// The parts of a line between which it may be broken.
fn pieces(line: &str) -> Box<dyn Iterator<Item = textwrap::core::Word<'_>> + '_> {
    let ends_piece = |(here, next): (char, Option<char>)| match next {
        None => true,
        Some(next) if next.is_whitespace() => false,
        Some(_) => here.is_whitespace() || matches!(here, '(' | ',' | ':' | '/' | '=' | '.'),
    };
    let mut rest = line;
    Box::new(std::iter::from_fn(move || {
        let mut chars = rest.char_indices().peekable();
        while let Some((at, here)) = chars.next() {
            let next = chars.peek().map(|(_, next)| *next);
            if ends_piece((here, next)) {
                let (piece, behind) = rest.split_at_checked(at + here.len_utf8())?;
                rest = behind;
                return Some(textwrap::core::Word::from(piece));
            }
        }
        None
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_fits_and_loses_nothing() {
        let broken = |text, width| prefixed("", "", text, width);
        let text = "dictionary(indices: bitpacked(8), values: fixed_size_list(128 × flat(32)))";
        for width in 4..90 {
            let lines = broken(text, width);
            assert!(
                lines.iter().all(|line| line.chars().count() <= width),
                "{lines:?}"
            );
            let squeezed = |text: &str| text.replace(' ', "");
            assert_eq!(squeezed(&lines.concat()), squeezed(text));
        }
        assert_eq!(broken("flat(64) + zstd", 10), ["flat(64) +", "zstd"]);
        assert_eq!(
            broken("fixed_size_list:float:768", 18),
            ["fixed_size_list:", "float:768"]
        );
        assert_eq!(broken("", 10), [""]);
    }

    #[test]
    fn numbers_and_sizes_read_well() {
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(counted(1, "entry"), "1 entry");
        assert_eq!(counted(0, "entry"), "0 entries");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "16 EiB");
        assert_eq!(share(1, 3), "33 %");
        assert_eq!(share(1, 100_000), "<0.1 %");
    }
}
