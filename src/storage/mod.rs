//! Bytes by range: where files are and how parts of them are read.
//!
//! Everything to the right of this layer asks for the tail of a file, a byte
//! range of it, or the names in a directory, and nothing else. Nothing here
//! writes, and nothing knows what the bytes mean.

mod local;
mod location;
mod veil;

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;

pub use local::LocalStorage;
pub use location::{Location, LocationError};
pub use veil::{Named, Veil, VeiledStorage, without_credentials};

/// Why a read did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// Nothing is at that location.
    #[error("not found")]
    NotFound,
    /// A directory stands where a file was expected.
    #[error("is a directory")]
    IsDirectory,
    /// A file stands where a directory was expected.
    #[error("is not a directory")]
    NotDirectory,
    /// The system refused access.
    #[error("permission denied")]
    Denied,
    /// A range outside the file was asked for.
    #[error("bytes {}..{} are outside the file's {size} bytes", range.start, range.end)]
    OutOfRange {
        /// What was asked for, in bytes from the start of the file.
        range: Range<u64>,
        /// The size of the file in bytes.
        size: u64,
    },
    /// Anything else the system said.
    #[error("{0}")]
    Other(String),
}

/// The last bytes of a file.
#[derive(Debug, Clone)]
pub struct Tail {
    /// The whole file's size in bytes.
    pub size: u64,
    /// The last bytes; they end at `size`.
    pub bytes: Bytes,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, without its directory.
    pub name: String,
    /// Whether it is a directory itself.
    pub is_dir: bool,
    /// Bytes of a file; 0 for a directory.
    pub size: u64,
    /// When it was last written, where the storage tells.
    pub modified: Option<SystemTime>,
}

/// A place that holds files. Reads only, ever.
pub trait Storage: Send + Sync + fmt::Debug {
    /// Reads the last `want` bytes of a file, or all of a smaller one.
    ///
    /// # Errors
    /// Any [`StorageError`] but `OutOfRange`.
    fn tail(&self, location: &Location, want: u64) -> Result<Tail, StorageError>;

    /// Reads exactly the bytes of `range`, counted from the start of the file.
    ///
    /// # Errors
    /// `OutOfRange` when the file ends before the range does; any other [`StorageError`].
    fn range(&self, location: &Location, range: Range<u64>) -> Result<Bytes, StorageError>;

    /// Lists a directory, sorted by name.
    ///
    /// # Errors
    /// `NotFound`, `NotDirectory`, `Denied` or `Other`.
    fn list(&self, location: &Location) -> Result<Vec<Entry>, StorageError>;

    /// Whether the location is a file (`Some(false)`), a directory (`Some(true)`) or nothing.
    ///
    /// # Errors
    /// `Denied` or `Other`.
    fn is_dir(&self, location: &Location) -> Result<Option<bool>, StorageError>;

    /// Under which names the contents of files are to be shown; `None` for their own.
    fn veil(&self) -> Option<&Veil> {
        None
    }
}

/// What a run cost.
#[derive(Debug, Default)]
pub struct Meter {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Meter {
    /// Range and tail reads so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes that those reads returned.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
