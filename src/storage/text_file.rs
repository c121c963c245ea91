//! Files that tell a run what to do: configurations, baselines, profiles.

use std::io::{self, Read};
use std::path::Path;

use super::local::open_at_once;

/// Reads a text file of no more than `most` bytes.
///
/// # Errors
/// What the system says, or that it is no regular file, larger, or no UTF-8. A pipe would be waited
/// for, and a device may have no end.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let (file, metadata) = open_at_once(path)?;
    let refused = |why: String| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    if !metadata.is_file() {
        return refused("it is not a regular file".to_string());
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return refused(format!("it is larger than {most} bytes"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => refused("it is not UTF-8".to_string()),
    }
}
