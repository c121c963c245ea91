//! Bytes by range: where files are and how parts of them are read.
//!
//! Everything to the right of this layer asks for the tail of a file, a byte
//! range of it, or the names in a directory, and nothing else. Nothing here
//! writes, and nothing knows what the bytes mean.

mod bases;
mod local;
mod location;
mod meter;
#[cfg(feature = "object-stores")]
mod stores;
mod text_file;
mod watched;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::redact::Redactor;

pub use bases::{Bases, NotFollowed};
pub use local::LocalStorage;
pub use location::{Location, LocationError};
pub use meter::{Meter, StopReason};
#[cfg(feature = "object-stores")]
pub use stores::is_known_option;
pub use text_file::read_text;
pub use watched::WatchedStorage;

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
    /// A symbolic link leads out of the dataset, and the run does not trust the dataset.
    #[error("a symbolic link leads out of the dataset, and --untrusted follows no such link")]
    LinkOutside,
    /// The run is at its end: [`Meter::halted`] says why.
    #[error("the run was ended before")]
    Halted,
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

    /// The same for a file whose size in bytes is stated somewhere, or 0; the statement may be
    /// wrong. Spares a request where a store must know it.
    ///
    /// # Errors
    /// As [`Storage::tail`].
    fn tail_stated(
        &self,
        location: &Location,
        want: u64,
        _stated: u64,
    ) -> Result<Tail, StorageError> {
        self.tail(location, want)
    }

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

    /// Whether a base path of the dataset at `root` is followed.
    ///
    /// # Errors
    /// Why it is not.
    fn follows(&self, root: &Location, base: &Location) -> Result<(), NotFollowed>;

    /// Whether a path may lead anywhere by symbolic links.
    fn follows_links(&self) -> bool {
        true
    }

    /// Says that the user named the dataset or file at `root`. A run that does not trust datasets
    /// reads nothing else, and follows symbolic links within each such place only.
    fn confine(&self, _root: &Location) {}

    /// The redactor for names in the contents of files, if output is redacted.
    fn redactor(&self) -> Option<&Redactor> {
        None
    }

    /// How many reads at once pay there; `None` for as many as there are cores.
    fn concurrency(&self, _location: &Location) -> Option<usize> {
        None
    }

    /// What the reads are counted in.
    fn meter(&self) -> &Meter;
}

/// How storages are reached, and what that may cost.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Options of object stores, by the keys that Lance takes.
    #[cfg(feature = "object-stores")]
    pub store: Vec<(String, String)>,
    /// Clients for stores by name, such as `s3://bucket`, in place of clients made from options.
    #[cfg(feature = "object-stores")]
    pub clients: Vec<(String, Arc<dyn object_store::ObjectStore>)>,
    /// Reads at once in object stores.
    #[cfg(feature = "object-stores")]
    pub concurrency: usize,
    /// Most requests.
    pub max_requests: Option<u64>,
    /// Most bytes.
    pub max_bytes: Option<u64>,
    /// Which base paths are followed.
    pub bases: Bases,
}

/// Everything that this build can read: local files, and object stores where it has them.
pub fn open(options: Options) -> Arc<dyn Storage> {
    let meter = Arc::new(Meter::limited(options.max_requests, options.max_bytes));
    let local = LocalStorage::new(meter.clone(), options.bases.clone());
    #[cfg(feature = "object-stores")]
    return Arc::new(stores::Stores::new(local, meter, options));
    #[cfg(not(feature = "object-stores"))]
    Arc::new(local)
}
