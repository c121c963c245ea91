//! # field-in-two-files
//!
//! Two data files of one fragment, or two entries of one file, hold the same field. Readers take
//! the first that they find; `Dataset.validate()` says "Field id … is duplicated in fragment".
//! Which of the two holds the current values cannot be told from the manifest.
//!
//! It comes about when a column is rewritten into a new file and the old one is not told that it
//! no longer holds it (Lance marks it there with the field id -2).

use rustc_hash::FxHashMap;

use super::{FragmentView, Rule};
use crate::finding::{Findings, Place, RuleInfo, Severity};
use crate::format::proto::lance::table::DataFile;
use crate::model::snapshot::stated_version;
use crate::model::version::FileVersion;

static INFO: RuleInfo = RuleInfo {
    id: "field-in-two-files",
    severity: Severity::Error,
    summary: "two data files of one fragment hold the same field",
};

/// See the module.
pub struct FieldInTwoFiles;

impl Rule for FieldInTwoFiles {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn fragment(&self, view: &FragmentView<'_>, findings: &mut Findings) {
        // Old Lance left a rewritten column in both files of a 0.1 fragment, and its reader knows.
        let is_old = |entry: &DataFile| stated_version(entry) == Some(FileVersion::V0_1);
        if view.fragment.files.iter().any(is_old) {
            return;
        }
        // Most fragments have one file, whose ids ascend.
        let single = match view.fragment.files.as_slice() {
            [only] => only
                .fields
                .windows(2)
                .all(|pair| pair.first() < pair.last()),
            _ => false,
        };
        if single {
            return;
        }
        let mut holders: FxHashMap<i32, &str> = FxHashMap::default();
        for entry in &view.fragment.files {
            for id in entry.fields.iter().filter(|id| **id >= 0) {
                let Some(first) = holders.insert(*id, &entry.path) else {
                    continue;
                };
                let field = view.snapshot.schema.by_id(*id);
                let path = field.map_or(format!("field {id}"), |field| field.path.clone());
                let finding = INFO
                    .finding(format!("`{path}` is said to be in two data files of one fragment"))
                    .at(Place {
                        fragment: Some(view.fragment.id),
                        file: Some(format!("data/{}", entry.path)),
                        detail: Some(format!("data/{first} is said to hold it too")),
                        ..Place::default()
                    })
                    .instead("one data file for each field", "two")
                    .reader("to_table()", "returns the values of the first file, be they the older ones")
                    .reader("validate()", format!("fails: Field id {id} is duplicated in fragment {}", view.fragment.id))
                    .mend("commit the fragment anew with the field id -2 in the file that no longer holds the field");
                findings.add(match field {
                    Some(field) => finding.column(&field.path),
                    None => finding,
                });
            }
        }
    }
}
