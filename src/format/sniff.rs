//! What a file is when it is not what it should be.

use super::MAGIC;

/// A guess from the first or last bytes of a file.
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
    /// Another format that a magic number gives away.
    Other(&'static str),
    /// Text of some kind.
    Text,
    /// None of the above.
    Unknown,
}

/// The first line of every Git LFS pointer.
const LFS_HEADER: &[u8] = b"version https://git-lfs.github.com/spec/";

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
    let known: [(&[u8], &'static str); 7] = [
        (b"PAR1", "a Parquet file"),
        (b"ARROW1", "an Arrow IPC file"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "a gzip stream"),
        (b"\x28\xb5\x2f\xfd", "a Zstandard stream"),
        (b"ORC", "an ORC file"),
        (
            b"<?xml",
            "an XML document, as object stores send for errors",
        ),
    ];
    for (magic, name) in known {
        if head.starts_with(magic) {
            return Looks::Other(name);
        }
    }
    if head.iter().chain(tail).all(|byte| *byte == 0) {
        return Looks::Zeros;
    }
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    if head.iter().chain(tail).all(is_text) && !tail.ends_with(MAGIC) {
        return Looks::Text;
    }
    Looks::Unknown
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
}
