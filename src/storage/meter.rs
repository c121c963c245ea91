//! What a run costs, what it may cost, and what ends it before its time.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::StorageError;

thread_local! {
    /// Requests that this thread made, and the bytes that they returned.
    static OF_THIS_THREAD: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// Why no more is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// Someone asked the run to end.
    Interrupted,
    /// As many requests were made as may be.
    MostRequests(u64),
    /// As many bytes were read as may be.
    MostBytes(u64),
    /// As much time has passed as may.
    Timeout(Duration),
    /// A store does not answer as it must: a sentence for the user.
    Failed(String),
}

impl std::fmt::Display for StopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::MostRequests(most) => write!(f, "stopped by --max-requests {most}"),
            Self::MostBytes(most) => write!(f, "stopped by --max-bytes {most}"),
            Self::Timeout(most) => {
                write!(
                    f,
                    "stopped by --timeout {}",
                    humantime::format_duration(*most)
                )
            }
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// Counts requests and bytes, and says when there may be no more.
#[derive(Debug)]
pub struct Meter {
    requests: AtomicU64,
    bytes: AtomicU64,
    /// Bytes that came and those that are under way.
    claimed: AtomicU64,
    max_requests: u64,
    max_bytes: u64,
    halt: OnceLock<StopReason>,
}

impl Default for Meter {
    fn default() -> Self {
        Self::limited(None, None)
    }
}

impl Meter {
    /// A meter that lets so many requests and bytes pass; all when absent.
    pub fn limited(max_requests: Option<u64>, max_bytes: Option<u64>) -> Self {
        Self {
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            claimed: AtomicU64::new(0),
            max_requests: max_requests.unwrap_or(u64::MAX),
            max_bytes: max_bytes.unwrap_or(u64::MAX),
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

    /// Requests that this thread made so far, through any meter, and the bytes that they returned.
    pub fn of_this_thread() -> (u64, u64) {
        OF_THIS_THREAD.get()
    }

    /// Ends the run: what is read from now on fails with [`StorageError::Halted`]. The first
    /// reason stands.
    pub fn halt(&self, why: StopReason) {
        let _ = self.halt.set(why);
    }

    /// Why the run is to end, when it is.
    pub fn halted(&self) -> Option<&StopReason> {
        self.halt.get()
    }

    /// Asks to make a request that returns so many bytes, as far as that is known, and counts it.
    ///
    /// # Errors
    /// `Halted`, when the run is at its end.
    pub(super) fn admit(&self, bytes: u64) -> Result<Permit<'_>, StorageError> {
        if self.halt.get().is_some() {
            return Err(StorageError::Halted);
        }
        let claim = Permit { meter: self, bytes };
        let before = self.claimed.fetch_add(bytes, Ordering::Relaxed);
        if bytes > 0 && before.saturating_add(bytes) > self.max_bytes {
            self.halt(StopReason::MostBytes(self.max_bytes));
            return Err(StorageError::Halted);
        }
        if self.requests.fetch_add(1, Ordering::Relaxed) >= self.max_requests {
            self.requests.fetch_sub(1, Ordering::Relaxed);
            self.halt(StopReason::MostRequests(self.max_requests));
            return Err(StorageError::Halted);
        }
        let (requests, bytes) = OF_THIS_THREAD.get();
        OF_THIS_THREAD.set((requests + 1, bytes));
        Ok(claim)
    }
}

/// Bytes that a request may return. They are free again where it ends without them.
#[derive(Debug)]
#[must_use]
pub(super) struct Permit<'a> {
    meter: &'a Meter,
    bytes: u64,
}

impl Permit<'_> {
    /// Counts the bytes that came.
    pub(super) fn came(self, bytes: usize) {
        let bytes = bytes as u64;
        self.meter.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.meter.claimed.fetch_add(bytes, Ordering::Relaxed);
        let (requests, of_this_thread) = OF_THIS_THREAD.get();
        OF_THIS_THREAD.set((requests, of_this_thread.saturating_add(bytes)));
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.meter.claimed.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_lets_pass_what_fits_and_ends_the_run_for_its_reason() {
        let meter = Meter::limited(Some(2), None);
        assert!(meter.admit(10).is_ok());
        assert!(meter.admit(10).is_ok());
        assert!(meter.admit(10).is_err());
        assert_eq!(meter.requests(), 2);
        assert_eq!(meter.halted(), Some(&StopReason::MostRequests(2)));

        let meter = Meter::limited(None, Some(15));
        // What fails or falls short gives its bytes back.
        assert!(meter.admit(15).is_ok());
        assert!(meter.admit(15).map(|claim| claim.came(10)).is_ok());
        let under_way = meter.admit(4);
        assert!(under_way.is_ok() && meter.admit(2).is_err());
        assert_eq!(meter.bytes(), 10);
        meter.halt(StopReason::Interrupted);
        assert_eq!(meter.halted(), Some(&StopReason::MostBytes(15)));
    }
}
