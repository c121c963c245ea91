//! Whether a part of the work got all that it asked for before a run was ended.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::{Entry, Location, Meter, NotFollowed, Storage, StorageError, Tail};
use crate::redact::Redactor;

/// A storage for one part of the work, which notes whether anything was refused to it.
#[derive(Debug)]
pub struct WatchedStorage<'a> {
    inner: &'a dyn Storage,
    refused: AtomicBool,
}

impl<'a> WatchedStorage<'a> {
    /// Nothing was refused yet.
    pub fn new(inner: &'a dyn Storage) -> Self {
        Self {
            inner,
            refused: AtomicBool::new(false),
        }
    }

    /// Whether anything was, since the run is at its end.
    pub fn was_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    fn noted<T>(&self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        if matches!(result, Err(StorageError::Halted)) {
            self.refused.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Storage for WatchedStorage<'_> {
    fn tail(&self, location: &Location, want: u64) -> Result<Tail, StorageError> {
        self.noted(self.inner.tail(location, want))
    }

    fn tail_stated(
        &self,
        location: &Location,
        want: u64,
        stated: u64,
    ) -> Result<Tail, StorageError> {
        self.noted(self.inner.tail_stated(location, want, stated))
    }

    fn range(&self, location: &Location, range: Range<u64>) -> Result<Bytes, StorageError> {
        self.noted(self.inner.range(location, range))
    }

    fn list(&self, location: &Location) -> Result<Vec<Entry>, StorageError> {
        self.noted(self.inner.list(location))
    }

    fn is_dir(&self, location: &Location) -> Result<Option<bool>, StorageError> {
        self.noted(self.inner.is_dir(location))
    }

    fn redactor(&self) -> Option<&Redactor> {
        self.inner.redactor()
    }

    fn follows(&self, root: &Location, base: &Location) -> Result<(), NotFollowed> {
        self.inner.follows(root, base)
    }

    fn follows_links(&self) -> bool {
        self.inner.follows_links()
    }

    fn confine(&self, root: &Location) {
        self.inner.confine(root);
    }

    fn concurrency(&self, location: &Location) -> Option<usize> {
        self.inner.concurrency(location)
    }

    fn meter(&self) -> &Meter {
        self.inner.meter()
    }
}
