//! A stretch of a file held in memory, addressed by offsets of the whole file.

use std::ops::Range;

use bytes::Bytes;

/// Bytes `start..start + bytes.len()` of a file of `size` bytes.
#[derive(Debug, Clone)]
pub struct Window {
    /// The whole file's size in bytes.
    pub size: u64,
    /// Where in the file the bytes begin.
    pub start: u64,
    /// The bytes.
    pub bytes: Bytes,
}

impl Window {
    /// The end of the window, as an offset of the file.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len() as u64)
    }

    /// The bytes of `range`, or `None` when part of it is outside the window.
    pub fn get(&self, range: &Range<u64>) -> Option<&[u8]> {
        let from = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        let to = usize::try_from(range.end.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..to)
    }

    /// The same, to be kept.
    pub fn slice(&self, range: &Range<u64>) -> Option<Bytes> {
        Some(self.bytes.slice_ref(self.get(range)?))
    }

    /// A little-endian number of `N` bytes at `offset` of the file.
    fn number<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        let end = offset.checked_add(N as u64)?;
        self.get(&(offset..end))?.try_into().ok()
    }

    /// The little-endian `u16` at `offset`.
    pub fn u16(&self, offset: u64) -> Option<u16> {
        self.number(offset).map(u16::from_le_bytes)
    }

    /// The little-endian `u32` at `offset`.
    pub fn u32(&self, offset: u64) -> Option<u32> {
        self.number(offset).map(u32::from_le_bytes)
    }

    /// The little-endian `u64` at `offset`.
    pub fn u64(&self, offset: u64) -> Option<u64> {
        self.number(offset).map(u64::from_le_bytes)
    }
}
