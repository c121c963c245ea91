//! What is judged, one rule or tight family per file, and the list of them all.
//!
//! A rule implements the levels it needs: the dataset as a whole, a fragment, a data file,
//! a column of a data file. It never reads bytes.

/// Declares what is fixed about a rule. The doc comment is the rule's explanation: the text of
/// `lance-lint explain` and of its page in `docs/rules/`.
macro_rules! rule {
    ($(#[doc = $line:literal])+ static $name:ident = $severity:ident $id:literal, $summary:literal;) => {
        $(#[doc = $line])+
        static $name: crate::finding::RuleInfo = crate::finding::RuleInfo {
            id: $id,
            severity: crate::finding::Severity::$severity,
            summary: $summary,
            explanation: concat!($($line, "\n"),+),
        };
    };
}

mod base_path_invalid;
mod base_path_not_followed;
mod blob;
mod blob_behind_base_path;
mod blob_descriptors_malformed;
mod blob_in_legacy_file;
mod blob_in_list;
mod blob_key_false;
mod blob_on_wrong_type;
mod blob_stored_plain;
mod blob_undeclared;
mod blob_version_mismatch;
mod branch_lost;
mod column_index_invalid;
mod column_lengths_differ;
mod column_mapping_mismatch;
mod data_file_missing;
pub(crate) mod data_file_unreadable;
mod dataset_health;
pub mod decode_failed;
mod deletion_file_mismatch;
mod deletion_file_missing;
mod empty_struct_shifts_columns;
mod encoding_malformed;
mod encoding_type_mismatch;
mod encoding_unreadable;
mod feature_flag;
mod feature_flags_inconsistent;
mod field_in_two_files;
mod field_not_listed;
mod field_type_changed;
mod fields_swapped;
mod file_metadata_corrupt;
mod file_size_mismatch;
mod file_version_mismatch;
mod file_versions_mixed;
pub(crate) mod fixes;
mod fragment_list_invalid;
mod global_buffer_misplaced;
pub mod ignore_key;
/// See the rule's page.
pub mod index_file_damaged;
mod index_files_missing;
mod index_format_old;
mod index_list_invalid;
mod index_unsupported;
mod keys;
pub mod known_bug;
mod layers_mismatch;
mod manifest_misnamed;
mod manifest_section_corrupt;
mod manifest_unreadable;
mod metadata_key_ineffective;
mod metadata_key_unknown;
mod metadata_value_invalid;
mod nulls_in_required_field;
pub(crate) mod operation_inconsistent;
mod overlay_invalid;
mod packed_struct_mismatch;
mod page;
mod page_buffers_mismatch;
mod page_buffers_shared;
mod page_rows_mismatch;
mod pre_stable_pages;
mod reader_too_old;
mod ref_unreadable;
mod requested_encoding_unused;
mod row_count_mismatch;
mod row_counts_absent;
mod row_ids_invalid;
mod schema_invalid;
pub mod suppress;
mod tag_without_version;
mod transaction_file_missing;
mod type_unreadable;
mod unknown_protobuf_field;

use std::borrow::Cow;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::did_you_mean;
use crate::finding::{Finding, Findings, Place, Remedy, RuleInfo, Severity};
use crate::format::data_file::Unreadable;
use crate::format::proto::lance::table::{DataFile as DataFileEntry, DataFragment};
use crate::format::row_ids::{RowIds, RowVersions};
use crate::format::sniff::Looks;
use crate::model::data_file::{Column, DataFile};
use crate::model::encoding::Encoding;
use crate::model::history::{Counts, LostBranch, LostTag, LostTransaction};
use crate::model::index::{INDICES, Index};
use crate::model::join::Placement;
use crate::model::logical_type::LogicalType;
use crate::model::reader_name::Reader;
use crate::model::readers::Readers;
use crate::model::refs::BadRef;
use crate::model::schema::{Field, FieldTree};
use crate::model::snapshot::{BaseError, BrokenManifest, ManifestEntry, Naming, Snapshot};
use crate::model::version::FileVersion;
use crate::typecheck::blob::Storage;
use crate::typecheck::legacy::Layout;
use crate::typecheck::pages::PageFault;
use crate::typecheck::schemas::Difference;

/// A rule. Every level does nothing unless implemented.
pub trait Rule: Sync {
    /// What is fixed about it.
    fn info(&self) -> &'static RuleInfo;

    /// Judges the manifest, and what came of opening it.
    fn dataset(&self, _dataset: &DatasetView<'_>, _findings: &mut Findings) {}

    /// Judges what is known of a snapshot when all that was asked for has been read.
    fn whole(&self, _whole: &WholeView<'_>, _findings: &mut Findings) {}

    /// Judges a field of the schema by itself, once. Fields without metadata are left out.
    fn field(&self, _field: &FieldView<'_>, _findings: &mut Findings) {}

    /// Judges a fragment.
    fn fragment(&self, _fragment: &FragmentView<'_>, _findings: &mut Findings) {}

    /// Judges a data file.
    fn file(&self, _file: &FileView<'_>, _findings: &mut Findings) {}

    /// Judges a column of a data file beside the field it belongs to.
    fn column(&self, _column: &ColumnView<'_>, _findings: &mut Findings) {}

    /// Judges the columns of a data file beside each other.
    fn columns(&self, _columns: &ColumnsView<'_>, _findings: &mut Findings) {}
}

/// A dataset as rules see it.
pub struct DatasetView<'a> {
    /// The snapshot, when any can be read.
    pub snapshot: Option<&'a Snapshot>,
    /// Manifests newer than that which cannot be read.
    pub broken: &'a [BrokenManifest],
    /// Versions that have a manifest.
    pub versions: &'a [u64],
    /// The manifests there are.
    pub manifests: &'a [ManifestEntry],
    /// The indices of the snapshot.
    pub indices: &'a [IndexState],
    /// Files of tags and branches that cannot be read.
    pub bad_refs: &'a [BadRef],
    /// Tags whose version has no manifest.
    pub lost_tags: &'a [LostTag],
    /// Branches on record that cannot be read.
    pub lost_branches: &'a [LostBranch],
    /// The transaction file of the snapshot, where it is needed and cannot be read.
    pub lost_transaction: Option<&'a LostTransaction>,
    /// What the commit of the snapshot did, where that is on record. Looked up when asked.
    pub operation: &'a dyn Fn() -> Option<&'static str>,
    /// What the version just before the snapshot counts, where there is one; whether it may be
    /// read for that is the parameter.
    pub before: &'a dyn Fn(bool) -> Option<Counts>,
}

/// What versions a dataset has beside one.
#[derive(Debug, Clone, Copy)]
pub struct Around {
    /// The version before it.
    pub older: Option<u64>,
    /// Whether there is a newer one.
    pub newer: bool,
}

impl DatasetView<'_> {
    /// What there is beside a snapshot of it.
    fn around(&self, snapshot: &Snapshot) -> Around {
        let own = snapshot.entry.version;
        let entries = self.manifests.iter();
        let entries = entries.filter(|entry| entry.naming != Naming::Detached);
        let versions = entries.map(|entry| entry.version);
        Around {
            older: versions.clone().filter(|version| *version < own).max(),
            newer: versions.clone().any(|version| version > own),
        }
    }
}

/// The place that is the manifest of a snapshot.
fn manifest_place(snapshot: &Snapshot) -> Place {
    Place {
        file: Some(snapshot.entry.path.clone()),
        ..Place::default()
    }
}

/// The folder of an index, below the dataset or behind a base path.
fn index_folder(snapshot: &Snapshot, index: &Index, uuid: &str) -> String {
    match index.base_id.map(|_| snapshot.base_root(index.base_id)) {
        Some(Ok(root)) => root.join(INDICES).join(uuid).to_string(),
        _ => format!("{INDICES}/{uuid}"),
    }
}

/// An index and what is there of its files.
#[derive(Debug)]
pub struct IndexState {
    /// What the manifest says of it.
    pub index: Index,
    /// Its files; `None` where they were not looked for.
    pub files: Option<Vec<IndexFile>>,
}

impl IndexState {
    /// Whether it has the files of a full-text index, without which no text can be searched.
    fn has_texts(&self) -> bool {
        let mut files = self.files.iter().flatten();
        files.any(|file| file.name.ends_with("tokens.lance"))
    }
}

/// A file of an index that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    /// Its path below the folder of the index.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// What it ends with.
    pub end: IndexEnd,
    /// What is wrong with a file that ends as a Lance file does.
    pub errors: Vec<Finding>,
}

/// What an index file ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexEnd {
    /// It was not looked at.
    Unread,
    /// It ends as a Lance file of this major and minor version does.
    Lance(u16, u16),
    /// It ends as no Lance file does.
    Other(Looks),
}

/// A snapshot as rules see it when its fragments have been looked at.
#[derive(Debug)]
pub struct WholeView<'a> {
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// Whether all of its fragments and files were looked at.
    pub complete: bool,
    /// Row ids of the fragments that store some.
    pub row_ids: &'a [Arc<RowIdsOf>],
    /// Rows of the fragments, deleted ones included.
    pub physical_rows: u64,
    /// Deleted rows among them.
    pub deleted_rows: u64,
    /// Bytes of the data files, and those of them that are metadata.
    pub stored: (u64, u64),
    /// How many versions there are.
    pub versions: usize,
    /// The indices.
    pub indices: &'a [IndexState],
    /// The leaf fields, what their pages come to.
    pub columns: &'a [ColumnTotal],
    /// Who can read it.
    pub readers: &'a Readers,
    /// Releases that must be able to.
    pub asked_readers: &'a [Reader],
}

/// What the pages of a field come to in all files.
#[derive(Debug)]
pub struct ColumnTotal {
    /// The path of the field.
    pub path: String,
    /// Pages.
    pub pages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The stable row ids of a fragment.
#[derive(Debug)]
pub struct RowIdsOf {
    /// The fragment's id.
    pub fragment: u64,
    /// Its row ids.
    pub ids: RowIds,
    /// Offsets of its deleted rows.
    pub deleted: Option<RoaringBitmap>,
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
    /// Its stable row ids, or why they cannot be read; `None` when it stores none in the manifest.
    pub row_ids: Option<Result<&'a RowIds, &'a str>>,
    /// The row versions of each kind that the manifest stores.
    pub row_versions: &'a [(&'static str, Result<RowVersions, String>)],
    /// Its overlay files.
    pub overlays: &'a [OverlayState],
    /// The schemas of its data files themselves, with the files' names, as far as they were read.
    pub held: &'a [(String, Arc<FieldTree>)],
    /// Fields of the schema that none of its files is said to hold, when all were looked at.
    pub absent: &'a [Absence],
}

/// What is known of an overlay file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverlayState {
    /// How it is shown.
    pub name: String,
    /// What is wrong with it, as a clause without a subject, and what a reader does.
    pub fault: Option<(String, &'static str)>,
}

/// A field that no file of a fragment is said to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// Where it stands in the schema.
    pub at: usize,
    /// A data file that holds it all the same, going by its own schema.
    pub in_file: Option<String>,
    /// A data file that holds a field of its path and type under another id, and that id.
    pub under_other_id: Option<(String, i32)>,
}

/// What is known of a fragment's deletion file.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletionState {
    /// Its path below the dataset's root.
    pub path: String,
    /// How many rows it deletes, as the manifest says; 0 where it does not say.
    pub stated: u64,
    /// Offsets of the rows it deletes, or why it cannot be read.
    pub rows: Result<RoaringBitmap, DeletionFault>,
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
    /// What is wrong with its pages, at most one fault a page.
    pub faults: &'a [PageFault],
    /// How its pages are stored, seen by a blob reader: for each run of pages alike, the number of
    /// the first behind it.
    pub stored: &'a [(usize, Storage)],
    /// Whether the schema of the data file itself says something else of the field.
    pub differs: bool,
}

/// The columns of a data file as rules see them.
#[derive(Debug)]
pub struct ColumnsView<'a> {
    /// The file.
    pub file: &'a FileView<'a>,
    /// The file's contents.
    pub data: &'a DataFile,
    /// The file's version.
    pub version: FileVersion,
    /// The schema that they are compared with.
    pub schema: &'a FieldTree,
    /// The columns that were read, in the order of the schema.
    pub laid: &'a [ColumnRows],
    /// Where the fields of the data file's own schema are in it, as that schema counts; empty
    /// where there is none.
    pub own: &'a [Placement],
    /// Pages whose buffers share bytes: their columns, as indices into `laid`, and page numbers.
    pub shared: &'a [(PageOf, PageOf)],
    /// The pages of columns that are nested in others.
    pub nested: &'a [NestedPages],
    /// What the schema and that of the data file itself do not agree on.
    pub differences: &'a [Difference],
    /// Whether a change of names is on record in the dataset's transactions; looked up only
    /// where names differ.
    pub renamed: bool,
    /// What is wrong with the pages of a 0.1 file.
    pub layout: Option<&'a Layout>,
    /// Columns of a 2.x file that no field of the schema is in, such as those of dropped fields.
    /// Readers decode their metadata with that of the others.
    pub unused: &'a [(u32, Column)],
}

/// A column beside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnRows {
    /// Where its field stands in the schema.
    pub at: usize,
    /// The physical column.
    pub index: u32,
    /// Rows of its pages; items, for columns below a 2.0 list.
    pub rows: u64,
    /// Whether a page of it yields another type than the field has.
    pub misfits: bool,
    /// 2.0 list offsets: the items that its pages count.
    pub items: Option<u64>,
}

/// A column, as an index into [`ColumnsView::laid`], and the number of a page of it.
pub type PageOf = (usize, usize);

/// The pages of a column that is nested in a struct or list.
#[derive(Debug)]
pub struct NestedPages {
    /// Where its field stands in the schema.
    pub at: usize,
    /// The physical column.
    pub index: u32,
    /// Rows and encoding of each page; none for a page whose encoding cannot be read.
    pub pages: Vec<(u64, Option<Arc<Encoding>>)>,
}

impl ColumnsView<'_> {
    /// The place that is one of the columns.
    pub fn place(&self, column: u32) -> Place {
        Place {
            column: Some(column),
            ..self.file.place()
        }
    }

    /// The column that holds a field: its own, or that of a field above it or below it.
    pub fn holder(&self, at: usize) -> Option<&ColumnRows> {
        let own = self.laid.iter().find(|laid| laid.at == at);
        let above = || {
            let mut above = self.schema.ancestors(at);
            above.find_map(|above| self.laid.iter().find(|laid| laid.at == above))
        };
        let below = || {
            self.laid
                .iter()
                .find(|laid| self.schema.subtree(at).contains(&laid.at))
        };
        own.or_else(below).or_else(above)
    }

    /// The top-level fields in the file, each with its rows and the column that says so. Fields
    /// that hold fixed-size lists of structs are left out: some of their pages count rows, and
    /// others items.
    pub fn top_rows(&self) -> impl Iterator<Item = (usize, u64, ColumnRows)> {
        let by_items = |at: usize| {
            let field = self.schema.fields.get(at);
            field.is_some_and(|field| field.logical_type == LogicalType::FixedSizeListStruct)
        };
        self.schema.roots.iter().filter_map(move |root| {
            let subtree = self.schema.subtree(*root);
            // Columns stand in the order of the schema.
            let first = self.laid.partition_point(|laid| laid.at < subtree.start);
            let laid = self.laid.get(first).filter(|laid| laid.at < subtree.end)?;
            let counted = !subtree.into_iter().any(by_items);
            counted.then_some((*root, laid.rows, *laid))
        })
    }

    /// The field of a column.
    pub fn field(&self, laid: &ColumnRows) -> Option<&Field> {
        self.schema.fields.get(laid.at)
    }
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

    /// What to do about a column whose metadata is damaged.
    pub fn restore_mend(&self) -> Remedy {
        Remedy::with_code(format!(
            "restore the file from a copy, or write the column again from its source; the other \
             columns may still be read:\n{}",
            fixes::read_without(self.schema, self.field)
        ))
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
    &manifest_misnamed::ManifestMisnamed,
    &manifest_section_corrupt::ManifestSectionCorrupt,
    &feature_flag::FeatureFlag,
    &feature_flags_inconsistent::FeatureFlagsInconsistent,
    &tag_without_version::TagWithoutVersion,
    &ref_unreadable::RefUnreadable,
    &branch_lost::BranchLost,
    &transaction_file_missing::TransactionFileMissing,
    &operation_inconsistent::OperationInconsistent,
    &schema_invalid::SchemaInvalid,
    &base_path_invalid::BasePathInvalid,
    &base_path_not_followed::BasePathNotFollowed,
    &fragment_list_invalid::FragmentListInvalid,
    &row_counts_absent::RowCountsAbsent,
    &file_versions_mixed::FileVersionsMixed,
    &data_file_missing::DataFileMissing,
    &data_file_unreadable::DataFileUnreadable,
    &file_size_mismatch::FileSizeMismatch,
    &file_metadata_corrupt::FileMetadataCorrupt,
    &global_buffer_misplaced::GlobalBufferMisplaced,
    &file_version_mismatch::FileVersionMismatch,
    &deletion_file_missing::DeletionFileMissing,
    &deletion_file_mismatch::DeletionFileMismatch,
    &row_ids_invalid::RowIdsInvalid,
    &overlay_invalid::OverlayInvalid,
    &index_list_invalid::IndexListInvalid,
    &index_files_missing::IndexFilesMissing,
    &index_file_damaged::IndexFileDamaged,
    &index_format_old::IndexFormatOld,
    &index_unsupported::IndexUnsupported,
    &column_index_invalid::ColumnIndexInvalid,
    &field_in_two_files::FieldInTwoFiles,
    &field_not_listed::FieldNotListed,
    &type_unreadable::TypeUnreadable,
    &packed_struct_mismatch::PackedStructMismatch,
    &pre_stable_pages::PreStablePages,
    &encoding_unreadable::EncodingUnreadable,
    &encoding_malformed::EncodingMalformed,
    &page_buffers_mismatch::PageBuffersMismatch,
    &page_buffers_shared::PageBuffersShared,
    &encoding_type_mismatch::EncodingTypeMismatch,
    &layers_mismatch::LayersMismatch,
    &page_rows_mismatch::PageRowsMismatch,
    &nulls_in_required_field::NullsInRequiredField,
    &field_type_changed::FieldTypeChanged,
    &fields_swapped::FieldsSwapped,
    &column_mapping_mismatch::ColumnMappingMismatch,
    &column_lengths_differ::ColumnLengthsDiffer,
    &row_count_mismatch::RowCountMismatch,
    &empty_struct_shifts_columns::EmptyStructShiftsColumns,
    &blob_stored_plain::BlobStoredPlain,
    &blob_on_wrong_type::BlobOnWrongType,
    &blob_descriptors_malformed::BlobDescriptorsMalformed,
    &blob_undeclared::BlobUndeclared,
    &blob_version_mismatch::BlobVersionMismatch,
    &blob_in_list::BlobInList,
    &blob_in_legacy_file::BlobInLegacyFile,
    &blob_behind_base_path::BlobBehindBasePath,
    &blob_key_false::BlobKeyFalse,
    &decode_failed::DecodeFailed,
    &metadata_key_unknown::MetadataKeyUnknown,
    &metadata_value_invalid::MetadataValueInvalid,
    &metadata_key_ineffective::MetadataKeyIneffective,
    &requested_encoding_unused::RequestedEncodingUnused,
    &unknown_protobuf_field::UnknownProtobufField,
    &known_bug::KnownBug,
    &dataset_health::DatasetHealth,
    &reader_too_old::ReaderTooOld,
];

/// The rules that judge fragments, in the order of [`RULES`]. A check comes by here, and by the three
/// lists below, a hundred thousand times; the tests hold them against the rules' own files.
pub const FRAGMENT_RULES: &[&dyn Rule] = &[
    &deletion_file_missing::DeletionFileMissing,
    &deletion_file_mismatch::DeletionFileMismatch,
    &row_ids_invalid::RowIdsInvalid,
    &overlay_invalid::OverlayInvalid,
    &field_in_two_files::FieldInTwoFiles,
    &field_not_listed::FieldNotListed,
];

/// The rules that judge data files.
pub const FILE_RULES: &[&dyn Rule] = &[
    &schema_invalid::SchemaInvalid,
    &data_file_missing::DataFileMissing,
    &data_file_unreadable::DataFileUnreadable,
    &file_size_mismatch::FileSizeMismatch,
    &file_metadata_corrupt::FileMetadataCorrupt,
    &global_buffer_misplaced::GlobalBufferMisplaced,
    &file_version_mismatch::FileVersionMismatch,
    &column_index_invalid::ColumnIndexInvalid,
];

/// The rules that judge columns by themselves.
pub const COLUMN_RULES: &[&dyn Rule] = &[
    &file_metadata_corrupt::FileMetadataCorrupt,
    &type_unreadable::TypeUnreadable,
    &pre_stable_pages::PreStablePages,
    &encoding_unreadable::EncodingUnreadable,
    &encoding_malformed::EncodingMalformed,
    &page_buffers_mismatch::PageBuffersMismatch,
    &encoding_type_mismatch::EncodingTypeMismatch,
    &layers_mismatch::LayersMismatch,
    &page_rows_mismatch::PageRowsMismatch,
    &nulls_in_required_field::NullsInRequiredField,
    &blob_stored_plain::BlobStoredPlain,
    &blob_on_wrong_type::BlobOnWrongType,
    &blob_descriptors_malformed::BlobDescriptorsMalformed,
    &blob_undeclared::BlobUndeclared,
    &blob_version_mismatch::BlobVersionMismatch,
    &blob_in_list::BlobInList,
    &blob_in_legacy_file::BlobInLegacyFile,
    &blob_behind_base_path::BlobBehindBasePath,
    &blob_key_false::BlobKeyFalse,
    &requested_encoding_unused::RequestedEncodingUnused,
    &unknown_protobuf_field::UnknownProtobufField,
    &known_bug::KnownBug,
];

/// The rules that judge columns beside each other.
pub const COLUMNS_RULES: &[&dyn Rule] = &[
    &file_metadata_corrupt::FileMetadataCorrupt,
    &packed_struct_mismatch::PackedStructMismatch,
    &encoding_unreadable::EncodingUnreadable,
    &page_buffers_shared::PageBuffersShared,
    &layers_mismatch::LayersMismatch,
    &page_rows_mismatch::PageRowsMismatch,
    &field_type_changed::FieldTypeChanged,
    &fields_swapped::FieldsSwapped,
    &column_mapping_mismatch::ColumnMappingMismatch,
    &column_lengths_differ::ColumnLengthsDiffer,
    &row_count_mismatch::RowCountMismatch,
    &empty_struct_shifts_columns::EmptyStructShiftsColumns,
    &blob_on_wrong_type::BlobOnWrongType,
];

/// What there is to say of a rule or a known bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Its name.
    pub id: &'static str,
    /// How bad its findings are, unless they say otherwise.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub summary: &'static str,
    /// What it means, what readers do, how it comes about and how to fix it, in Markdown.
    pub text: Cow<'static, str>,
}

/// What there is to say of every rule.
pub fn explanations() -> impl Iterator<Item = Explanation> {
    RULES.iter().map(|rule| of(rule.info()))
}

fn of(info: &'static RuleInfo) -> Explanation {
    Explanation {
        id: info.id,
        severity: info.severity,
        summary: info.summary,
        text: Cow::Borrowed(info.explanation),
    }
}

/// What there is to say of the rule or the known bug of a name.
///
/// # Errors
/// [`UnknownRule`], which names the nearest rule.
pub fn explanation(name: &str) -> Result<Explanation, UnknownRule> {
    // As the text has it: error[blob-stored-plain].
    let inner = name
        .split_once('[')
        .and_then(|(_, rest)| rest.split(']').next());
    let name = inner.unwrap_or(name).trim_end_matches(':');
    match known_bug::explanation(name) {
        Some(bug) => Ok(bug),
        None => named(name).map(of),
    }
}

/// A name that no rule has. The text is a whole sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no rule is called {name:?}{hint} (`lance-lint rules` lists them all)")]
pub struct UnknownRule {
    name: String,
    hint: String,
}

impl UnknownRule {
    /// The same of a name in a file. One that resembles no rule is not repeated: the file may be
    /// another program's, and the name a secret.
    pub fn in_a_file(&self) -> String {
        match self.hint.is_empty() {
            true => "a name that no rule has (`lance-lint rules` lists them all)".to_string(),
            false => self.to_string(),
        }
    }
}

/// What a name that no rule has was meant to be, as a part of a sentence.
fn meant(name: &str) -> String {
    let ids = || RULES.iter().map(|rule| rule.info().id);
    let bare = name.trim().to_lowercase().replace(['_', ' '], "-");
    if bare.starts_with("ll-") {
        let bugs: Vec<&str> = known_bug::ids().collect();
        return format!("; the known bugs are {}", bugs.join(", "));
    }
    // What all rules of a family have in their names.
    let family: Vec<&str> = match bare.len() {
        0..3 => Vec::new(),
        _ => ids()
            .filter(|id| id.contains(bare.trim_matches('*').trim_matches('-')))
            .collect(),
    };
    match family.as_slice() {
        [] => did_you_mean::hint(name, ids()),
        [only] => format!("; did you mean {only}?"),
        many => format!("; did you mean one of {}?", many.join(", ")),
    }
}

/// The rule of a name.
///
/// # Errors
/// [`UnknownRule`], which names the nearest rule.
pub fn named(name: &str) -> Result<&'static RuleInfo, UnknownRule> {
    let mut infos = RULES.iter().map(|rule| rule.info());
    infos
        .find(|info| info.id == name)
        .ok_or_else(|| UnknownRule {
            name: name.to_string(),
            hint: meant(name),
        })
}
