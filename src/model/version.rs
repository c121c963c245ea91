//! Versions of the data file format (lance-file `version.rs`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A data file version that this build knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FileVersion {
    /// 0.1, the page-table format ("legacy").
    V0_1,
    /// 2.0, which footers also write as 0.3.
    V2_0,
    /// 2.1.
    V2_1,
    /// 2.2.
    V2_2,
    /// 2.3, unstable.
    V2_3,
}

impl FileVersion {
    /// The version behind the two numbers of a footer or of a manifest's data file.
    pub fn from_numbers(major: u32, minor: u32) -> Option<Self> {
        match (major, minor) {
            (0, 0..=2) => Some(Self::V0_1),
            (0, 3) | (2, 0) => Some(Self::V2_0),
            (2, 1) => Some(Self::V2_1),
            (2, 2) => Some(Self::V2_2),
            (2, 3) => Some(Self::V2_3),
            _ => None,
        }
    }

    /// The version of a name in a manifest, which readers take only when it is spelt exactly so
    /// (lance-file `version.rs`).
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::V0_1, Self::V2_0, Self::V2_1, Self::V2_2, Self::V2_3];
        all.into_iter().find(|version| version.to_string() == name)
    }

    /// Whether only leaf fields have columns (2.1 and later).
    pub fn is_structural(self) -> bool {
        self >= Self::V2_1
    }
}

impl fmt::Display for FileVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0_1 => "0.1",
            Self::V2_0 => "2.0",
            Self::V2_1 => "2.1",
            Self::V2_2 => "2.2",
            Self::V2_3 => "2.3",
        })
    }
}
