use crate::hash::HashMap;

use super::{DatasetView, Rule, fixes, manifest_place};
use crate::finding::{Finding, Findings, Place, RuleInfo, Severity};
use crate::format::proto::lance::table::DataFragment;
use crate::model::snapshot::Snapshot;

rule! {
    /// The manifest's list of fragments contradicts itself. Readers take the list as it is.
    ///
    /// ## What readers do
    /// - Two fragments have one id. `to_table()` returns the rows of both, or fails:
    ///   `Invalid read of range …`. Deletions and indices of one are taken for those of the other
    ///   **silently**.
    /// - Two fragments name one data file. `to_table()` returns its rows **twice silently**.
    /// - A fragment has no data file. `to_table()` fails: `Fragment … does not contain any data`.
    /// - An id is beyond 32 bits. `take()` panics, or returns other rows **silently**.
    /// - Ids do not ascend (a warning). `validate()` fails: `Fragment ids are not sorted …`. The
    ///   next commit changes the order of rows.
    /// - The highest id is below one in use. An append fails: `… two fragments with id …` (pylance
    ///   14). Or it reuses an id, and `take()` returns other rows **silently** (0.32).
    ///
    /// ## How it comes about
    /// - A program registers fragments itself (`LanceOperation.Append` or `Overwrite`) and gives
    ///   the same ones twice. Lance 0.16.1 took ids that were in use.
    /// - Two commits were merged by hand.
    /// - The last stored column was dropped, which leaves fragments without files
    ///   (lance-format/lance#7236).
    ///
    /// ## How to fix it
    /// Wrong order, or a highest id that is too low, is put right by any commit of a current
    /// release:
    ///
    /// ```python
    /// lance.dataset(uri).delete("false")
    /// ```
    ///
    /// Take a fragment out that is there twice or has no file. No data is rewritten, and indices
    /// stay:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// op = lance.LanceOperation.Delete([], [ID], "false")
    /// ds = lance.LanceDataset.commit(ds, op, read_version=ds.version)
    /// ```
    ///
    /// For an id that stands twice or is too large, go back to the last sound version:
    /// `lance.dataset(uri, version=N).restore()`.
    ///
    /// ## When it is silent
    /// One fragment may name a file twice. A column in both entries is `field-in-two-files`.
    static INFO = Error "fragment-list-invalid", "the manifest lists a fragment or data file twice, out of order, or without files";
}

/// See [`INFO`].
pub struct FragmentListInvalid;

impl Rule for FragmentListInvalid {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        ids(snapshot, findings);
        files(snapshot, findings);
    }
}

fn place(snapshot: &Snapshot, fragment: u64) -> Place {
    Place {
        fragment: Some(fragment),
        ..manifest_place(snapshot)
    }
}

fn restored(finding: Finding) -> Finding {
    finding.help(fixes::GO_BACK)
}

fn ids(snapshot: &Snapshot, findings: &mut Findings) {
    let message = snapshot.message();
    let mut before: Option<u64> = None;
    let mut unsorted = None;
    let mut seen: HashMap<u64, u64> = HashMap::default();
    for fragment in &message.fragments {
        let id = fragment.id;
        let times = seen.entry(id).or_default();
        *times += 1;
        if *times == 2 {
            findings.add(restored(
                INFO.finding("two fragments have one id")
                    .at(Place {
                        detail: Some(format!("fragment {id}")),
                        ..place(snapshot, id)
                    })
                    .instead("ids that differ", format!("id {id} twice"))
                    .reader(
                        "to_table()",
                        "fails: Invalid read of range …, where they have other numbers of rows, or returns \
                         the rows of both; deletions, row addresses and indices of one are taken for those \
                         of the other silently",
                    ),
            ));
        }
        if before.is_some_and(|before| id < before) {
            unsorted = unsorted.or(before.map(|before| (before, id)));
        }
        before = Some(id);
        if u32::try_from(id).is_err() {
            findings.add(restored(
                INFO.finding("a fragment has an id beyond 32 bits")
                    .at(place(snapshot, id))
                    .instead("an id of at most 4294967295", id.to_string())
                    .reader("take()", "panics, or returns other rows silently"),
            ));
        }
    }
    if let Some((before, id)) = unsorted {
        findings.add(
            INFO.finding("the fragments do not stand in the order of their ids")
                .severity(Severity::Warning)
                .at(place(snapshot, id))
                .instead("ids that ascend", format!("{id} behind {before}"))
                .reader("validate()", "fails: Fragment ids are not sorted in increasing fragment-id order")
                .reader(
                    "to_table()",
                    "returns the rows in the order of the list, and in another one after the next commit",
                )
                .help(fixes::COMMIT_NOTHING),
        );
    }
    let greatest = message.fragments.iter().map(|fragment| fragment.id).max();
    if let (Some(stated), Some(greatest)) = (message.max_fragment_id, greatest)
        && u64::from(stated) < greatest
    {
        findings.add(
            INFO.finding("the manifest's highest fragment id is below one that is in use")
                .at(place(snapshot, greatest))
                .instead(format!("{greatest} or more"), stated.to_string())
                .reader(
                    "write_dataset(…, mode=\"append\")",
                    "fails: … two fragments with id … (pylance 14), or gives a new fragment an id that is in \
                     use, and take() other rows silently (0.32)",
                )
                .help(fixes::COMMIT_NOTHING),
        );
    }
}

fn files(snapshot: &Snapshot, findings: &mut Findings) {
    let mut named: HashMap<(Option<u32>, &str), &DataFragment> = HashMap::default();
    for fragment in &snapshot.message().fragments {
        if fragment.files.is_empty() {
            findings.add(
                INFO.finding("a fragment has no data file")
                    .at(place(snapshot, fragment.id))
                    .instead(
                        "at least one data file",
                        format!("none for {} rows", fragment.physical_rows),
                    )
                    .reader("to_table()", "fails: Fragment … does not contain any data")
                    .help(fixes::drop_fragments(
                        "take the fragment out; no file has its rows",
                        snapshot,
                    )),
            );
        }
        // Whether it is the same as other fragments but for its id.
        let mut compared: HashMap<u64, bool> = HashMap::default();
        for file in &fragment.files {
            let key = (file.base_id, file.path.as_str());
            let Some(first) = named.insert(key, fragment) else {
                continue;
            };
            let other = first.id;
            if other == fragment.id {
                // Each of the two may hold other columns; a column in both has a rule of its own.
                continue;
            }
            // With other deletions each may show rows that the other does not.
            let same = *compared.entry(other).or_insert_with(|| {
                first.deletion_file == fragment.deletion_file && first.files == fragment.files
            });
            findings.add(
                INFO.finding("two fragments name one data file")
                    .at(Place {
                        detail: Some(format!("data/{} is fragment {other}'s too", file.path)),
                        ..place(snapshot, fragment.id)
                    })
                    .instead("a data file of its own", "that of another fragment")
                    .reader("to_table()", "returns its rows twice silently")
                    .cause("the same fragments were committed twice")
                    .help_all(
                        same.then(|| {
                            fixes::drop_fragments("take the second fragment out", snapshot)
                        }),
                    ),
            );
        }
    }
}
