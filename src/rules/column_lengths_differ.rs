use crate::hash::HashMap;

use super::fixes::py;
use super::{ColumnRows, ColumnsView, Rule};
use crate::finding::{Findings, RuleInfo};
use crate::model::logical_type::LogicalType;
use crate::model::version::FileVersion;

rule! {
    /// Columns of one data file have different numbers of rows, or the children of a struct have.
    ///
    /// ## What readers do
    /// Readers add up the rows of the pages before they read. They refuse to read such columns
    /// together:
    ///
    /// ```text
    /// cannot read columns of differing lengths together (…)
    /// cannot read field '…': its children have differing lengths (child '…' has … rows, but
    /// the field has …)
    /// ```
    ///
    /// Alone, a column can be read if it has as many rows as the fragment, or more. A shorter one
    /// fails: `cannot read Ranges([0..4]) from columns with 3 rows`. In 2.0 a child of a struct
    /// that differs from it fails alone, too. From 2.1 on, if the file's first column has no
    /// pages, the others panic: `Expected a legacy encoding`.
    ///
    /// In 2.0, lists that count other items than there are make `to_table()` panic, or return
    /// wrong items **silently**.
    ///
    /// ## How it comes about
    /// - Lance writes a fixed-size list of structs beside another column in 2.2 or 2.3 (up to
    ///   14.0.2 at least). It counts the items of the lists as rows.
    /// - Pages were lost or doubled.
    /// - Lance 0.15 and 0.20 wrote structs of 2.0 from several record batches so: the struct's own
    ///   column has the length of one batch.
    ///
    /// ## How to fix it
    /// Read the column by itself and the others together:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=["column"])
    /// ds.to_table(columns=[n for n in ds.schema.names if n != "column"])
    /// ```
    ///
    /// A fixed-size list of structs fails again when it is written so. Write it again as a list,
    /// which reads back. No value is lost by that.
    ///
    /// Read the children of a struct one by one, by their paths:
    /// `ds.to_table(columns=["struct.child"])`. If a column or child is too short, only the others
    /// can be read. For it, and if the struct's own column or the items of lists are wrong,
    /// restore the file from a copy, or write the column again from its source.
    ///
    /// ## When it is silent
    /// Files of 0.1 are not judged. Where a page has a greater fault, only that one is reported.
    static INFO = Error "column-lengths-differ", "columns of one data file have different numbers of rows";
}

/// See [`INFO`].
pub struct ColumnLengthsDiffer;

impl Rule for ColumnLengthsDiffer {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        if view.version == FileVersion::V0_1 {
            return;
        }
        // Mostly all are of one length, and no list counts items of its own.
        let first = view.laid.first().map(|laid| laid.rows);
        if view
            .laid
            .iter()
            .all(|laid| Some(laid.rows) == first && laid.items.is_none())
        {
            return;
        }
        let stated = view.file.fragment.map(|fragment| fragment.physical_rows);
        let stated = stated.filter(|rows| *rows > 0);
        let mut walk = Walk {
            view,
            stated,
            laid: view.laid.iter().map(|laid| (laid.at, *laid)).collect(),
            findings,
            told: Vec::new(),
        };
        let mut tops = Vec::new();
        for root in &view.schema.roots {
            if let Some((rows, laid)) = walk.rows(*root) {
                tops.push((*root, rows, laid));
            }
        }
        walk.list_items();
        let told = walk.told;
        let expected = usual(&tops, stated);
        let differs = |(at, rows, _): &&(usize, u64, ColumnRows)| {
            *rows != expected
                && !told
                    .iter()
                    .any(|told| view.schema.subtree(*at).contains(told))
        };
        for (at, rows, laid) in tops.iter().filter(differs) {
            let Some(field) = view.schema.fields.get(*at) else {
                continue;
            };
            let path = &field.path;
            let lists = view.schema.subtree(*at).any(|at| {
                let field = view.schema.fields.get(at);
                field.is_some_and(|field| field.logical_type == LogicalType::FixedSizeListStruct)
            });
            let finding = INFO
                .finding(format!(
                    "column `{path}` has another number of rows than the other columns of its file"
                ))
                .column(path)
                .at(view.place(laid.index))
                .instead(format!("{expected} rows"), format!("{rows} rows"))
                .reader(
                    "to_table()",
                    format!(
                        "fails: cannot read columns of differing lengths together ({path}={rows}, …)"
                    ),
                );
            let finding = match lists {
                true => finding.cause(
                    "it holds fixed-size lists of structs, whose items Lance (14.0.2 still) counts as \
                     rows when it writes 2.2 or 2.3",
                ),
                false => finding,
            };
            let others = format!(
                "ds.to_table(columns=[n for n in ds.schema.names if n != {}])",
                py(path)
            );
            findings.add(match stated.filter(|stated| rows < stated) {
                // The reader takes the first column's pages for those that tell the vocabulary.
                Some(_) if *rows == 0 && laid.index == 0 && view.version.is_structural() => finding
                    .reader(
                        "to_table() of another column",
                        "panics: Expected a legacy encoding",
                    )
                    .help("restore the file from a copy, or write it again from its source"),
                Some(stated) => finding
                    .reader(
                        format!("to_table(columns=[{path:?}])"),
                        format!("fails: cannot read Ranges([0..{stated}]) from columns with {rows} rows"),
                    )
                    .help_code(format!(
                        "restore the file from a copy, or write the column again from its source; the other \
                         columns can be read:\n\
                         ds = lance.dataset(uri)\n\
                         {others}"
                    )),
                None => finding.help_code(format!(
                    "read the column by itself and the others together:\n\
                     ds = lance.dataset(uri)\n\
                     ds.to_table(columns=[{}])\n\
                     {others}",
                    py(path)
                )),
            });
        }
    }
}

/// The number of rows that the manifest states, if a top-level column has it. Else the one that
/// most have; of two as frequent ones, the first.
fn usual(tops: &[(usize, u64, ColumnRows)], stated: Option<u64>) -> u64 {
    if let Some(stated) = stated.filter(|stated| tops.iter().any(|(_, rows, _)| rows == stated)) {
        return stated;
    }
    let mut counts: HashMap<u64, usize> = HashMap::default();
    for (_, rows, _) in tops {
        *counts.entry(*rows).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    let first = tops
        .iter()
        .find(|(_, rows, _)| counts.get(rows) == Some(&most));
    first.map_or(0, |(_, rows, _)| *rows)
}

struct Walk<'a, 'b> {
    view: &'a ColumnsView<'a>,
    /// The rows of the fragment, when the manifest states them.
    stated: Option<u64>,
    laid: HashMap<usize, ColumnRows>,
    findings: &'b mut Findings,
    /// Structs that do not agree with their children, which is told once.
    told: Vec<usize>,
}

impl Walk<'_, '_> {
    /// The rows of a field and the column that says so, the children of structs compared with it
    /// (lance-file `reader/structural.rs` and `versions/v2_0/reader.rs`, `validate_field_length`).
    fn rows(&mut self, at: usize) -> Option<(u64, ColumnRows)> {
        let field = self.view.schema.fields.get(at)?;
        let mut own = self.laid.get(&at).map(|laid| (laid.rows, *laid));
        if field.blob().is_some() || field.packed() {
            return own;
        }
        let comparable = matches!(field.logical_type, LogicalType::Struct);
        let children: Vec<(usize, u64, ColumnRows)> = field
            .children
            .iter()
            .filter_map(|child| {
                let (rows, laid) = self.rows(*child)?;
                Some((*child, rows, laid))
            })
            .collect();
        let Some((_, first, laid)) = children.first().copied() else {
            return own;
        };
        if !comparable {
            return own.or(Some((first, laid)));
        }
        let agreed = children.iter().all(|(_, rows, _)| *rows == first);
        // Where the children agree and 2.0's own column of the struct does not, that one is wrong.
        if let Some((rows, header)) = own.filter(|(rows, _)| agreed && *rows != first) {
            self.header(at, (rows, first), header);
            self.told.push(at);
            return Some((rows, header));
        }
        let sound = children
            .iter()
            .find(|(_, rows, _)| Some(*rows) == self.stated);
        let sound = sound.map_or((first, laid), |(_, rows, laid)| (*rows, *laid));
        let (expected, _) = *own.get_or_insert(sound);
        let beside = children.iter().find(|(_, rows, _)| *rows == expected);
        let beside = beside.map(|(child, ..)| *child);
        for (child, rows, laid) in children {
            if rows != expected {
                self.child((at, child, beside), (rows, expected), laid);
            }
        }
        own
    }

    fn header(&mut self, at: usize, (rows, expected): (u64, u64), laid: ColumnRows) {
        let Some(field) = self.view.schema.fields.get(at) else {
            return;
        };
        let path = &field.path;
        self.findings.add(
            INFO.finding(format!("the column of struct `{path}` has another number of rows than its children"))
                .column(path)
                .at(self.view.place(laid.index))
                .instead(format!("{expected} rows"), format!("{rows} rows"))
                .reader(
                    "to_table()",
                    format!(
                        "fails: cannot read field '{}': its children have differing lengths (child … has \
                         {expected} rows, but the field has {rows})",
                        field.name
                    ),
                )
                .help("restore the file from a copy, or write the column again from its source"),
        );
    }

    /// A child that differs from its struct, and one beside it that does not.
    fn child(
        &mut self,
        (at, child, beside): (usize, usize, Option<usize>),
        (rows, expected): (u64, u64),
        laid: ColumnRows,
    ) {
        let fields = &self.view.schema.fields;
        let (Some(field), Some(child)) = (fields.get(at), fields.get(child)) else {
            return;
        };
        let (path, name) = (&child.path, &child.name);
        let parent = &field.path;
        // 2.0 holds a child against its struct even when it is read alone.
        let alone =
            self.view.version.is_structural() && self.stated.is_none_or(|stated| rows >= stated);
        let beside = beside.and_then(|beside| fields.get(beside));
        let finding = INFO
            .finding(format!(
                "column `{path}` has another number of rows than its struct `{parent}`"
            ))
            .column(path)
            .at(self.view.place(laid.index))
            .instead(format!("{expected} rows"), format!("{rows} rows"))
            .reader(
                "to_table()",
                format!(
                    "fails: cannot read field '{}': its children have differing lengths (child \
                         '{name}' has {rows} rows, but the field has {expected})",
                    field.name
                ),
            );
        let finding = match (alone, self.stated) {
            (false, Some(stated)) if self.view.version.is_structural() => finding.reader(
                format!("to_table(columns=[{path:?}])"),
                format!("fails: cannot read Ranges([0..{stated}]) from columns with {rows} rows"),
            ),
            (false, _) => finding.reader(
                format!("to_table(columns=[{path:?}])"),
                "fails in the same way",
            ),
            (true, _) => finding,
        };
        let read = match beside.map(|beside| &beside.path) {
            Some(beside) => {
                format!(
                    ":\nds = lance.dataset(uri)\nds.to_table(columns=[{}])",
                    py(beside)
                )
            }
            None => String::new(),
        };
        self.findings.add(match alone {
            true => finding.help_code(format!(
                "read the children one by one:\n\
                 ds = lance.dataset(uri)\n\
                 ds.to_table(columns=[{}])",
                py(path)
            )),
            false => finding.help_code(format!(
                "restore the file from a copy, or write the column again from its source; the other \
                 children can be read by their paths{read}"
            )),
        });
    }

    /// 2.0: holds the items that list offsets count against those that the column below has.
    fn list_items(&mut self) {
        for laid in self.view.laid {
            let Some(items) = laid.items else { continue };
            let Some(field) = self.view.field(laid) else {
                continue;
            };
            let child = field.children.first();
            let Some(below) = child.and_then(|child| self.laid.get(child)) else {
                continue;
            };
            if below.rows == items {
                continue;
            }
            let path = &field.path;
            self.findings.add(
                INFO.finding(format!(
                    "the lists of column `{path}` count other items than there are"
                ))
                .column(path)
                .at(self.view.place(below.index))
                .instead(format!("{items} items"), format!("{} items", below.rows))
                .reader("to_table()", "panics, or returns wrong items silently")
                .help("restore the file from a copy, or write the column again from its source"),
            );
        }
    }
}
