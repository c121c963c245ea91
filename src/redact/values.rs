//! Which parts of encodings hold values of users. A bundle shows none of them.

/// Fields of encodings that are neither numbers nor messages and yet hold no values: numbers side
/// by side, and the name of a compression.
pub const STRUCTURE: &[&str] = &["layers", "bits_per_value", "bits_per_values", "scheme"];
/// Numbers in encodings from which values are counted.
pub const COUNTED_FROM: &[&str] = &["start", "step", "base"];
