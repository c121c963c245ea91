//! Hash tables whose keys may come from a dataset.
//!
//! Each table has a seed that differs from run to run, so that nobody can choose keys that all fall
//! into one bucket. The order of their entries differs with it: nothing that is printed may depend
//! on it.

use foldhash::fast::RandomState;

/// A hash map with a random seed.
pub type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
/// A hash set with a random seed.
pub type HashSet<K> = std::collections::HashSet<K, RandomState>;
