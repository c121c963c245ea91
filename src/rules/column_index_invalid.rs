use super::{FileView, Rule};
use crate::finding::{Finding, Findings, RuleInfo};
use crate::model::join::Placement;

rule! {
    /// The manifest says that a data file holds a field, and the column index that it gives leads
    /// nowhere. The index is beyond the file's columns, or another field has it too, or there is
    /// none.
    ///
    /// ## What readers do
    /// - The index is beyond the file: `to_table()` fails,
    ///   `The projection specified the column index … but there are only … columns`.
    /// - Two fields have one index: `to_table()` fails,
    ///   `The projection specified the column index … more than once`.
    /// - The index is -1 in 2.0: the column reads as nulls **silently**. In 2.1 and later
    ///   the dataset does not open: `… has column_index=-1, but leaf fields, packed structs, and
    ///   blob fields must have a valid column index`.
    /// - The file has field ids and no indices at all: every column of it reads as nulls **without
    ///   a word**. `validate()` fails: `… contained fewer column_indices than fields`.
    /// - It has other numbers of the two: `lance.dataset(uri)` fails,
    ///   `Data file … has … field ids but … column indices. These must be the same length`.
    ///
    /// ## How it comes about
    /// - The file was replaced by another.
    /// - Its writer, or the tool that registered it, gave wrong indices or left them out.
    /// - An index past the end came about after a column was added and the dataset compacted
    ///   (lance-format/lance#8281).
    ///
    /// ## How to fix it
    /// Restore the file that was committed from a copy.
    ///
    /// Or register the file again with the column indices of its own schema. With a file written by
    /// Lance, these are field ids and indices in depth-first order. Or go back to a version before
    /// the fault, without what was committed since:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// If the dataset does not open, that fails. Move the newest manifest away then.
    static INFO = Error "column-index-invalid", "the manifest's column index for a field leads nowhere in the data file";
}

/// See [`INFO`].
pub struct ColumnIndexInvalid;

impl Rule for ColumnIndexInvalid {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn file(&self, view: &FileView<'_>, findings: &mut Findings) {
        let (Ok(data), Some(snapshot)) = (view.state, view.snapshot) else {
            return;
        };
        if let Some(finding) = lists(view) {
            findings.add(finding);
            return;
        }
        let columns = data.num_columns();
        for (field, placement) in snapshot.schema.fields.iter().zip(view.placed) {
            let Placement::Lost { index } = *placement else {
                continue;
            };
            let path = &field.path;
            let (message, effect) = if index < 0 {
                (
                    format!(
                        "column `{path}` is said to be in a data file without saying in which column"
                    ),
                    "returns nulls silently (2.0), or fails: … has column_index=-1, but leaf fields, \
                     packed structs, and blob fields must have a valid column index (2.1 and later)",
                )
            } else if u32::try_from(index).is_ok_and(|index| index < columns) {
                (
                    format!(
                        "column `{path}` is said to be column {index} of a data file, which another field \
                         is said to be too"
                    ),
                    "fails: The projection specified the column index … more than once",
                )
            } else {
                (
                    format!(
                        "column `{path}` is said to be column {index} of a data file that has {columns}"
                    ),
                    "fails: The projection specified the column index … but there are only … columns",
                )
            };
            findings.add(
                INFO.finding(message)
                    .column(path)
                    .at(view.place())
                    .instead(
                        format!("a column from 0 to {}", columns.saturating_sub(1)),
                        index.to_string(),
                    )
                    .reader("to_table()", effect)
                    .cause("the file was replaced by another, or its writer registered it wrongly")
                    .help("restore the file that was committed from a copy"),
            );
        }
    }
}

/// What is wrong with the lists of field ids and column indices as wholes.
fn lists(view: &FileView<'_>) -> Option<Finding> {
    let entry = view.entry?;
    let current = view.state.ok()?.metadata_start().is_some();
    let (ids, indices) = (entry.fields.len(), entry.column_indices.len());
    if !current || ids == indices {
        return None;
    }
    let finding = match indices {
        0 => INFO
            .finding("the manifest says which fields a data file holds, and not in which columns")
            .reader("to_table()", "returns every column of the file as nulls silently")
            .reader("validate()", "fails: … contained fewer column_indices than fields"),
        _ => INFO
            .finding("the manifest lists other numbers of field ids and column indices for a data file")
            .reader(
                "lance.dataset(uri)",
                format!(
                    "fails: Data file … has {ids} field ids but {indices} column indices. These must be \
                     the same length"
                ),
            ),
    };
    Some(
        finding
            .at(view.place())
            .instead(format!("{ids} column indices"), indices.to_string())
            .cause("the file was registered by a tool that left them out")
            .help(
                "register the file again with the column indices of its own schema; with a file written \
                 by Lance that is field ids and indices in depth-first order",
            ),
    )
}
