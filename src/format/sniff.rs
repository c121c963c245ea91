//! What a file is when it is not what it should be.

use super::MAGIC;

/// A guess from the first and last bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looks {
    /// No bytes at all.
    Empty,
    /// The text that Git LFS leaves in place of a file, with the size of the real one.
    LfsPointer {
        /// Bytes of the file it stands for, when the pointer says.
        size: Option<u64>,
    },
    /// All zero: space that was reserved and never written.
    Zeros,
    /// Another format, which both ends of the file or its text give away.
    Other(&'static str),
    /// The beginning of another format. A data file that is cut off begins so where its first
    /// value is of that format.
    Begins(&'static str),
    /// Text of some kind.
    Text,
    /// None of the above.
    Unknown,
}

/// The first line of every Git LFS pointer.
const LFS_HEADER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Formats that are told by both ends of a file: name, first bytes, last bytes.
const BOTH_ENDS: [(&str, &[u8], &[u8]); 4] = [
    ("a Parquet file", b"PAR1", b"PAR1"),
    ("an encrypted Parquet file", b"PARE", b"PARE"),
    ("an Arrow IPC file", b"ARROW1", b"ARROW1"),
    ("a Feather file of the first version", b"FEA1", b"FEA1"),
];

/// Formats that are told by some of their first bytes: name, where these stand, the bytes.
const HEADS: [(&str, usize, &[u8]); 29] = [
    ("a Parquet file that is cut off", 0, b"PAR1"),
    ("an Arrow IPC file that is cut off", 0, b"ARROW1"),
    ("an Arrow IPC stream", 0, b"\xff\xff\xff\xff"),
    ("a ZIP archive", 0, b"PK\x03\x04"),
    ("a gzip stream", 0, b"\x1f\x8b\x08"),
    ("a bzip2 stream", 0, b"BZh"),
    ("an xz stream", 0, b"\xfd7zXZ\x00"),
    ("a Zstandard stream", 0, b"\x28\xb5\x2f\xfd"),
    ("an LZ4 stream", 0, b"\x04\x22\x4d\x18"),
    ("a Snappy stream", 0, b"\xff\x06\x00\x00sNaPpY"),
    ("a 7-Zip archive", 0, b"7z\xbc\xaf\x27\x1c"),
    ("a tar archive", 257, b"ustar"),
    ("an ORC file", 0, b"ORC"),
    ("an Avro file", 0, b"Obj\x01"),
    ("an SQLite database", 0, b"SQLite format 3\x00"),
    ("a DuckDB database", 8, b"DUCK"),
    ("an HDF5 file", 0, b"\x89HDF\r\n\x1a\n"),
    ("a NumPy array", 0, b"\x93NUMPY"),
    ("a safetensors file", 8, b"{\"__metadata__\""),
    ("a Python pickle", 0, b"\x80\x04\x95"),
    ("a Python pickle", 0, b"\x80\x05\x95"),
    ("a Vortex file", 0, b"VTXF"),
    ("a PNG image", 0, b"\x89PNG\r\n\x1a\n"),
    ("a JPEG image", 0, b"\xff\xd8\xff"),
    ("a GIF image", 0, b"GIF8"),
    ("a RIFF file (WebP, WAV or AVI)", 0, b"RIFF"),
    ("an MP4 file", 4, b"ftyp"),
    ("a PDF document", 0, b"%PDF-"),
    ("an ELF program", 0, b"\x7fELF"),
];

/// The record at the end of a ZIP archive.
const ZIP_END: &[u8] = b"PK\x05\x06";

/// Looks at the head and tail of a file; either may be the whole of it.
pub fn looks_like(head: &[u8], tail: &[u8]) -> Looks {
    if head.is_empty() && tail.is_empty() {
        return Looks::Empty;
    }
    if head.starts_with(LFS_HEADER) {
        let text = String::from_utf8_lossy(head);
        let size = text
            .lines()
            .find_map(|line| line.strip_prefix("size "))
            .and_then(|digits| digits.trim().parse().ok());
        return Looks::LfsPointer { size };
    }
    if head.iter().chain(tail).all(|byte| *byte == 0) {
        return Looks::Zeros;
    }
    let mut both = BOTH_ENDS.iter();
    if let Some((name, ..)) =
        both.find(|(_, first, last)| head.starts_with(first) && tail.ends_with(last))
    {
        return Looks::Other(name);
    }
    let has_zip_end = tail.windows(ZIP_END.len()).any(|bytes| bytes == ZIP_END);
    if head.starts_with(b"PK\x03\x04") && has_zip_end {
        return Looks::Other("a ZIP archive");
    }
    if !tail.ends_with(MAGIC)
        && let Some(kind) = text_kind(head, tail)
    {
        return kind;
    }
    let at = |from: &usize| head.get(*from..).unwrap_or_default();
    let mut heads = HEADS.iter();
    match heads.find(|(_, from, magic)| at(from).starts_with(magic)) {
        Some((name, ..)) => Looks::Begins(name),
        None => Looks::Unknown,
    }
}

/// What kind of text a file is, if it is text.
fn text_kind(head: &[u8], tail: &[u8]) -> Option<Looks> {
    let head = text(head)?;
    text(tail)?;
    let start = head.trim_start_matches('\u{feff}').trim_start();
    let begins = |with: &str| {
        start
            .get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    Some(if begins("<?xml") {
        Looks::Other("an XML document, as object stores send for errors")
    } else if begins("<!doctype html") || begins("<html") {
        Looks::Other("an HTML page, as servers send for errors")
    } else if start.starts_with(['{', '[']) && start.contains(['"', ']']) {
        Looks::Other("a JSON document")
    } else if is_table(start) {
        Looks::Other("a CSV file")
    } else {
        Looks::Text
    })
}

/// Bytes as text without control characters; a character that is cut at either end does not
/// matter.
fn text(bytes: &[u8]) -> Option<&str> {
    let is_middle = |byte: &u8| byte & 0xc0 == 0x80;
    let cut = bytes
        .iter()
        .take(3)
        .take_while(|byte| is_middle(byte))
        .count();
    let bytes = bytes.get(cut..)?;
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let is_plain = |c: char| !c.is_control() || c.is_ascii_whitespace();
    text.chars().all(is_plain).then_some(text)
}

/// Whether the first two lines of a text are rows of a table: they have equally many separators.
fn is_table(text: &str) -> bool {
    let mut lines = text.lines();
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else {
        return false;
    };
    // The last line of what was read may be cut.
    let whole = lines.next().is_some() || text.ends_with('\n');
    [',', '\t', ';'].into_iter().any(|separator| {
        let count = |line: &str| line.matches(separator).count();
        whole && count(first) > 0 && count(first) == count(second)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_stands_in_place_of_a_file() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 812\n";
        let size = Some(812);
        assert_eq!(looks_like(pointer, pointer), Looks::LfsPointer { size });
        assert_eq!(looks_like(b"", b""), Looks::Empty);
        assert_eq!(looks_like(&[0; 9], &[0; 9]), Looks::Zeros);
        assert_eq!(
            looks_like(b"PAR1....", b"PAR1"),
            Looks::Other("a Parquet file")
        );
        assert_eq!(looks_like(b"hello\n", b"hello\n"), Looks::Text);
        assert_eq!(looks_like(&[7, 200, 3], &[7, 200, 3]), Looks::Unknown);
    }

    #[test]
    fn kinds_of_text_are_told_apart() {
        let kind = |text: &str| looks_like(text.as_bytes(), text.as_bytes());
        assert_eq!(
            kind("<!DOCTYPE html>\n<p>404"),
            Looks::Other("an HTML page, as servers send for errors")
        );
        assert_eq!(kind("{\"a\": 1}\n"), Looks::Other("a JSON document"));
        assert_eq!(
            kind("id,caption\n1,cat\n2,dog\n"),
            Looks::Other("a CSV file")
        );
        assert_eq!(kind("Ein Wörterbuch\n"), Looks::Text);
        // A character that is cut at the end of what was read.
        assert_eq!(looks_like(b"caf\xc3", b"\xa9 au lait"), Looks::Text);
    }

    #[test]
    fn a_file_that_only_begins_as_another_format_may_be_a_part_of_a_data_file() {
        let png = b"\x89PNG\r\n\x1a\n\x00\x00";
        assert_eq!(looks_like(png, &[7, 200]), Looks::Begins("a PNG image"));
        assert_eq!(
            looks_like(b"PK\x03\x04\x00", b"PK\x05\x06\x00\x00"),
            Looks::Other("a ZIP archive")
        );
        assert_eq!(
            looks_like(b"PK\x03\x04\x00", &[7, 200]),
            Looks::Begins("a ZIP archive")
        );
        let mut tar = vec![b'a'; 257];
        tar.extend(b"ustar\x00");
        assert_eq!(looks_like(&tar, &[0; 9]), Looks::Begins("a tar archive"));
    }
}
