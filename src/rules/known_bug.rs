//! The rule on known bugs of past releases, and the table of them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{DatasetView, Explanation, Rule, manifest_place};
use crate::finding::{Finding, Findings, RuleInfo, Severity};
use crate::model::logical_type::LogicalType;
use crate::model::readers::{NEWEST, Release};
use crate::model::schema::{BlobDeclaration, Field, FieldTree};
use crate::model::snapshot::{Snapshot, stated_version};

rule! {
    /// A release of Lance with a known bug wrote this version, in a file version, with a schema and
    /// by an operation that the bug is about. Whether the data was hurt is not in the metadata.
    ///
    /// ## What readers do
    /// That depends on the bug, and the finding tells it. Some lose values **without a word**, such
    /// as the compaction of 2.0 blob columns in Lance 1.0 to 9 (lance-format/lance#7955). Some make
    /// reads or compaction fail. What was hurt stays so after an upgrade.
    ///
    /// ## How it comes about
    /// The release that committed the version is in the manifest. lance-lint holds it against the
    /// table of bugs: a library with its first and last release, file versions, operations, and
    /// what the schema must have. Each bug is a file in `advisories/`, with its threads and with
    /// the releases under which it was seen.
    ///
    /// ## How to mend it
    /// Find out first whether the data was hurt. The finding gives the way, in code where there is
    /// one. Then do what it says, which is often to take the values from a version before the
    /// operation:
    ///
    /// ```python
    /// before = lance.dataset(uri, version=N)
    /// ```
    ///
    /// Upgrade the writer: the finding names the release that has the bug no more.
    ///
    /// Each bug has its own severity, a warning or an info.
    ///
    /// ## When it is silent
    /// Without `--all-versions` only the latest version is looked at. With it, every version that
    /// still has a manifest is.
    ///
    /// A bug whose damage shows in the metadata is named in the `cause:` of the finding that shows
    /// it, and by none where nothing does.
    static INFO = Warning "known-bug", "a release with a known bug wrote what the bug is about";
}

/// See [`INFO`].
pub struct KnownBug;

/// A known bug.
struct Advisory {
    id: &'static str,
    title: &'static str,
    threads: &'static [&'static str],
    /// The writer's library, as manifests have it.
    library: &'static str,
    /// The first release that has it.
    from: &'static str,
    /// The first that has it no more; empty when 14.0.2 still has.
    before: &'static str,
    /// File versions that it is about; all when empty.
    file_versions: &'static [&'static str],
    /// Operations that do it; all when empty.
    operations: &'static [&'static str],
    /// What the schema must have, all of it.
    schema: &'static [&'static str],
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
            .filter(|advisory| advisory.proof.is_empty() && advisory.is_of(snapshot));
        for advisory in exposed {
            let done =
                || (view.operation)().is_some_and(|done| advisory.operations.contains(&done));
            if advisory.operations.is_empty() || done() {
                findings.add(advisory.finding(&snapshot.writer().unwrap_or_default(), snapshot));
            }
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
            finding.mends.push(bug.advice(bug.remedy).into());
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
        "" => format!(" to {NEWEST} at least"),
        before => format!(" to before {before}"),
    };
    let library = match bug.library {
        "" => "releases that left no name in their manifests,",
        library => library,
    };
    let mut about = vec![format!("Written by {library} {}{until}.", bug.from)];
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
         ## How to mend it\n{}\n",
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
    /// Whether its writer wrote a version, in a file version and with a schema that it is about.
    fn is_of(&self, snapshot: &Snapshot) -> bool {
        let written = match &snapshot.message().writer_version {
            Some(writer) => {
                let release = writer.version.parse::<Release>();
                self.library == writer.library && release.is_ok_and(|release| self.has(release))
            }
            // The first releases left no name.
            None => self.library.is_empty(),
        };
        written
            && self.schema.iter().all(|shape| has(&snapshot.schema, shape))
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

    /// Which release mended it, and where it is talked of.
    fn fix(&self) -> String {
        let fix = match (self.before, self.fixed_in) {
            ("", _) => "Lance 14.0.2 still has it".to_string(),
            (before, "") => format!("{before} has it no more"),
            (_, fixed) => format!("mended in {fixed}"),
        };
        match self.threads {
            [] => fix,
            threads => format!("{fix}; see {}", threads.join(" ")),
        }
    }

    fn has(&self, release: Release) -> bool {
        let parsed = |text: &str| text.parse::<Release>().ok();
        parsed(self.from).is_some_and(|from| from <= release)
            && parsed(self.before).is_none_or(|before| release < before)
    }

    fn finding(&self, writer: &str, snapshot: &Snapshot) -> Finding {
        let until = match self.before {
            "" => String::new(),
            before => format!(" to before {before}"),
        };
        INFO.finding(format!("{}: {}", self.id, self.title))
            .severity(self.severity)
            .at(manifest_place(snapshot))
            .instead(
                format!("another release than {} {}{until}", self.library, self.from),
                format!("a commit by {writer}"),
            )
            .reader("reading it:", self.effect)
            .cause(self.fix())
            .mend(format!("to find out: {}", self.advice(self.confirm)))
            .mend(self.advice(self.remedy))
    }
}

fn file_versions(snapshot: &Snapshot) -> BTreeSet<String> {
    let fragments = snapshot.message().fragments.iter();
    let files = fragments.flat_map(|fragment| &fragment.files);
    let versions: BTreeSet<_> = files.filter_map(stated_version).collect();
    versions.iter().map(ToString::to_string).collect()
}

/// Whether a schema has something that advisories name.
fn has(schema: &FieldTree, shape: &str) -> bool {
    let mut fields = schema.fields.iter();
    match shape {
        "blob-v1" => fields.any(|field| field.blob() == Some(BlobDeclaration::V1)),
        "blob-v2" => fields.any(|field| field.blob() == Some(BlobDeclaration::V2)),
        "nested-blob-v1" => fields.any(|f| f.blob() == Some(BlobDeclaration::V1) && f.depth > 0),
        "nested-blob-v2" => fields.any(|f| f.blob() == Some(BlobDeclaration::V2) && f.depth > 0),
        "json" => fields.any(is_json),
        "nested-json" => fields.any(|field| is_json(field) && field.depth > 0),
        "variable-width" => {
            fields.any(|field| matches!(field.logical_type, LogicalType::Variable { .. }))
        }
        "fixed-width" => {
            fields.any(|field| matches!(field.logical_type, LogicalType::Fixed { .. }))
        }
        // A shape that no one knows is no one's; the tests hold the files against this list.
        _ => false,
    }
}

fn is_json(field: &Field) -> bool {
    matches!(
        field.extension.as_deref(),
        Some("arrow.json" | "lance.json")
    )
}
