use super::fixes::py;
use super::{DatasetView, Rule, manifest_place};
use crate::finding::{Finding, Findings, Key, RuleInfo, Severity};
use crate::model::history::Counts;
use crate::model::snapshot::{Naming, Snapshot};

rule! {
    /// A commit lost rows, though its operation is one that keeps all rows. Or it set back the
    /// number from which stable row ids are given.
    ///
    /// ## What readers do
    /// `to_table()` and `count_rows()` leave the lost rows out **silently**; nothing fails, and
    /// `validate()` finds nothing. The version before still has the rows. The next
    /// `cleanup_old_versions()` deletes that version, and then the files of the rows.
    ///
    /// Where the next row id was set back (a warning), an append gives new rows the ids of rows
    /// that were deleted. Who kept such an id gets another row for it.
    ///
    /// ## How it comes about
    /// - A program committed `LanceOperation.Merge` with none or a part of the fragments. Lance
    ///   0.30.0 takes that, and the table is empty. pylance 14.0.2 refuses: `Merge operation
    ///   reduced fragment count`.
    /// - A tool that is not Lance wrote the manifest.
    ///
    /// ## How to fix it
    /// Do not run `cleanup_old_versions()` before. Go back to the version before the commit. Its
    /// rows, deletions and indices are then there again, and what was committed since is left
    /// behind:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// If what was committed since is needed too, give the version a tag, which clean-up respects,
    /// and add the newer rows to the restored version:
    ///
    /// ```python
    /// lance.dataset(uri).tags.create("before-loss", N)
    /// ```
    ///
    /// ## When it is silent
    /// A version is compared with the one just before it, by `--all-versions` and by `diff`. Any
    /// other run does so only where the newest version is empty. Nothing is said where a manifest
    /// does not count its rows or does not name its writer, or where no record of the operation is
    /// left. `Restore` of releases before 14 sets the next row id back too, to that of the version
    /// restored.
    static INFO = Error "operation-inconsistent", "a commit lost rows that its operation keeps, or set back the next row id";
}

/// See [`INFO`].
pub struct OperationInconsistent;

impl Rule for OperationInconsistent {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        if snapshot.entry.naming == Naming::Detached {
            return;
        }
        let message = snapshot.message();
        // Of a table that is empty and once was not, the version before is worth a read.
        let emptied = message.fragments.is_empty() && message.max_fragment_id.is_some();
        let Some(before) = (view.before)(emptied) else {
            return;
        };
        let after = Counts::of(snapshot);
        if !before.is_just_before(&after) {
            return;
        }
        let lower = before.next_row_id > after.next_row_id && after.next_row_id > 0;
        let Some(operation) = (view.operation)() else {
            return;
        };
        let finding = match before.lost_in(&after, operation) {
            Some(rows) => lost_rows(view, snapshot, before.version, operation, rows),
            // An overwrite may be a new beginning.
            None if lower && !matches!(operation, "Overwrite" | "Restore") => {
                lower_row_id(snapshot, &before, &after, operation)
            }
            None => return,
        };
        findings.add(finding.at(manifest_place(snapshot)));
    }
}

/// What findings of lost rows are known by: the rows stay lost in later versions.
pub(crate) fn lasting(findings: &Findings) -> Vec<Key> {
    let all = findings.all().iter();
    let lost = all.filter(|f| f.rule.id == INFO.id && f.severity == Severity::Error);
    lost.map(Finding::key).collect()
}

fn lost_rows(
    view: &DatasetView<'_>,
    snapshot: &Snapshot,
    older: u64,
    operation: &str,
    (before, after): (u64, u64),
) -> Finding {
    let version = snapshot.entry.version;
    let finding = INFO
        .finding(format!(
            "the commit of version {version} ({operation}) lost {} of {before} rows",
            before.saturating_sub(after)
        ))
        .instead(
            format!("{before} rows, as version {older} has: {operation} keeps all rows"),
            format!("{after} of them"),
        )
        .reader("to_table()", "leaves the lost rows out silently")
        .reader(
            "cleanup_old_versions()",
            format!("deletes version {older}, and then the files of the lost rows"),
        );
    let finding = match operation {
        "Merge" => finding.cause(
            "the operation was committed without all fragments, which Lance 0.30.0 takes and \
             pylance 14.0.2 refuses",
        ),
        _ => finding,
    };
    let since = match view.around(snapshot).newer {
        true => format!(", without what was committed since version {older}"),
        false => String::new(),
    };
    finding.help_code(format!(
        "do not run cleanup_old_versions() before this is put right; go back to version \
         {older}{since}:\n{}.restore()",
        opened(snapshot, older)
    ))
}

/// The expression that opens a version of the line that a snapshot is of.
fn opened(snapshot: &Snapshot, version: u64) -> String {
    match snapshot.message().branch.as_deref() {
        None | Some("") => format!("lance.dataset(uri, version={version})"),
        Some(branch) => format!(
            "lance.dataset(uri).checkout_version(({}, {version}))",
            py(branch)
        ),
    }
}

fn lower_row_id(snapshot: &Snapshot, before: &Counts, after: &Counts, operation: &str) -> Finding {
    let older = before.version;
    INFO.finding(format!(
        "the commit of version {} ({operation}) set back the next row id",
        after.version
    ))
    .severity(Severity::Warning)
    .instead(
        format!("{} or more, as in version {older}", before.next_row_id),
        after.next_row_id.to_string(),
    )
    .reader(
        "an append",
        "gives new rows the ids of rows that were deleted; who kept such an id gets another row",
    )
    .help_code(format!(
        "go back to version {older}, without what was committed since:\n{}.restore()",
        opened(snapshot, older)
    ))
}
