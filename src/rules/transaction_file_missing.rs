use super::{DatasetView, Rule, fixes};
use crate::finding::{Findings, Place, Remedy, RuleInfo};
use crate::model::history::LostTransaction;
use crate::model::target::TRANSACTIONS;

rule! {
    /// The record of a commit is not there, or does not decode. The manifest names a file in
    /// `_transactions`, and keeps no copy of the record itself.
    ///
    /// ## What readers do
    /// All reads work, and so do commits by who opened the newest version. A commit by who opened
    /// an older one must look at what was committed since, and fails (pylance 14.0.2):
    ///
    /// ```text
    /// Not found: …/_transactions/….txn
    /// failed to decode Protobuf message
    /// ```
    ///
    /// So do `lance.dataset(uri, version=N).delete(…)`, an append to such a dataset, and
    /// `get_transactions()`.
    ///
    /// ## How it comes about
    /// - The dataset was copied without `_transactions`.
    /// - The file was removed by hand or by its age. `cleanup_old_versions()` of no release
    ///   removes that of a version which it keeps.
    /// - The file was damaged in storage.
    ///
    /// Releases from 1.0.4 on were seen to keep the record in the manifest file too. They need no
    /// such file.
    ///
    /// ## How to fix it
    /// Restore the folder from a copy. Or make one commit by a current release, which keeps its
    /// record in the manifest file. It changes no rows:
    ///
    /// ```python
    /// lance.dataset(uri).delete("false")
    /// ```
    ///
    /// Who opened an older version before that must open the dataset again.
    ///
    /// ## When it is silent
    /// Without `--all-versions`, only the newest version is looked at. A manifest that names no
    /// such file needs none.
    static INFO = Warning "transaction-file-missing", "the record of a commit is not there, which commits from older versions need";
}

/// See [`INFO`].
pub struct TransactionFileMissing;

impl Rule for TransactionFileMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(LostTransaction { name, damage }) = view.lost_transaction else {
            return;
        };
        let finding = match damage {
            None => INFO
                .finding("the transaction file of this version is not there")
                .instead("the file that the manifest names", "nothing")
                .reader(
                    "a commit by who opened an older version",
                    format!("fails: Not found: …/{TRANSACTIONS}/{name}"),
                )
                .cause("_transactions was not copied, or the file was removed by hand"),
            Some(detail) => INFO
                .finding("the transaction file of this version cannot be read")
                .instead("a transaction", format!("a file that {detail}"))
                .reader(
                    "get_transactions(), and a commit by who opened an older version",
                    "fails: failed to decode Protobuf message",
                ),
        };
        findings.add(
            finding
                .at(Place {
                    file: Some(format!("{TRANSACTIONS}/{name}")),
                    ..Place::default()
                })
                .help("restore the file from a copy")
                .help(Remedy::with_code(format!("or {}", fixes::COMMIT_NOTHING))),
        );
    }
}
