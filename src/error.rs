//! Errors of a check: a sentence for people, and a kind for programs.

use crate::printable::printable;
use crate::storage::StorageError;

/// Why a check could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing is at the path.
    NotFound,
    /// What is at the path is not a Lance dataset and not a file of one.
    NotADataset,
    /// The system or the store refused access.
    AccessDenied,
    /// The dataset has no such version, tag or branch.
    NoSuchVersion,
    /// A limit of requests, bytes or time ended the check before its result was known.
    Stopped,
    /// The store failed, or did not answer.
    Store,
    /// Anything else: a column or fragment that is not there, or options that exclude each other.
    Other,
}

impl From<&StorageError> for ErrorKind {
    fn from(error: &StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::NotFound,
            StorageError::Denied | StorageError::LinkOutside => Self::AccessDenied,
            StorageError::Halted => Self::Stopped,
            StorageError::Other(_) => Self::Store,
            StorageError::IsDirectory
            | StorageError::NotDirectory
            | StorageError::OutOfRange { .. } => Self::Other,
        }
    }
}

/// A check that could not be done. The text is a whole sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", printable(.message))]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// An error of a kind, with its sentence.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// An error of no kind that programs tell apart.
    #[doc(hidden)]
    pub fn other(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other, message)
    }

    /// Why the check could not be done.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence, as exact text: what a dataset says in it is not escaped, as it is in `Display`.
    pub fn message(&self) -> &str {
        &self.message
    }
}
