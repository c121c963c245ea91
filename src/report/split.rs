//! A snapshot cut into ranges, as arguments to add or as JSON.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::json::SCHEMA_VERSION;
use crate::check::Split;

/// Ranges of fragments that together are a snapshot.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "lance-lint split")]
pub struct Document {
    /// The version of this document's shape.
    pub schema_version: u32,
    /// The dataset, as it was given.
    pub path: String,
    /// The version that the ranges are of.
    pub version: u64,
    /// The branch, when one was chosen.
    pub branch: Option<String>,
    /// The ranges, in ascending order.
    pub units: Vec<UnitJson>,
}

/// A range of fragments.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnitJson {
    /// The first id.
    pub start: u64,
    /// The one after the last.
    pub end: u64,
    /// How many fragments there are between them.
    pub fragments: u64,
}

/// Makes the document of a split.
pub fn document(split: &Split) -> Document {
    let units = split.units.iter().map(|unit| UnitJson {
        start: unit.start,
        end: unit.end,
        fragments: unit.fragments,
    });
    Document {
        schema_version: SCHEMA_VERSION,
        path: split.path.clone(),
        version: split.version,
        branch: split.branch.clone(),
        units: units.collect(),
    }
}

/// The JSON Schema of [`Document`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Document)
}

/// Writes one range a line, as the arguments that choose it.
///
/// # Errors
/// Whatever the writer says.
pub fn write(out: &mut dyn Write, split: &Split) -> io::Result<()> {
    let branch = split.branch.as_ref();
    let branch = branch.map_or_else(String::new, |branch| format!("--branch={branch} "));
    for unit in &split.units {
        writeln!(
            out,
            "{branch}--version={} --fragments={}..{}",
            split.version, unit.start, unit.end
        )?;
    }
    Ok(())
}
