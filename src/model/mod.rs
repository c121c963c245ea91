//! What everything to the right reads: versions, schemas, encoding trees, datasets,
//! fragments, files, and the join of schema and columns.

pub mod data_file;
pub mod describe;
pub mod encoding;
pub mod flags;
pub mod history;
pub mod index;
pub mod join;
pub mod logical_type;
pub mod notation;
pub mod reader_name;
pub mod readers;
pub mod refs;
pub mod schema;
pub mod snapshot;
pub mod target;
pub mod version;
pub mod vocabulary;
