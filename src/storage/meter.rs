//! What a run costs, what it may cost, and what ends it before its time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::StorageError;

/// Why no more is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// Someone asked the run to end.
    Interrupted,
    /// As many requests were made as may be.
    MostRequests(u64),
    /// As many bytes were read as may be.
    MostBytes(u64),
    /// A store does not answer as it must: a sentence for the user.
    Failed(String),
}

impl std::fmt::Display for Halt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::MostRequests(most) => write!(f, "stopped by --max-requests {most}"),
            Self::MostBytes(most) => write!(f, "stopped by --max-bytes {most}"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// Counts requests and bytes, and says when there may be no more.
#[derive(Debug)]
pub struct Meter {
    requests: AtomicU64,
    bytes: AtomicU64,
    most_requests: u64,
    most_bytes: u64,
    halt: OnceLock<Halt>,
}

impl Default for Meter {
    fn default() -> Self {
        Self::limited(None, None)
    }
}

impl Meter {
    /// A meter that lets so many requests and bytes pass; all when absent.
    pub fn limited(most_requests: Option<u64>, most_bytes: Option<u64>) -> Self {
        Self {
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            most_requests: most_requests.unwrap_or(u64::MAX),
            most_bytes: most_bytes.unwrap_or(u64::MAX),
            halt: OnceLock::new(),
        }
    }

    /// Reads so far; in object stores, listings and questions for an object too.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes that those reads returned.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Ends the run: what is read from now on fails with [`StorageError::Halted`]. The first
    /// reason stands.
    pub fn halt(&self, why: Halt) {
        let _ = self.halt.set(why);
    }

    /// Why the run is to end, when it is.
    pub fn halted(&self) -> Option<&Halt> {
        self.halt.get()
    }

    /// Asks to make a request that returns so many bytes at most, and counts it.
    ///
    /// # Errors
    /// `Halted`, when the run is at its end.
    pub(super) fn admit(&self, bytes: u64) -> Result<(), StorageError> {
        if self.halt.get().is_some() {
            return Err(StorageError::Halted);
        }
        if bytes > 0 && self.bytes().saturating_add(bytes) > self.most_bytes {
            self.halt(Halt::MostBytes(self.most_bytes));
            return Err(StorageError::Halted);
        }
        if self.requests.fetch_add(1, Ordering::Relaxed) >= self.most_requests {
            self.requests.fetch_sub(1, Ordering::Relaxed);
            self.halt(Halt::MostRequests(self.most_requests));
            return Err(StorageError::Halted);
        }
        Ok(())
    }

    /// Counts bytes that came.
    pub(super) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_lets_pass_what_fits_and_ends_the_run_for_its_reason() {
        let meter = Meter::limited(Some(2), None);
        assert_eq!(meter.admit(10), Ok(()));
        assert_eq!(meter.admit(10), Ok(()));
        assert_eq!(meter.admit(10), Err(StorageError::Halted));
        assert_eq!(meter.requests(), 2);
        assert_eq!(meter.halted(), Some(&Halt::MostRequests(2)));

        let meter = Meter::limited(None, Some(15));
        assert_eq!(meter.admit(10), Ok(()));
        meter.add(10);
        assert_eq!(meter.admit(6), Err(StorageError::Halted));
        meter.halt(Halt::Interrupted);
        assert_eq!(meter.halted(), Some(&Halt::MostBytes(15)));
    }
}
