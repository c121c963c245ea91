//! What is judged, one rule or tight family per file, and the list of them all.
//!
//! A rule implements the levels it needs: the dataset as a whole, a fragment, a data file,
//! a column of a data file. It never reads bytes.

mod blob;
mod blob_behind_base_path;
mod blob_descriptors_malformed;
mod blob_generation_mismatch;
mod blob_in_legacy_file;
mod blob_in_list;
mod blob_key_false;
mod blob_on_wrong_type;
mod blob_stored_plain;
mod blob_undeclared;
mod column_lost;
mod data_file_missing;
mod data_file_unreadable;
mod deletion_file_missing;
mod encoding_not_as_asked;
mod encoding_unreadable;
mod feature_flag;
mod file_part_unreadable;
mod file_size_mismatch;
mod file_version_mismatch;
mod keys;
mod manifest_unreadable;
mod metadata_key_unknown;
mod metadata_key_without_effect;
mod metadata_value_invalid;
mod pre_stable_pages;
mod unknown_to_this_build;

use crate::finding::{Findings, Place, RuleInfo};
use crate::format::data_file::Unreadable;
use crate::format::proto::lance::table::{DataFile as DataFileEntry, DataFragment};
use crate::model::data_file::{Column, DataFile};
use crate::model::join::Placement;
use crate::model::schema::{Field, FieldTree};
use crate::model::snapshot::{BaseError, BrokenManifest, Snapshot};
use crate::model::version::FileVersion;

/// A rule. Every level does nothing unless implemented.
pub trait Rule: Sync {
    /// What is fixed about it.
    fn info(&self) -> &'static RuleInfo;

    /// Judges the manifest, and what came of opening it.
    fn dataset(&self, _dataset: &DatasetView<'_>, _findings: &mut Findings) {}

    /// Judges a field of the schema by itself, once. Fields without metadata are left out.
    fn field(&self, _field: &FieldView<'_>, _findings: &mut Findings) {}

    /// Judges a fragment.
    fn fragment(&self, _fragment: &FragmentView<'_>, _findings: &mut Findings) {}

    /// Judges a data file.
    fn file(&self, _file: &FileView<'_>, _findings: &mut Findings) {}

    /// Judges a column of a data file beside the field it belongs to.
    fn column(&self, _column: &ColumnView<'_>, _findings: &mut Findings) {}
}

/// A dataset as rules see it.
#[derive(Debug)]
pub struct DatasetView<'a> {
    /// The snapshot, when any can be read.
    pub snapshot: Option<&'a Snapshot>,
    /// Manifests newer than that which cannot be read.
    pub broken: &'a [BrokenManifest],
    /// Versions that have a manifest.
    pub versions: &'a [u64],
}

/// A field of the schema as rules see it.
#[derive(Debug)]
pub struct FieldView<'a> {
    /// Whose schema it is.
    pub source: FieldSource<'a>,
    /// The file version that the next write makes, as far as that can be told.
    pub version: Option<FileVersion>,
    /// The schema.
    pub schema: &'a FieldTree,
    /// Where the field stands in it.
    pub at: usize,
    /// The field.
    pub field: &'a Field,
}

/// Whose schema is looked at.
#[derive(Debug, Clone, Copy)]
pub enum FieldSource<'a> {
    /// The manifest's.
    Dataset(&'a Snapshot),
    /// That of a data file by itself.
    File(&'a FileView<'a>),
}

impl FieldView<'_> {
    /// The place that is the schema.
    pub fn place(&self) -> Place {
        match self.source {
            FieldSource::Dataset(snapshot) => Place {
                file: Some(snapshot.entry.path.clone()),
                ..Place::default()
            },
            FieldSource::File(file) => file.place(),
        }
    }
}

/// A fragment as rules see it.
#[derive(Debug)]
pub struct FragmentView<'a> {
    /// The snapshot it is of.
    pub snapshot: &'a Snapshot,
    /// The fragment.
    pub fragment: &'a DataFragment,
    /// What reading its deletion file came to, when it was looked at.
    pub deletion: Option<&'a DeletionState>,
}

/// What is known of a fragment's deletion file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionState {
    /// Its path below the dataset's root.
    pub path: String,
    /// Rows it deletes, or why it cannot be read.
    pub rows: Result<u64, DeletionFault>,
}

/// Why a deletion file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletionFault {
    /// The manifest gives it a type that this build does not know.
    UnknownType(i32),
    /// It is behind a base path that leads nowhere.
    Base(BaseError),
    /// It is not there.
    Missing,
    /// It is there, and this is wrong with it: a clause without a subject.
    Unreadable(String),
}

/// A data file as rules see it.
#[derive(Debug)]
pub struct FileView<'a> {
    /// The snapshot that names it; `None` for a file by itself.
    pub snapshot: Option<&'a Snapshot>,
    /// Its fragment.
    pub fragment: Option<&'a DataFragment>,
    /// What the manifest says of it.
    pub entry: Option<&'a DataFileEntry>,
    /// How it is shown: its path below the dataset's root, or its full path.
    pub name: &'a str,
    /// What is in it, or why that cannot be told.
    pub state: Result<&'a DataFile, &'a FileFault>,
    /// Where each field of the schema is in it; empty when that cannot be told.
    pub placed: &'a [Placement],
}

/// Why nothing can be told of a data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFault {
    /// It is behind a base path that leads nowhere or where this build cannot go.
    Base(BaseError),
    /// It cannot be read as a Lance file.
    Unreadable(Unreadable),
}

impl FileView<'_> {
    /// The place that is this file.
    pub fn place(&self) -> Place {
        Place {
            fragment: self.fragment.map(|fragment| fragment.id),
            file: Some(self.name.to_string()),
            ..Place::default()
        }
    }
}

/// A column of a data file as rules see it.
#[derive(Debug)]
pub struct ColumnView<'a> {
    /// The file.
    pub file: &'a FileView<'a>,
    /// The file's contents.
    pub data: &'a DataFile,
    /// The file's version.
    pub version: FileVersion,
    /// The schema that the field is of.
    pub schema: &'a FieldTree,
    /// The field.
    pub field: &'a Field,
    /// The physical column.
    pub index: u32,
    /// What it holds.
    pub column: &'a Column,
}

impl ColumnView<'_> {
    /// The place that is this column.
    pub fn place(&self) -> Place {
        Place {
            column: Some(self.index),
            ..self.file.place()
        }
    }

    /// The place that is a page of it.
    pub fn page_place(&self, page: usize) -> Place {
        Place {
            page: Some(page as u64),
            bytes: self.column.pages.get(page).and_then(|page| page.span()),
            ..self.place()
        }
    }

    /// The same field in the schema of the data file itself, when that is another schema.
    pub fn field_in_file(&self) -> Option<&Field> {
        self.file.snapshot?;
        self.data.schema.as_ref()?.by_id(self.field.id)
    }
}

/// Every rule. A rule that is not here does not run; `rules_are_registered` in the tests holds
/// this list against the files of this folder.
pub const RULES: &[&dyn Rule] = &[
    &manifest_unreadable::ManifestUnreadable,
    &feature_flag::FeatureFlag,
    &data_file_missing::DataFileMissing,
    &data_file_unreadable::DataFileUnreadable,
    &file_size_mismatch::FileSizeMismatch,
    &file_part_unreadable::FilePartUnreadable,
    &file_version_mismatch::FileVersionMismatch,
    &deletion_file_missing::DeletionFileMissing,
    &column_lost::ColumnLost,
    &pre_stable_pages::PreStablePages,
    &encoding_unreadable::EncodingUnreadable,
    &blob_stored_plain::BlobStoredPlain,
    &blob_on_wrong_type::BlobOnWrongType,
    &blob_descriptors_malformed::BlobDescriptorsMalformed,
    &blob_undeclared::BlobUndeclared,
    &blob_generation_mismatch::BlobGenerationMismatch,
    &blob_in_list::BlobInList,
    &blob_in_legacy_file::BlobInLegacyFile,
    &blob_behind_base_path::BlobBehindBasePath,
    &blob_key_false::BlobKeyFalse,
    &metadata_key_unknown::MetadataKeyUnknown,
    &metadata_value_invalid::MetadataValueInvalid,
    &metadata_key_without_effect::MetadataKeyWithoutEffect,
    &encoding_not_as_asked::EncodingNotAsAsked,
    &unknown_to_this_build::UnknownToThisBuild,
];
