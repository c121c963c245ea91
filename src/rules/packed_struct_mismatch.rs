use super::{ColumnsView, FileView, Rule, fixes};
use crate::finding::{Finding, Findings, Remedy, RuleInfo};
use crate::model::join::Placement;
use crate::model::logical_type::LogicalType;
use crate::model::schema::{Field, FieldTree, PACKED_KEYS};
use crate::model::version::FileVersion;

rule! {
    /// A struct can be stored packed, which is all children row by row in one column, or with a
    /// column for each child. The field metadata (`packed` or `lance-encoding:packed`) tells
    /// readers which. Here the file holds the other form.
    ///
    /// ## What readers do
    /// Seen with pylance 14.0.2:
    ///
    /// - Called packed, and stored plain: from 2.1 on the column reads as **nulls without a
    ///   word**. In 2.0 `to_table()` fails, `there were more fields in the schema than provided
    ///   column indices / infos`, or hands out other columns. A list or map that is called packed
    ///   does the same, or panics in 2.0.
    /// - Stored packed, and not called so: from 2.1 on the dataset does not open,
    ///   `Non-leaf field … has column_index=…, but non-leaf fields should have column_index=-1`.
    ///   In 2.0 `to_table()` fails, `Incorrect array length for StructArray field …`.
    /// - Called packed by another word than true (2.1 and later): panics,
    ///   ``called `Option::unwrap()` on a `None` value``.
    ///
    /// ## How it comes about
    /// - The key was set or removed after the data was written.
    /// - Writer and reader read its value differently. In 2.0 the writer packs as soon as
    ///   `lance-encoding:packed` is there, be it "false". From 2.1 on readers want "true", and
    ///   writers take "yes", "on", "y" and "1" too.
    /// - Lance 0.15.0 knew `packed` only, and wrote `lance-encoding:packed` plain.
    ///
    /// ## How to fix it
    /// Make the key say what is stored. No data is rewritten. If it is packed:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.update_field_metadata({"column": {"packed": "true"}}, replace=True)
    /// ```
    ///
    /// If it is not, give `{"column": {}}` in its place. `replace=True` drops all other metadata
    /// of the field, so list what is to stay. Before pylance 14 it is
    /// `ds.replace_field_metadata("column", {"packed": "true"})`.
    ///
    /// Where the dataset does not open, that fails. Read the last version that opens and write it
    /// again, or move the newest manifest away, without what was committed since:
    ///
    /// ```python
    /// lance.write_dataset(lance.dataset(uri, version=N).to_table(), new_uri)
    /// ```
    static INFO = Error "packed-struct-mismatch", "a struct is declared packed and stored otherwise, or the other way round";
}

/// See [`INFO`].
pub struct PackedStructMismatch;

impl Rule for PackedStructMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        if view.version == FileVersion::V0_1 {
            return;
        }
        for (at, field) in view.schema.fields.iter().enumerate() {
            if field.blob().is_some() || !field.logical_type.is_nested() {
                continue;
            }
            let place = |view: &ColumnsView<'_>| match view.holder(at) {
                Some(laid) => view.place(laid.index),
                None => view.file.place(),
            };
            let case = Case {
                view: view.file,
                schema: view.schema,
                version: view.version,
                at,
                field,
            };
            if let Some(finding) = case.judge() {
                findings.add(finding.at(place(view)));
            }
        }
    }
}

struct Case<'a> {
    view: &'a FileView<'a>,
    schema: &'a FieldTree,
    version: FileVersion,
    at: usize,
    field: &'a Field,
}

impl Case<'_> {
    fn judge(&self) -> Option<Finding> {
        let own = self.view.placed.get(self.at).copied()?;
        let below = self.schema.subtree(self.at).skip(1);
        let children = || {
            below
                .clone()
                .filter_map(|at| self.view.placed.get(at).copied())
        };
        let split = children().any(|placement| matches!(placement, Placement::Column(_)));
        let whole = !split && matches!(own, Placement::Column(_)) && children().next().is_some();
        let is_struct = matches!(self.field.logical_type, LogicalType::Struct);
        match (self.field.packed(), is_struct, self.version.is_structural()) {
            (true, true, _) if split => Some(self.declared_not_stored()),
            (true, false, _) if split => Some(self.on_other_type()),
            (true, true, true) if whole => self.not_true(),
            (false, true, _) if whole => Some(self.stored_not_declared()),
            _ => None,
        }
    }

    fn keys(&self) -> String {
        let keys = PACKED_KEYS.iter().filter_map(|key| {
            let value = self.field.metadata.get(*key)?;
            Some(format!("{key} = {value}"))
        });
        keys.collect::<Vec<_>>().join(", ")
    }

    /// Python that gives a field its metadata again, the packed keys replaced.
    fn help(&self, packed: bool) -> Remedy {
        let metadata = self.field.metadata.iter();
        let rest = metadata.filter(|(key, _)| !PACKED_KEYS.contains(&key.as_str()));
        let rest = rest.map(|(key, value)| (key.as_str(), value.as_str()));
        fixes::replace_metadata(
            match packed {
                true => "say that it is packed, in the way that all readers understand",
                false => "take the key away",
            },
            self.field,
            rest.chain(packed.then_some(("packed", "true"))),
        )
    }

    fn declared_not_stored(&self) -> Finding {
        let path = &self.field.path;
        let finding = INFO
            .finding(format!(
                "column `{path}` is declared a packed struct, but its children have columns of their own"
            ))
            .column(path)
            .instead("one column for the whole struct", "a column for each child")
            .cause(format!(
                "the field's metadata says {}; it was set after the data was written, or its writer \
                 understood it otherwise",
                self.keys()
            ));
        let finding = match self.version.is_structural() {
            true => finding.reader("to_table()", "returns the whole column as nulls silently"),
            false => finding.reader(
                "to_table()",
                "fails: there were more fields in the schema than provided column indices / infos, or \
                 hands out other columns",
            ),
        };
        finding.help(self.help(false))
    }

    fn on_other_type(&self) -> Finding {
        let path = &self.field.path;
        INFO.finding(format!(
            "column `{path}` is declared packed, which only a struct can be; it is {}",
            self.field.type_text
        ))
        .column(path)
        .instead("no key to pack it", self.keys())
        .reader(
            "to_table()",
            match self.version.is_structural() {
                true => "returns the whole column as nulls silently",
                false => {
                    "fails: there were more fields in the schema than provided column indices / infos, \
                     or panics"
                }
            },
        )
        .help(self.help(false))
    }

    fn not_true(&self) -> Option<Finding> {
        let says_true = PACKED_KEYS.iter().any(|key| {
            let value = self.field.metadata.get(*key);
            value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
        });
        if says_true {
            return None;
        }
        let path = &self.field.path;
        Some(
            INFO.finding(format!(
                "column `{path}` is declared packed by {}, which readers do not take for true",
                self.keys()
            ))
            .column(path)
            .instead("packed = true", self.keys())
            .reader(
                "to_table()",
                "panics: called `Option::unwrap()` on a `None` value (encodings/logical/struct.rs:343)",
            )
            .cause("writers of 2.1 and later take 1, yes, on and y for true, readers take only true")
            .help(self.help(true)),
        )
    }

    fn stored_not_declared(&self) -> Finding {
        let path = &self.field.path;
        let keys = self.keys();
        let finding = INFO
            .finding(format!(
                "column `{path}` is stored as a packed struct, and the schema does not say so"
            ))
            .column(path)
            .instead(
                "the field metadata packed = true",
                match keys.as_str() {
                    "" => "no such key".to_string(),
                    keys => keys.to_string(),
                },
            );
        let finding = match self.version.is_structural() {
            true => finding.reader(
                "lance.dataset(uri)",
                format!(
                    "fails: Non-leaf field '{}' (id={}) … has column_index=…, but non-leaf fields should \
                     have column_index=-1 in file format 2.1+",
                    self.field.name, self.field.id
                ),
            ),
            false => finding.reader(
                "to_table()",
                "fails: Incorrect array length for StructArray field …, expected 0 got …",
            ),
        };
        let finding = match keys.is_empty() {
            true => finding.cause("the key was removed after the data was written"),
            false => finding.cause(
                "the writer of 2.0 packs a struct as soon as lance-encoding:packed is there, whatever \
                 its value; readers take only a true one",
            ),
        };
        // From 2.1 on the dataset does not open, so nothing can be committed.
        match self.view.snapshot.filter(|_| self.version.is_structural()) {
            None => finding.help(self.help(true)),
            Some(snapshot) => finding.help(fixes::move_away_if_older(snapshot)),
        }
    }
}
