//! The output for machines: one JSON document.
//!
//! Its structures are its own, so that the inside can change while [`SCHEMA_VERSION`] stands.
//! Nothing in it depends on the time or the machine, beyond the paths given.
//!
//! There may be tens of thousands of columns and of findings, and their JSON takes many times the
//! memory of what it is made from. So [`write`] makes it [`LazySerialize`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::check::{EncodingReport, FieldReport, Ignored, Report, SubjectKind, SubjectReport};
use crate::finding::{DecodeFailure, FailureKind, Finding, Place, Severity};
use crate::model::describe::Parameter;
use crate::model::encoding::{Encoding, Node};
use crate::model::readers::Readers;
use crate::storage::StopReason;

/// Raised when a field is removed or changes its meaning; new fields do not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// A run of lance-lint.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "lance-lint report")]
pub struct Document<F = FindingJson, I = IgnoredJson, S = Subject> {
    /// The version of this document's shape.
    pub schema_version: u32,
    /// What made it.
    pub tool: Tool,
    /// Counts and costs of the run.
    pub summary: Summary,
    /// Everything found, the most severe first within each subject.
    pub findings: Vec<F>,
    /// Findings that someone said are to be ignored.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ignored: Vec<I>,
    /// What was checked, in the order given.
    pub subjects: Vec<S>,
    /// What is to be said of the run as a whole.
    pub notes: Vec<String>,
    /// What `lance-lint merge` needs to join this with the reports of other fragments; only with
    /// `--fragment` or `--fragments`. One for each subject; what is in them is for the same version
    /// of lance-lint alone.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(with = "Vec<BTreeMap<String, serde_json::Value>>")]
    pub parts: Vec<Box<RawValue>>,
}

/// The program.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The newest Lance release whose formats it knows.
    pub knows_lance: &'static str,
}

/// Counts and costs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Summary {
    /// Findings of severity error.
    pub errors: usize,
    /// Findings of severity warning.
    pub warnings: usize,
    /// Findings of severity info.
    pub infos: usize,
    /// Findings that someone said are to be ignored; in no other count.
    pub ignored: usize,
    /// Findings by rule.
    pub by_rule: BTreeMap<&'static str, usize>,
    /// Bytes of everything that was looked at.
    pub bytes: u64,
    /// Bytes read of it.
    pub bytes_read: u64,
    /// Reads made; in object stores, listings and questions for an object too.
    pub requests: u64,
    /// Why the run ended before all was looked at; left out when it did not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped: Option<StoppedJson>,
    /// What Lance's own decoder read; only with `--decode`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decoded: Option<DecodedSummary>,
}

/// Why a run ended before its time.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StoppedJson {
    /// Someone pressed Ctrl-C.
    Interrupted,
    /// `--max-requests` is used up.
    MaxRequests,
    /// `--max-bytes` is used up.
    MaxBytes,
    /// The time of `--timeout` has passed.
    Timeout,
    /// A store does not answer as it must.
    Failed,
}

/// What Lance's own decoder read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DecodedSummary {
    /// Data files.
    pub files: u64,
    /// Columns of those files.
    pub columns: u64,
    /// Pages of those columns.
    pub pages: u64,
    /// Pages, and files as a whole, that did not decode.
    pub failures: u64,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeverityJson {
    /// A reader fails or returns wrong data.
    Error,
    /// Reads today, and is likely to hurt.
    Warning,
    /// Worth knowing.
    Info,
}

/// One fault, wherever it occurs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingJson {
    /// The rule.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: SeverityJson,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The first place; what does not apply is null.
    pub location: Location,
    /// Further places, the first few.
    pub more_locations: Vec<Location>,
    /// All places.
    pub count: u64,
    /// Fragments among them.
    pub fragments: u64,
    /// What should be there.
    pub expected: Option<String>,
    /// What is there.
    pub found: Option<String>,
    /// The encoding, with the path of child indices to the node that is wrong.
    pub encoding: Option<MarkedEncoding>,
    /// What a user of the first reader call sees.
    pub reader_message: Option<String>,
    /// What each reader call does.
    pub readers: Vec<Reader>,
    /// What Lance's own decoder did with the very thing, the first few times that it failed over
    /// it; only with `--decode`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub decoded: Vec<DecodedJson>,
    /// How often the decoder failed over it; left out with `decoded`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decoded_count: Option<u64>,
    /// Why it came about, when the evidence tells.
    pub cause: Option<String>,
    /// In which versions it is; only with `--all-versions`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<SinceJson>,
    /// Ways to fix it; lines after the first are code.
    pub help: Vec<String>,
}

/// A finding that someone said is to be ignored.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IgnoredJson {
    /// Who said so: a line of a configuration, a key of the column's metadata, a baseline.
    pub by: String,
    /// Why, when they said.
    pub reason: Option<String>,
    /// The finding.
    pub finding: FindingJson,
}

/// In which versions a fault is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SinceJson {
    /// The first version that still has a manifest.
    pub version: u64,
    /// Its branch, when it is not main.
    pub branch: Option<String>,
    /// Who wrote it.
    pub writer: Option<String>,
    /// What the commit did, when that is on record.
    pub operation: Option<&'static str>,
    /// How many versions have it.
    pub versions: u64,
    /// Whether the latest version, or that of a branch, has it.
    pub in_latest: bool,
}

/// Where a finding is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Location {
    /// The path of the dataset or standalone file.
    pub subject: String,
    /// The path of the dataset; null for a standalone file.
    pub dataset: Option<String>,
    /// The version of the dataset.
    pub version: Option<u64>,
    /// The fragment's id.
    pub fragment: Option<u64>,
    /// The file, below the dataset's root or as a full path.
    pub file: Option<String>,
    /// The path of the field.
    pub column: Option<String>,
    /// The physical column.
    pub column_index: Option<u32>,
    /// The page, from 0.
    pub page: Option<u64>,
    /// Bytes of the file.
    pub byte_range: Option<ByteRange>,
    /// What is particular to this place.
    pub detail: Option<String>,
}

/// Bytes of a file, the end excluded.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ByteRange {
    /// The first.
    pub start: u64,
    /// The one after the last.
    pub end: u64,
}

/// An encoding in a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MarkedEncoding {
    /// The encoding.
    #[serde(flatten)]
    pub encoding: EncodingJson,
    /// Child indices from the root to the node that is wrong.
    pub marked_node: Vec<usize>,
    /// What should be there.
    pub note: String,
}

/// What a reader does.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reader {
    /// The call.
    pub call: String,
    /// What it does, with the message a user sees.
    pub effect: String,
}

/// A failure of Lance's own decoder.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DecodedJson {
    /// How it failed.
    pub outcome: OutcomeJson,
    /// What it said.
    pub message: String,
    /// The fragment's id.
    pub fragment: Option<u64>,
    /// The file, below the dataset's root or as a full path.
    pub file: String,
    /// The path of the field; null for all that are in the file.
    pub column: Option<String>,
    /// The page, from 0.
    pub page: Option<u64>,
    /// The rows of the file that were read; null when it failed before any.
    pub rows: Option<RowRange>,
}

/// How a decoder failed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeJson {
    /// It said what is wrong.
    Error,
    /// It panicked.
    Panic,
    /// Its process was killed or ended itself.
    Abort,
    /// It did not end in time.
    Timeout,
    /// It asked for more memory than `--decode-memory` gives.
    Memory,
}

/// Rows of a file, the end excluded.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RowRange {
    /// The first.
    pub start: u64,
    /// The one after the last.
    pub end: u64,
}

/// A dataset or file that was checked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Subject")]
pub struct Subject<C = Column> {
    /// Its path as given.
    pub path: String,
    /// What it is.
    pub kind: SubjectKindJson,
    /// What the manifest says of the snapshot; null without one.
    pub dataset: Option<DatasetJson>,
    /// Fragments that were looked at.
    pub fragments: u64,
    /// Data files that were looked at.
    pub data_files: u64,
    /// Rows, deleted ones included.
    pub physical_rows: u64,
    /// Deleted rows.
    pub deleted_rows: u64,
    /// Bytes of everything looked at.
    pub bytes: u64,
    /// Bytes of data files that are neither metadata nor in the pages of a column: values of blobs,
    /// columns that were dropped, padding. 0 where not all columns were looked at.
    pub bytes_outside_columns: u64,
    /// What share of the fragments was looked at; only with `--sample`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sample: Option<SampleJson>,
    /// File versions and how many data files are of each.
    pub file_versions: BTreeMap<String, u64>,
    /// What was left out or done otherwise than asked.
    pub notes: Vec<String>,
    /// The fields of the schema, depth first.
    pub columns: Vec<C>,
}

/// A spread choice of the fragments.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SampleJson {
    /// Fragments that were looked at.
    pub chosen: u64,
    /// Fragments that they were chosen from.
    pub of: u64,
    /// The seed of the choice.
    pub seed: u64,
}

/// What a subject is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKindJson {
    /// A snapshot of a dataset.
    Dataset,
    /// A dataset without a readable manifest.
    UnreadableDataset,
    /// A data file by itself.
    File,
}

/// What the manifest says of a snapshot.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DatasetJson {
    /// The version.
    pub version: u64,
    /// The branch, when it is not main.
    pub branch: Option<String>,
    /// The manifest's path below the dataset's root.
    pub manifest: String,
    /// How the manifest is named: V1, V2, detached or `_latest.manifest`.
    pub manifest_naming: &'static str,
    /// Fragments of the whole snapshot.
    pub total_fragments: u64,
    /// Who wrote the manifest.
    pub writer: Option<String>,
    /// The storage version for new files.
    pub storage_version: Option<String>,
    /// Feature flags that readers must know.
    pub reader_flags: Vec<String>,
    /// Feature flags that writers must know.
    pub writer_flags: Vec<String>,
    /// Base paths by id.
    pub base_paths: Vec<BasePathJson>,
    /// Fragments whose values overlay files replace in part.
    pub overlaid_fragments: u64,
    /// Which Lance releases can read it.
    pub readers: ReadersJson,
}

/// Which Lance releases can read a dataset.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReadersJson {
    /// The oldest that opens it; null when none does.
    pub opens_since: Option<String>,
    /// The oldest that reads all of it; null when none does.
    pub reads_since: Option<String>,
    /// The newest that reads all of it, where later ones do not; null where they do.
    pub reads_until: Option<String>,
    /// What limits it, the most limiting first.
    pub reasons: Vec<ReasonJson>,
}

/// One thing that limits who can read a dataset.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReasonJson {
    /// What it is.
    pub what: String,
    /// The first release that opens a dataset with it; null when none does.
    pub opens_since: Option<String>,
    /// The first that reads all of it; null when none does.
    pub reads_since: Option<String>,
    /// What releases before that do.
    pub others: String,
}

/// A base path of a manifest.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BasePathJson {
    /// Its id.
    pub id: u32,
    /// The path or URL.
    pub path: String,
}

/// A field and how it is stored.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Column {
    /// Its path.
    pub path: String,
    /// Its own name.
    pub name: String,
    /// Its id.
    pub id: i32,
    /// 0 for top-level fields.
    pub depth: u32,
    /// Its type as spelt in the schema.
    pub logical_type: String,
    /// Whether nulls are allowed.
    pub nullable: bool,
    /// Encoding keys of its metadata.
    pub requested: BTreeMap<String, String>,
    /// Pages in all.
    pub pages: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Fragments in no file of which it is.
    pub absent_fragments: u64,
    /// Fragments in which it is in a file that cannot be read.
    pub unreadable_fragments: u64,
    /// The ways in which it is stored, the most pages first.
    pub encodings: Vec<Stored>,
    /// Rules that found something.
    pub rules: Vec<&'static str>,
}

/// One way in which a field is stored.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Stored {
    /// The version of the files.
    pub file_version: String,
    /// Fragments that have such pages.
    pub fragments: u64,
    /// Pages.
    pub pages: u64,
    /// Rows, or items below a 2.0 list.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// The notation, that of a blob column encoding included.
    pub notation: String,
    /// The encoding of the first page; null when it cannot be read.
    pub encoding: Option<EncodingJson>,
}

/// An encoding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EncodingJson {
    /// The type URL of its message; empty for 0.1.
    pub type_url: &'static str,
    /// The tree in one line.
    pub notation: String,
    /// The tree.
    pub tree: NodeJson,
}

/// A node of an encoding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NodeJson {
    /// What it is.
    pub kind: &'static str,
    /// Its parameters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub parameters: BTreeMap<&'static str, Value>,
    /// What it is built of.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub children: Vec<ChildJson>,
}

/// A node below another.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChildJson {
    /// The name of the wire field that holds it.
    pub role: Cow<'static, str>,
    /// The node.
    pub node: NodeJson,
}

/// A parameter.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// A number without a sign, up to 2^64 - 1.
    Number(u64),
    /// A number with a sign.
    Signed(i64),
    /// A yes or no.
    Flag(bool),
    /// A word.
    Text(String),
    /// Several words.
    List(Vec<String>),
}

/// What is made when it is written, and not kept.
pub(super) struct LazySerialize<M>(pub M);

impl<M: Fn() -> T, T: Serialize> Serialize for LazySerialize<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0)().serialize(serializer)
    }
}

/// Makes the document of a report.
pub fn document(report: &Report) -> Document {
    document_of(report, finding_json, ignored_json, |subject| {
        subject_of(subject, column_json)
    })
}

/// Writes the document of a report.
///
/// # Errors
/// Whatever the writer says.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let document = document_of(
        report,
        |subject, finding| LazySerialize(move || finding_json(subject, finding)),
        |subject, ignored| LazySerialize(move || ignored_json(subject, ignored)),
        subject_json,
    );
    pretty(out, &document)
}

/// Writes a document, indented, and a line end.
///
/// # Errors
/// Whatever the writer says.
pub fn pretty(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    // A document is written in many small parts.
    let mut buffered = BufWriter::with_capacity(1 << 16, out);
    serde_json::to_writer_pretty(&mut buffered, document)?;
    writeln!(buffered)?;
    buffered.flush()
}

fn document_of<'a, F, I, S>(
    report: &'a Report,
    finding: impl Fn(&'a SubjectReport, &'a Finding) -> F,
    ignored: impl Fn(&'a SubjectReport, &'a Ignored) -> I,
    subject: impl Fn(&'a SubjectReport) -> S,
) -> Document<F, I, S> {
    let (finding, ignored) = (&finding, &ignored);
    let subjects = || report.subjects.iter();
    Document {
        schema_version: SCHEMA_VERSION,
        tool: tool(),
        summary: summary(report),
        findings: subjects()
            .flat_map(|subject| subject.findings.iter().map(move |f| finding(subject, f)))
            .collect(),
        ignored: subjects()
            .flat_map(|subject| subject.ignored.iter().map(move |i| ignored(subject, i)))
            .collect(),
        subjects: subjects().map(subject).collect(),
        notes: report.notes.clone(),
        parts: report.subjects.iter().filter_map(part_json).collect(),
    }
}

/// A part on one line, however the rest is laid out.
fn part_json(subject: &SubjectReport) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(subject.part.as_ref()?).ok()
}

/// Counts and costs of a run.
pub fn summary(report: &Report) -> Summary {
    Summary {
        errors: report.count(Severity::Error),
        warnings: report.count(Severity::Warning),
        infos: report.count(Severity::Info),
        ignored: report.ignored(),
        by_rule: report.by_rule(),
        bytes: report.bytes(),
        bytes_read: report.bytes_read,
        requests: report.requests,
        stopped: report.halt.as_ref().map(|halt| match halt {
            StopReason::Interrupted => StoppedJson::Interrupted,
            StopReason::MostRequests(_) => StoppedJson::MaxRequests,
            StopReason::MostBytes(_) => StoppedJson::MaxBytes,
            StopReason::Timeout(_) => StoppedJson::Timeout,
            StopReason::Failed(_) => StoppedJson::Failed,
        }),
        decoded: report.decoded.map(|decoded| DecodedSummary {
            files: decoded.files,
            columns: decoded.columns,
            pages: decoded.pages,
            failures: decoded.failures,
        }),
    }
}

/// An ignored finding as documents write it.
pub fn ignored_json(subject: &SubjectReport, ignored: &Ignored) -> IgnoredJson {
    IgnoredJson {
        by: ignored.by.clone(),
        reason: ignored.reason.clone(),
        finding: finding_json(subject, &ignored.finding),
    }
}

/// The program as documents name it.
pub fn tool() -> Tool {
    Tool {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        knows_lance: crate::KNOWS_LANCE,
    }
}

/// The JSON Schema of [`Document`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Document)
}

fn readers(readers: &Readers) -> ReadersJson {
    let reasons = readers.reasons.iter().map(|reason| ReasonJson {
        what: reason.what.clone(),
        opens_since: reason.opens.map(|release| release.to_string()),
        reads_since: reason.reads.map(|release| release.to_string()),
        others: reason.says.clone(),
    });
    ReadersJson {
        opens_since: readers.opens.map(|release| release.to_string()),
        reads_since: readers.reads.map(|release| release.to_string()),
        reads_until: readers.until.map(|release| release.to_string()),
        reasons: reasons.collect(),
    }
}

/// A severity as documents write it.
pub fn severity(severity: Severity) -> SeverityJson {
    match severity {
        Severity::Error => SeverityJson::Error,
        Severity::Warning => SeverityJson::Warning,
        Severity::Info => SeverityJson::Info,
    }
}

/// A finding as documents write it.
pub fn finding_json(subject: &SubjectReport, finding: &Finding) -> FindingJson {
    let mut places = finding
        .places
        .iter()
        .map(|place| location(subject, finding, Some(place)));
    let first = places
        .next()
        .unwrap_or_else(|| location(subject, finding, None));
    FindingJson {
        rule: finding.rule.id,
        severity: severity(finding.severity),
        message: finding.message.clone(),
        location: first,
        more_locations: places.collect(),
        count: finding.count,
        fragments: finding.fragments,
        expected: finding.expected.clone(),
        found: finding.found.clone(),
        encoding: finding.tree.as_ref().map(|marked| MarkedEncoding {
            encoding: encoding_json(&marked.encoding),
            marked_node: marked.node.clone(),
            note: marked.note.clone(),
        }),
        reader_message: finding.readers.first().map(|reader| reader.effect.clone()),
        readers: finding
            .readers
            .iter()
            .map(|reader| Reader {
                call: reader.call.clone(),
                effect: reader.effect.clone(),
            })
            .collect(),
        decoded: finding.decode_failures.iter().map(decoded_json).collect(),
        decoded_count: Some(finding.decode_failure_count).filter(|count| *count > 0),
        cause: finding.cause.clone(),
        since: finding.since.as_ref().map(|since| SinceJson {
            version: since.first.version,
            branch: since.first.branch.clone(),
            writer: since.first.writer.clone(),
            operation: since.first.operation,
            versions: since.versions,
            in_latest: since.in_latest,
        }),
        help: finding.help.iter().map(|help| help.text.clone()).collect(),
    }
}

fn decoded_json(decode_failures: &DecodeFailure) -> DecodedJson {
    DecodedJson {
        outcome: match decode_failures.failing {
            FailureKind::Error => OutcomeJson::Error,
            FailureKind::Panic => OutcomeJson::Panic,
            FailureKind::Abort => OutcomeJson::Abort,
            FailureKind::Timeout => OutcomeJson::Timeout,
            FailureKind::Memory => OutcomeJson::Memory,
        },
        message: decode_failures.message.clone(),
        fragment: decode_failures.fragment,
        file: decode_failures.file.clone(),
        column: decode_failures.column.clone(),
        page: decode_failures.page,
        rows: decode_failures.rows.as_ref().map(|rows| RowRange {
            start: rows.start,
            end: rows.end,
        }),
    }
}

/// Where a finding is, at one of its places.
pub fn location(subject: &SubjectReport, finding: &Finding, place: Option<&Place>) -> Location {
    let version = match &subject.kind {
        SubjectKind::Dataset(facts) => Some(facts.version),
        _ => None,
    };
    let is_file = matches!(subject.kind, SubjectKind::File);
    Location {
        subject: subject.path.clone(),
        dataset: (!is_file).then(|| subject.path.clone()),
        version,
        fragment: place.and_then(|place| place.fragment),
        file: place.and_then(|place| place.file.clone()),
        column: finding.column.clone(),
        column_index: place.and_then(|place| place.column),
        page: place.and_then(|place| place.page),
        byte_range: place.and_then(|place| place.bytes.as_ref()).map(byte_range),
        detail: place.and_then(|place| place.detail.clone()),
    }
}

/// A range as documents write it.
pub fn byte_range(range: &std::ops::Range<u64>) -> ByteRange {
    ByteRange {
        start: range.start,
        end: range.end,
    }
}

/// A subject as documents write it.
pub fn subject_json(subject: &SubjectReport) -> Subject<impl Serialize> {
    subject_of(subject, |field| LazySerialize(move || column_json(field)))
}

fn subject_of<'a, C>(
    subject: &'a SubjectReport,
    column: impl Fn(&'a FieldReport) -> C,
) -> Subject<C> {
    Subject {
        path: subject.path.clone(),
        kind: match &subject.kind {
            SubjectKind::Dataset(_) => SubjectKindJson::Dataset,
            SubjectKind::UnreadableDataset => SubjectKindJson::UnreadableDataset,
            SubjectKind::File => SubjectKindJson::File,
        },
        dataset: match &subject.kind {
            SubjectKind::Dataset(facts) => Some(DatasetJson {
                version: facts.version,
                branch: facts.branch.clone(),
                manifest: facts.manifest.clone(),
                manifest_naming: facts.naming.name(),
                total_fragments: facts.total_fragments,
                writer: facts.writer.clone(),
                storage_version: facts.storage_version.clone(),
                reader_flags: facts.reader_flags.clone(),
                writer_flags: facts.writer_flags.clone(),
                base_paths: facts
                    .base_paths
                    .iter()
                    .map(|(id, path)| BasePathJson {
                        id: *id,
                        path: path.clone(),
                    })
                    .collect(),
                overlaid_fragments: facts.overlaid_fragments,
                readers: readers(&facts.readers),
            }),
            _ => None,
        },
        fragments: subject.fragments,
        data_files: subject.data_files,
        physical_rows: subject.physical_rows,
        deleted_rows: subject.deleted_rows,
        bytes: subject.bytes,
        bytes_outside_columns: subject.outside.all(),
        sample: subject.sampled.map(|sampled| SampleJson {
            chosen: sampled.chosen,
            of: sampled.of,
            seed: sampled.seed,
        }),
        file_versions: subject.file_versions.iter().cloned().collect(),
        notes: subject.notes.clone(),
        columns: subject.fields.iter().map(column).collect(),
    }
}

fn column_json(field: &FieldReport) -> Column {
    let sum = |part: fn(&EncodingReport) -> u64| {
        field
            .encodings
            .iter()
            .map(part)
            .fold(0, u64::saturating_add)
    };
    Column {
        path: field.path.clone(),
        name: field.name.clone(),
        id: field.id,
        depth: field.depth,
        logical_type: field.type_text.clone(),
        nullable: field.nullable,
        requested: field.requested.iter().cloned().collect(),
        pages: sum(|encoding| encoding.pages),
        bytes: sum(|encoding| encoding.bytes),
        absent_fragments: field.absent_fragments,
        unreadable_fragments: field.unreadable_fragments,
        encodings: field
            .encodings
            .iter()
            .map(|stored| Stored {
                file_version: stored.version.to_string(),
                fragments: stored.fragments,
                pages: stored.pages,
                rows: stored.rows,
                bytes: stored.bytes,
                notation: stored.notation.clone(),
                encoding: stored.encoding.as_deref().map(encoding_json),
            })
            .collect(),
        rules: field.verdicts.iter().map(|(_, id)| *id).collect(),
    }
}

/// An encoding as documents write it.
pub fn encoding_json(encoding: &Encoding) -> EncodingJson {
    EncodingJson {
        type_url: encoding.vocabulary.type_url(),
        notation: encoding.notation.to_string(),
        tree: node_json(&encoding.root),
    }
}

fn node_json(node: &Node) -> NodeJson {
    let value = |parameter| match parameter {
        Parameter::Number(number) => Value::Number(number),
        Parameter::Signed(number) => Value::Signed(number),
        Parameter::Flag(flag) => Value::Flag(flag),
        Parameter::Text(text) => Value::Text(text),
        Parameter::List(words) => Value::List(words),
    };
    NodeJson {
        kind: node.kind.name(),
        parameters: node
            .kind
            .parameters()
            .into_iter()
            .map(|(name, parameter)| (name, value(parameter)))
            .collect(),
        children: node
            .children
            .iter()
            .map(|child| ChildJson {
                role: child.role.clone(),
                node: node_json(&child.node),
            })
            .collect(),
    }
}
