//! What Lance's own decoder makes of the files, in a child process that may come to grief.

#[cfg(feature = "decode")]
mod digest;
pub mod protocol;
#[cfg(feature = "decode")]
mod reader;
#[cfg(feature = "decode")]
pub mod worker;
