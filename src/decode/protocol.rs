//! What a worker is asked and what it answers: one JSON document a line.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One line to a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// Comes back in the reply.
    pub id: u64,
    /// What to do.
    #[serde(flatten)]
    pub task: Task,
}

/// What a worker can do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Makes a file the one that is read from.
    Open(Open),
    /// Reads rows of the open file.
    Read(Read),
}

/// A data file as a manifest has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Open {
    /// Its absolute path.
    pub path: String,
    /// The fields of the schema that it is read by: an encoded message of which field 1 repeats
    /// `lance.file.Field`, in hexadecimal.
    pub schema: String,
    /// Field ids.
    pub ids: Vec<i32>,
    /// The column of each; negative for none.
    pub column_indices: Vec<i32>,
    /// Bytes that the manifest states; 0 when it states none.
    #[serde(default)]
    pub size: u64,
    /// Rows that the manifest states. With them the file's own schema need not be readable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// Rows and columns to read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Read {
    /// Ids of the fields to read, with what is below them; all when absent.
    #[serde(default)]
    pub columns: Option<Vec<i32>>,
    /// Which rows.
    pub rows: Rows,
    /// Whether to digest the values.
    #[serde(default)]
    pub digest: bool,
    /// What to read of blobs.
    #[serde(default)]
    pub blobs: Blobs,
}

/// Which rows to read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// These, from 0, the last excluded.
    Range([u64; 2]),
    /// These, from 0.
    Indices(Vec<u32>),
}

impl From<Range<u64>> for Rows {
    fn from(rows: Range<u64>) -> Self {
        Self::Range([rows.start, rows.end])
    }
}

/// What to read of blobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blobs {
    /// Their descriptors, as a scan does unless told otherwise.
    #[default]
    Descriptors,
    /// Their values. Those of v2 blobs are beyond the file, so of these it is the descriptors.
    Binary,
}

/// One line from a worker: `rows` when it went well, else `error` or `panic`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// That of the request; 0 when it could not be understood.
    pub id: u64,
    /// The version of the file that was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Rows that came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// By id of the top-level field, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digests: Option<BTreeMap<i32, String>>,
    /// What the reader says is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the reader panicked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panic: Option<String>,
    /// Where it panicked: a file name and a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// Bytes as hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Hexadecimal digits as bytes; `None` when they are not.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(high)? * 16 + digit(low)?).ok();
    rest.is_empty()
        .then(|| pairs.iter().map(byte).collect())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_goes_both_ways() {
        assert_eq!(to_hex(&[0, 0x7f, 0xff]), "007fff");
        assert_eq!(from_hex("007fff").as_deref(), Some(&[0, 0x7f, 0xff][..]));
        assert_eq!(from_hex("007"), None);
        assert_eq!(from_hex("0g"), None);
    }

    #[test]
    fn a_request_is_a_line_of_json() {
        let line = r#"{"id":2,"read":{"columns":[7],"rows":{"range":[0,3]},"digest":true,"blobs":"binary"}}"#;
        let request: Result<Request, _> = serde_json::from_str(line);
        let again = request.and_then(|request| serde_json::to_string(&request));
        assert_eq!(again.ok().as_deref(), Some(line));
    }
}
