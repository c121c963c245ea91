use crate::hash::HashMap;

use super::{FragmentView, Rule, fixes};
use crate::finding::{Findings, Place, RuleInfo};
use crate::format::proto::lance::table::DataFile;
use crate::model::snapshot::stated_version;
use crate::model::version::FileVersion;

rule! {
    /// Two data files of one fragment, or two entries of one file, hold the same field. The
    /// manifest does not tell which of the two has the current values.
    ///
    /// ## What readers do
    /// `to_table()` returns the values of the first file **silently**, be they the older
    /// ones. `Dataset.validate()` fails: `Field id … is duplicated in fragment …`.
    ///
    /// In files of 0.1 the finding means that a column has the id of a dropped one. `to_table()`
    /// then returns the dropped column's values under the new name **silently**.
    ///
    /// ## How it comes about
    /// - A column was rewritten into a new file, and the old one was not told that it no longer
    ///   holds it. Lance marks it there with the field id -2.
    /// - The id of a dropped column was given to a new one, as Lance up to 0.10 did
    ///   (lance-format/lance#2128).
    ///
    /// ## How to fix it
    /// For the reused id in files of 0.1, make any commit with a current release before anything
    /// else is written. An append makes it worse:
    ///
    /// ```python
    /// lance.dataset(uri).delete("false")
    /// ```
    ///
    /// Else tell the older file that it no longer holds the field. No data is rewritten. ID is the
    /// field id, and 0 is the place of the older file:
    ///
    /// ```python
    /// import json
    /// ds = lance.dataset(uri)
    /// fragments = []
    /// for fragment in ds.get_fragments():
    ///     m = fragment.metadata.to_json()
    ///     old = m["files"][0]  # the older of the two
    ///     old["fields"] = [-2 if i == ID else i for i in old["fields"]]
    ///     fragments.append(lance.FragmentMetadata.from_json(json.dumps(m)))
    /// op = lance.LanceOperation.Merge(fragments, ds.schema)
    /// lance.LanceDataset.commit(uri, op, read_version=ds.version)
    /// ```
    ///
    /// ## When it is silent
    /// The id -2 is no fault. In files of 0.1, Lance left a rewritten column in both files under
    /// one name, which is none either.
    static INFO = Error "field-in-two-files", "two data files of one fragment hold the same field";
}

/// See [`INFO`].
pub struct FieldInTwoFiles;

impl Rule for FieldInTwoFiles {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn fragment(&self, view: &FragmentView<'_>, findings: &mut Findings) {
        let is_old = |entry: &DataFile| stated_version(entry) == Some(FileVersion::V0_1);
        if view.fragment.files.iter().any(is_old) {
            used_again(view, findings);
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
        let mut holders: HashMap<i32, &str> = HashMap::default();
        for entry in &view.fragment.files {
            for id in entry.fields.iter().filter(|id| **id >= 0) {
                let Some(first) = holders.insert(*id, &entry.path) else {
                    continue;
                };
                let field = view.snapshot.schema.by_id(*id);
                let path = field.map_or(format!("field {id}"), |field| field.path.clone());
                let finding = INFO
                    .finding(format!(
                        "`{path}` is said to be in two data files of one fragment"
                    ))
                    .at(Place {
                        fragment: Some(view.fragment.id),
                        file: Some(format!("data/{}", entry.path)),
                        detail: Some(format!("data/{first} is said to hold it too")),
                        ..Place::default()
                    })
                    .instead("one data file for each field", "two")
                    .reader(
                        "to_table()",
                        "returns the values of the first file, be they the older ones",
                    )
                    .reader(
                        "validate()",
                        format!(
                            "fails: Field id {id} is duplicated in fragment {}",
                            view.fragment.id
                        ),
                    )
                    .help_code(let_go(*id, 0));
                findings.add(match field {
                    Some(field) => finding.column(&field.path),
                    None => finding,
                });
            }
        }
    }
}

/// Fields of a 0.1 fragment whose id is that of a dropped column in the file that readers take.
/// Lance of that time left a rewritten column in both files, under one name, which is no fault.
fn used_again(view: &FragmentView<'_>, findings: &mut Findings) {
    for field in &view.snapshot.schema.fields {
        let lists = |(name, _): &&(String, _)| {
            let mut files = view.fragment.files.iter();
            files.any(|file| name.ends_with(&file.path) && file.fields.contains(&field.id))
        };
        let mut holders = view.held.iter().filter(lists).filter_map(|(name, schema)| {
            let own = schema.by_id(field.id)?;
            Some((name, own))
        });
        let Some((first, old)) = holders.next() else {
            continue;
        };
        let new = holders.find(|(_, own)| own.name == field.name && own.name != old.name);
        let Some((second, _)) = new else { continue };
        let mut files = view.fragment.files.iter();
        let old_at = files
            .position(|file| first.ends_with(&file.path))
            .unwrap_or(0);
        findings.add(
            INFO.finding(format!(
                "column `{}` has the field id of the dropped column `{}`",
                field.path, old.path
            ))
            .column(&field.path)
            .at(Place {
                fragment: Some(view.fragment.id),
                file: Some(first.clone()),
                detail: Some(format!("{second} holds `{}`", field.path)),
                ..Place::default()
            })
            .instead("a field id of its own", format!("field id {}", field.id))
            .reader(
                "to_table()",
                format!(
                    "returns the values of `{}` for `{}` silently",
                    old.path, field.path
                ),
            )
            .cause("Lance up to 0.10 gave the id of a dropped column to the next that was added")
            .help_code(format!(
                "before anything else is written (an append makes it worse): {}",
                fixes::COMMIT_NOTHING
            ))
            .help_code(let_go(field.id, old_at)),
        );
    }
}

/// How to tell a file that it holds a field no longer.
fn let_go(id: i32, file: usize) -> String {
    format!(
        "tell the older file that it no longer holds the field (no data is rewritten):\n\
         import json\n\
         ds = lance.dataset(uri)\n\
         fragments = []\n\
         for fragment in ds.get_fragments():\n\
         {i}m = fragment.metadata.to_json()\n\
         {i}old = m[\"files\"][{file}]  # the older of the two\n\
         {i}old[\"fields\"] = [-2 if i == {id} else i for i in old[\"fields\"]]\n\
         {i}fragments.append(lance.FragmentMetadata.from_json(json.dumps(m)))\n\
         op = lance.LanceOperation.Merge(fragments, ds.schema)\n\
         lance.LanceDataset.commit(uri, op, read_version=ds.version)",
        i = "    "
    )
}
