//! The rule on known bugs of past releases, and the table of them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::fixes::py;
use super::{ColumnView, DatasetView, Explanation, Rule, manifest_place};
use crate::finding::{Finding, Findings, Remedy, RuleInfo, Severity};
use crate::model::encoding::{Kind, Node, Nulls};
use crate::model::logical_type::LogicalType;
use crate::model::readers::{NEWEST, Release};
use crate::model::schema::{BlobDeclaration, Field, FieldTree};
use crate::model::snapshot::{Snapshot, stated_version};
use crate::model::version::FileVersion;
use crate::printable::printable;

rule! {
    /// A known bug of Lance concerns this dataset. Either a release with the bug wrote this
    /// version, in a file version, with a schema and by an operation that the bug is about;
    /// whether the data was damaged is then not in the metadata. Or the data is sound, and
    /// releases with the bug, today's among them, read it wrong.
    ///
    /// ## What readers do
    /// That depends on the bug, and the finding tells it. Some bugs lose values **silently**, such
    /// as the compaction of 2.0 blob columns in Lance 1.0 to 9 (lance-format/lance#7955). Some
    /// make reads or compaction fail. What a writer damaged stays so after an upgrade.
    ///
    /// ## How it comes about
    /// The release that committed the version is in the manifest. lance-lint looks it up in the
    /// table of bugs: a library with its first and last release, file versions, operations, and
    /// what the schema or the pages must have. Bugs of readers are found by the schema and the
    /// pages alone. Each bug is a file in `advisories/`, with its threads and with the releases
    /// under which it was seen.
    ///
    /// ## How to fix it
    /// For a bug of readers, read the data as the finding says; nothing has to be written again.
    ///
    /// For a bug of writers, find out first whether the data was damaged. The finding gives the
    /// way, in code where there is one. Then do what it says, which is often to take the values
    /// from a version before the operation:
    ///
    /// ```python
    /// before = lance.dataset(uri, version=N)
    /// ```
    ///
    /// Upgrade the writer: the finding names the release that has the bug no more.
    ///
    /// Each bug has its own severity: an info where metadata cannot tell whether data was damaged,
    /// a warning where it shows what the bug always happens with, and an error where today's Lance
    /// fails on any query with a filter or writes other values in an update.
    ///
    /// ## When it is silent
    /// Without `--all-versions` only the latest version is looked at. With it, every version that
    /// still has a manifest is.
    ///
    /// A bug whose damage shows in the metadata is named in the `cause:` of the finding that shows
    /// it, and by none where nothing does.
    static INFO = Warning "known-bug", "a known bug of Lance concerns what is stored";
}

/// See [`INFO`].
pub struct KnownBug;

/// Who has a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtFault {
    /// Releases that write.
    Writer,
    /// Releases that read: what was written is sound.
    Reader,
}

/// A known bug.
struct Advisory {
    id: &'static str,
    title: &'static str,
    threads: &'static [&'static str],
    /// The writer's library, as manifests have it.
    library: &'static str,
    at_fault: AtFault,
    /// The first release that has it.
    from: Release,
    /// The first that has it no more; `None` when 14.0.2 still has.
    before: Option<Release>,
    /// File versions that it is about; all when empty.
    file_versions: &'static [&'static str],
    /// Operations that do it; all when empty.
    operations: &'static [&'static str],
    /// What the schema must have, all of it.
    schema: &'static [&'static str],
    /// What the pages of a column must be; anything when empty.
    pages: &'static str,
    severity: Severity,
    /// Rules that see its damage, where that shows in metadata.
    proof: &'static [&'static str],
    effect: &'static str,
    confirm: &'static str,
    remedy: &'static str,
    fixed_in: &'static str,
}

/// The bugs of `advisories/`.
static ADVISORIES: &[Advisory] = include!(concat!(env!("OUT_DIR"), "/advisories.rs"));

impl Rule for KnownBug {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let exposed = ADVISORIES
            .iter()
            .filter(|bug| bug.proof.is_empty() && bug.pages.is_empty() && bug.is_of(snapshot));
        for advisory in exposed {
            let done =
                || (view.operation)().is_some_and(|done| advisory.operations.contains(&done));
            if advisory.operations.is_empty() || done() {
                findings.add(advisory.finding(snapshot).at(manifest_place(snapshot)));
            }
        }
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        // Bugs about one kind of pages stand one behind another, the gravest first.
        let mut by_pages = ADVISORIES.iter().filter(|bug| !bug.pages.is_empty());
        let found = by_pages.find(|bug| {
            bug.file_versions.contains(&spelt(view.version))
                && match bug.at_fault {
                    AtFault::Reader => bug.has(NEWEST),
                    AtFault::Writer => view.file.snapshot.is_some_and(|of| bug.is_by(of)),
                }
                && pages_are(view, bug.pages)
        });
        let Some(bug) = found else { return };
        match (bug.at_fault, view.file.snapshot) {
            // One finding for all columns: it is their writer that has the bug.
            (AtFault::Writer, Some(snapshot)) => {
                findings.add(bug.finding(snapshot).at(view.place()));
            }
            _ => findings.add(bug.of_reader(view)),
        }
    }
}

/// Names the bug, where what was found is the damage of a known one.
pub fn annotate(findings: &mut [Finding], snapshot: &Snapshot) {
    for finding in findings
        .iter_mut()
        .filter(|finding| finding.severity > Severity::Info)
    {
        let mut known = ADVISORIES.iter();
        let bug = known.find(|bug| bug.proof.contains(&finding.rule.id) && bug.is_of(snapshot));
        let Some(bug) = bug else { continue };
        let named = format!(
            "{} ({}): {}; {}",
            "a known bug of the writer",
            bug.id,
            bug.title,
            bug.fix()
        );
        finding.cause = Some(match finding.cause.take() {
            Some(cause) => format!("{cause}; {named}"),
            None => named,
        });
        if !bug.remedy.is_empty() {
            finding.help.push(bug.advice(bug.remedy).into());
        }
    }
}

/// The ids of the known bugs.
pub fn ids() -> impl Iterator<Item = &'static str> {
    ADVISORIES.iter().map(|bug| bug.id)
}

/// What there is to say of a known bug, in the sections of a rule.
pub fn explanation(id: &str) -> Option<Explanation> {
    let mut all = ADVISORIES.iter();
    let bug = all.find(|bug| bug.id.eq_ignore_ascii_case(id))?;
    let until = match bug.before {
        None => format!(" to {NEWEST} at least"),
        Some(before) => format!(" to before {before}"),
    };
    let who = match (bug.at_fault, bug.library) {
        (AtFault::Reader, _) => "Sound data that is read wrong by lance",
        (AtFault::Writer, "") => "Written by releases that left no name in their manifests,",
        (AtFault::Writer, _) => "Written by lance",
    };
    let mut about = vec![format!("{who} {}{until}.", bug.from)];
    if !bug.file_versions.is_empty() {
        about.push(format!("File versions {}.", bug.file_versions.join(", ")));
    }
    if !bug.operations.is_empty() {
        about.push(format!("Operations {}.", bug.operations.join(", ")));
    }
    if !bug.proof.is_empty() {
        about.push(format!("Its damage shows as {}.", bug.proof.join(", ")));
    }
    let fix = bug.fix();
    let (first, rest) = fix.split_at(fix.chars().next().map_or(0, char::len_utf8));
    about.push(format!("{}{rest}.", first.to_uppercase()));
    let text = format!(
        "{}.\n\n## What readers do\n{}\n\n## How it comes about\n{}\n\n## How to find out\n{}\n\n\
         ## How to fix it\n{}\n",
        bug.title,
        bug.effect,
        about.join(" "),
        fenced(bug.confirm),
        fenced(bug.remedy)
    );
    Some(Explanation {
        id: bug.id,
        severity: bug.severity,
        summary: bug.title,
        text: Cow::Owned(text),
    })
}

/// A text whose lines after the first are Python, as Markdown.
fn fenced(text: &str) -> String {
    match text.split_once('\n') {
        Some((first, code)) => format!("{first}\n\n```python\n{code}\n```"),
        None => text.to_string(),
    }
}

impl Advisory {
    /// Whether its writer wrote a version.
    fn is_by(&self, snapshot: &Snapshot) -> bool {
        match &snapshot.message().writer_version {
            Some(writer) => {
                let release = writer.version.parse::<Release>();
                self.library == writer.library && release.is_ok_and(|release| self.has(release))
            }
            // The first releases left no name.
            None => self.library.is_empty(),
        }
    }

    /// Whether its writer wrote a version, in a file version and with a schema that it is about.
    fn is_of(&self, snapshot: &Snapshot) -> bool {
        self.at_fault == AtFault::Writer
            && self.is_by(snapshot)
            && self.schema.iter().all(|shape| has(snapshot, shape))
            && (self.file_versions.is_empty() || {
                let versions = file_versions(snapshot);
                let mut known = self.file_versions.iter();
                known.any(|known| versions.contains(*known))
            })
    }

    /// What to do, without the code: that has names in it which are not those of the dataset.
    fn advice(&self, text: &str) -> String {
        match text.split_once('\n') {
            Some((first, _)) => {
                format!("{first} (`lance-lint explain {}` shows the calls)", self.id)
            }
            None => text.to_string(),
        }
    }

    /// Which release fixed it, and where it is talked of.
    fn fix(&self) -> String {
        let fix = match (self.before, self.fixed_in) {
            (None, _) => "Lance 14.0.2 still has it".to_string(),
            (Some(before), "") => format!("{before} has it no more"),
            (_, fixed) => format!("fixed in {fixed}"),
        };
        match self.threads {
            [] => fix,
            threads => format!("{fix}; see {}", threads.join(" ")),
        }
    }

    fn has(&self, release: Release) -> bool {
        self.from <= release && self.before.is_none_or(|before| release < before)
    }

    /// What there is to say of a version that its writer wrote; the place is the caller's.
    fn finding(&self, snapshot: &Snapshot) -> Finding {
        let writer = snapshot.writer().unwrap_or_default();
        let until = match self.before {
            None => String::new(),
            Some(before) => format!(" to before {before}"),
        };
        INFO.finding(format!("{}: {}", self.id, self.title))
            .severity(self.severity)
            .instead(
                format!("another release than {} {}{until}", self.library, self.from),
                format!("a commit by {writer}"),
            )
            .reader("reading it:", self.effect)
            .cause(self.fix())
            .help(format!("to find out: {}", self.advice(self.confirm)))
            .help(self.advice(self.remedy))
    }

    /// What there is to say of a sound column that its readers read wrong.
    fn of_reader(&self, view: &ColumnView<'_>) -> Finding {
        let field = view.field;
        let children = field.children.iter();
        let mut last = children.filter_map(|child| view.schema.fields.get(*child));
        let child = last.next_back().map_or("", |child| child.name.as_str());
        let named = |text: &str| text.replace("COLUMN", &field.path).replace("CHILD", child);
        INFO.finding(format!(
            "{}: column `{}`: {}",
            self.id, field.path, self.title
        ))
        .severity(self.severity)
        .column(&field.path)
        .at(view.place())
        .reader("reading it:", named(self.effect))
        .cause(format!(
            "a bug of readers: lance {} and later read it so, the data is sound; {}",
            self.from,
            self.fix()
        ))
        .help(match self.remedy.split_once('\n') {
            None => Remedy::from(named(self.remedy)),
            Some((prose, code)) => {
                let code = code
                    .replace("\"COLUMN\"", &py(&field.path))
                    .replace("\"CHILD\"", &py(child));
                Remedy::with_code(format!("{}\n{code}", printable(&named(prose))))
            }
        })
    }
}

fn file_versions(snapshot: &Snapshot) -> BTreeSet<String> {
    let fragments = snapshot.message().fragments.iter();
    let files = fragments.flat_map(|fragment| &fragment.files);
    let versions: BTreeSet<_> = files.filter_map(stated_version).collect();
    versions.iter().map(ToString::to_string).collect()
}

/// Whether a snapshot has something that advisories name.
fn has(snapshot: &Snapshot, shape: &str) -> bool {
    let mut fields = snapshot.schema.fields.iter();
    match shape {
        "no-fragments" => snapshot.message().fragments.is_empty(),
        "struct" => fields.any(|field| field.logical_type == LogicalType::Struct),
        "blob-v1" => fields.any(|field| field.blob() == Some(BlobDeclaration::V1)),
        "blob-v2" => fields.any(|field| field.blob() == Some(BlobDeclaration::V2)),
        "nested-blob-v1" => fields.any(|f| f.blob() == Some(BlobDeclaration::V1) && f.depth > 0),
        "nested-blob-v2" => fields.any(|f| f.blob() == Some(BlobDeclaration::V2) && f.depth > 0),
        "json" => fields.any(is_json),
        "nested-json" => fields.any(|field| is_json(field) && field.depth > 0),
        "variable-width" => {
            fields.any(|field| matches!(field.logical_type, LogicalType::Variable { .. }))
        }
        "nullable-struct" => fields.any(|field| {
            field.logical_type == LogicalType::Struct && field.nullable && field.blob().is_none()
        }),
        "fixed-width" => {
            fields.any(|field| matches!(field.logical_type, LogicalType::Fixed { .. }))
        }
        // A shape that no one knows is no one's; the tests hold the files against this list.
        _ => false,
    }
}

/// Whether the pages of a column are what advisories name.
fn pages_are(view: &ColumnView<'_>, shape: &str) -> bool {
    let holds = |test: fn(&Node) -> bool| {
        let mut pages = view.column.pages.iter();
        pages.any(|page| {
            page.encoding
                .as_ref()
                .is_ok_and(|held| any(&held.root, test))
        })
    };
    let is_packed = || {
        view.field.logical_type == LogicalType::Struct
            && view.field.blob().is_none()
            && view.field.children.len() > 1
            && holds(|node| {
                matches!(
                    node.kind,
                    Kind::PackedStruct { .. } | Kind::VariablePackedStruct { .. }
                )
            })
    };
    match shape {
        "packed-of-mixed-widths" => {
            is_packed() && above_are_structs(view) && are_widths_mixed(view.schema, view.field)
        }
        // The children of a nested one are read right by themselves.
        "packed" => is_packed() && view.field.depth == 0,
        "nulls" => {
            let is_bool = view.field.logical_type == (LogicalType::Fixed { bits: 1 });
            !is_bool
                && above_are_structs(view)
                && holds(|node| node.kind == Kind::Nullable(Nulls::Some))
        }
        _ => false,
    }
}

/// A file version as advisories spell it.
fn spelt(version: FileVersion) -> &'static str {
    match version {
        FileVersion::V0_1 => "0.1",
        FileVersion::V2_0 => "2.0",
        FileVersion::V2_1 => "2.1",
        FileVersion::V2_2 => "2.2",
        FileVersion::V2_3 => "2.3",
    }
}

fn any(node: &Node, test: fn(&Node) -> bool) -> bool {
    test(node) || node.children.iter().any(|child| any(&child.node, test))
}

/// Whether a column is in no list or map.
fn above_are_structs(view: &ColumnView<'_>) -> bool {
    let mut above = Some(view.field);
    while let Some(field) = above.and_then(|field| view.schema.fields.get(field.parent?)) {
        if field.logical_type != LogicalType::Struct {
            return false;
        }
        above = Some(field);
    }
    true
}

/// Whether a query with a filter reads some children of a struct first and others later
/// (lance `dataset/scanner.rs`, `is_early_field`): those of less than 10 bytes first.
fn are_widths_mixed(schema: &FieldTree, field: &Field) -> bool {
    let Some(at) = schema.index_of(field.id) else {
        return false;
    };
    let leaves = schema
        .subtree(at)
        .filter_map(|at| schema.fields.get(at))
        .filter(|field| field.children.is_empty());
    let mut first =
        leaves.map(|leaf| byte_width(&leaf.logical_type).is_some_and(|width| width < 10));
    let Some(one) = first.next() else {
        return false;
    };
    first.any(|other| other != one)
}

/// The bytes of a value, as far as the reader counts them (lance-arrow, `byte_width_opt`).
fn byte_width(logical_type: &LogicalType) -> Option<u64> {
    match logical_type {
        LogicalType::Fixed { bits: 1 } => None,
        LogicalType::Fixed { bits } => Some(bits / 8),
        LogicalType::FixedSizeList { item, dimension } => {
            byte_width(item)?.checked_mul(u64::try_from(*dimension).ok()?)
        }
        _ => None,
    }
}

fn is_json(field: &Field) -> bool {
    matches!(
        field.extension.as_deref(),
        Some("arrow.json" | "lance.json")
    )
}
