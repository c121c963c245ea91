use prost::Message;

use super::{DatasetView, Rule, fixes, manifest_place};
use crate::finding::{Finding, Findings, Remedy, RuleInfo, Severity};
use crate::format::proto::lance::table::Manifest;
use crate::model::flags::{
    DELETION_FILES, FRAGMENT_REUSE, MANAGED_BLOBS, MIXED_VERSIONS, NON_REUSABLE_FIELD_IDS,
    STABLE_ROW_IDS, ZONE_WRITE_SEEDS,
};

rule! {
    /// The feature flags of the manifest do not fit one another, or do not fit what the manifest
    /// holds.
    ///
    /// ## What readers do
    /// - One of “mixed file versions”, “managed blobs” and “zone write seeds” is set for readers
    ///   or for writers only. `lance.dataset(uri)` fails: `Manifest has only one of the … reader
    ///   and writer feature bits set`. For “fragment reuse index” it says `FRI requires both
    ///   reader and writer feature flags`.
    /// - “non-reusable field ids” and the highest field id do not go together.
    ///   `lance.dataset(uri)` fails: `Manifest non-reusable-field-ID high-water mark and writer
    ///   feature flag disagree`.
    /// - The highest field id is below one in use. Appends of 14.0.2 fail, or a new column may get
    ///   the id of another, and its values.
    /// - “stable row ids” is set, and some fragments have none. `lance.dataset(uri)` fails:
    ///   `All fragments must have row ids`.
    /// - Fragments store row ids without that flag (a warning). `to_table(with_row_id=True)`
    ///   returns row addresses in their place **silently**, and an append fails.
    /// - Rows were deleted, and “deletion files” is not set (a warning). The first releases give
    ///   the deleted rows back **silently**.
    ///
    /// ## How it comes about
    /// A program that does not know of row ids registered fragments, or a manifest was edited.
    ///
    /// ## How to fix it
    /// For row ids or deletions without their flag, any commit of a current release sets it:
    ///
    /// ```python
    /// lance.dataset(uri).delete("false")
    /// ```
    ///
    /// For the rest, restore the manifest from a copy. Or go back to a version that is right,
    /// without what was committed since. If the dataset does not open, `restore()` fails too. Move
    /// the manifest away then:
    ///
    /// ```text
    /// mv _versions/N.manifest _versions/N.manifest.broken
    /// ```
    static INFO = Error "feature-flags-inconsistent", "the manifest's feature flags do not fit one another or what it holds";
}

/// See [`INFO`].
pub struct FeatureFlagsInconsistent;

impl Rule for FeatureFlagsInconsistent {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let message = snapshot.message();
        let unread = fixes::move_away(snapshot, &view.around(snapshot));
        let found = pairs(message, &unread)
            .chain(field_ids(message, &unread))
            .chain(deletions(message))
            .chain(row_ids(message, &unread))
            .chain(tree(message, &unread));
        for finding in found {
            findings.add(finding.at(manifest_place(snapshot)));
        }
    }
}

/// The flag of fragments that stand in a tree (lance-table `table.proto`).
const FRAGMENT_TREE: u64 = 1 << 12;

fn tree(message: &Manifest, help: &Remedy) -> Option<Finding> {
    let has_flag = message.reader_feature_flags & FRAGMENT_TREE != 0;
    let tree = message.fragment_tree.as_ref().filter(|_| !has_flag)?;
    let severity = match <() as Message>::decode(tree.as_ref()) {
        Ok(()) => Severity::Warning,
        Err(_) => Severity::Error,
    };
    Some(
        INFO.finding("the manifest has a tree of fragments without the feature flag of one")
            .severity(severity)
            .instead("the flag, or no tree", "a tree without the flag")
            .reader(
                "lance.dataset(uri)",
                "passes over its fragments, or fails: failed to decode Protobuf message",
            )
            .help(help.clone()),
    )
}

/// Flags that readers refuse unless both words have them (lance-table `feature_flags.rs`).
fn pairs(message: &Manifest, help: &Remedy) -> impl Iterator<Item = Finding> {
    let differ = message.reader_feature_flags ^ message.writer_feature_flags;
    let paired = [
        (
            MIXED_VERSIONS,
            "mixed file versions",
            "mixed data-file-version",
        ),
        (MANAGED_BLOBS, "managed blobs", "Managed Blob"),
        (ZONE_WRITE_SEEDS, "zone write seeds", "zone write seed"),
        (FRAGMENT_REUSE, "fragment reuse index", ""),
    ];
    let halves = paired
        .into_iter()
        .filter(move |(flag, ..)| differ & flag != 0);
    halves.map(move |(_, name, says)| {
        INFO.finding(format!(
            "the feature flag “{name}” is set for readers or for writers only"
        ))
        .instead("the flag in both words or in none", "in one of them")
        .reader(
            "lance.dataset(uri)",
            match says {
                "" => "fails: FRI requires both reader and writer feature flags".to_string(),
                says => format!(
                    "fails: Manifest has only one of the {says} reader and writer feature bits set"
                ),
            },
        )
        .help(help.clone())
    })
}

fn field_ids(message: &Manifest, help: &Remedy) -> impl Iterator<Item = Finding> {
    let flag = message.writer_feature_flags & NON_REUSABLE_FIELD_IDS != 0;
    let disagree = (flag != message.max_allocated_field_id.is_some()).then(|| {
        INFO.finding("the flag “non-reusable field ids” and the highest field id do not go together")
            .instead(
                "both or neither",
                match flag {
                    true => "the flag without the id",
                    false => "the id without the flag",
                },
            )
            .reader(
                "lance.dataset(uri)",
                "fails: Manifest non-reusable-field-ID high-water mark and writer feature flag disagree",
            )
            .help(help.clone())
    });
    let greatest = message.fields.iter().map(|field| field.id).max();
    let low = message
        .max_allocated_field_id
        .zip(greatest)
        .filter(|(stated, greatest)| stated < greatest)
        .map(|(stated, greatest)| {
            INFO.finding("the manifest's highest field id is below one that is in use")
                .instead(format!("{greatest} or more"), stated.to_string())
                .reader(
                    "any commit",
                    format!(
                        "fails: Non-reusable field-ID high-water mark {stated} is below referenced \
                         field ID {greatest}; reads are right"
                    ),
                )
                .help(help.clone())
        });
    disagree.into_iter().chain(low)
}

fn deletions(message: &Manifest) -> impl Iterator<Item = Finding> {
    let deleted = message.fragments.iter().any(|f| f.deletion_file.is_some());
    let missing = deleted && message.reader_feature_flags & DELETION_FILES == 0;
    missing
        .then(|| {
            INFO.finding("rows were deleted, and the manifest does not tell old readers")
                .severity(Severity::Warning)
                .instead("the feature flag “deletion files”", "no such flag")
                .reader(
                    "to_table() of the first releases",
                    "gives the deleted rows back silently",
                )
                .help("any commit by a current Lance sets the flag")
        })
        .into_iter()
}

fn row_ids(message: &Manifest, help: &Remedy) -> impl Iterator<Item = Finding> {
    let with = message
        .fragments
        .iter()
        .filter(|f| f.row_id_sequence.is_some());
    let (with, all) = (with.count(), message.fragments.len());
    let flag = message.reader_feature_flags & STABLE_ROW_IDS != 0;
    let finding = match flag {
        true if with < all => Some(
            INFO.finding("fragments have no row ids where the dataset has stable ones")
                .instead(
                    format!("row ids in all {all} fragments"),
                    format!("in {with} of them"),
                )
                .reader("lance.dataset(uri)", "fails: All fragments must have row ids")
                .cause("fragments were registered by a program that does not know of row ids")
                .help(help.clone()),
        ),
        false if with > 0 => Some(
            INFO.finding("fragments store row ids that no reader uses")
                .instead("the feature flag “stable row ids”", "no such flag")
                .reader(
                    "to_table(with_row_id=True)",
                    "returns row addresses in place of the stored row ids silently; an append fails",
                )
                .help(fixes::COMMIT_NOTHING),
        ),
        _ => None,
    };
    finding.into_iter()
}
