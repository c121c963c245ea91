//! Messages that say that something else failed.

use super::advice::STDERR;
use super::{Entry, cause, of_others, wrapper};

pub static ENTRIES: &[Entry] = &[
    wrapper(cause(
        r"Lance reader producer terminated before end of stream",
        &[],
        "a thread that decodes pages panicked, and the reader found its end of the line dead; the panic itself \
         is in stderr",
        &STDERR,
    )),
    wrapper(of_others(cause(
        r"Task was aborted|task \d+ was cancelled",
        &[],
        "a task of the reader panicked in another thread; the panic itself is in stderr",
        &STDERR,
    ))),
    wrapper(of_others(cause(
        r"JoinError::Panic|JoinError\(Panic|ExecutionJoin|task \d+ panicked",
        &[],
        "a task of the reader panicked; this line repeats its message without saying where it was",
        &STDERR,
    ))),
    wrapper(of_others(cause(
        r"PanicException|pyo3_runtime",
        &[],
        "Rust code panicked below Python; this line repeats its message without saying where it was",
        &STDERR,
    ))),
    wrapper(of_others(cause(
        r"panic in a function that cannot unwind|fatal runtime error|failed to initiate panic",
        &[],
        "a panic came up where Rust must not panic, and the process was ended; the panic before it is the cause",
        &STDERR,
    ))),
];
