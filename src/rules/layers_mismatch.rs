use std::sync::Arc;

use super::{ColumnView, ColumnsView, NestedPages, Rule, page};
use crate::finding::{Findings, RuleInfo};
use crate::model::encoding::{Encoding, Kind, Layer, Node};
use crate::typecheck::TypeErrorKind;

rule! {
    /// The pages of a column are nested in another way than its field. From 2.1 on a page names
    /// its structural layers: an item layer for the leaf, then an item layer for each struct and a
    /// list layer for each list around it. Here they are not those of the field. Or the repetition
    /// and definition levels that they need are not stored, or are stored and not needed.
    ///
    /// ## What readers do
    /// Readers rebuild lists and nulls from the layers. They panic in `repdef.rs`, or return lists
    /// and nulls in wrong places **silently**:
    ///
    /// - `index out of bounds`, or `internal error: entered unreachable code` (panics)
    /// - `Expected repetition level but data didn't contain repetition` (a panic)
    /// - `Planar dense layers are empty or invalid`
    /// - `Sparse structural metadata has fewer layers than the Arrow schema`
    ///
    /// If two children of one struct or list tell differently where it is null, reads of both
    /// together fail: `Structural sibling fields have incompatible validity metadata for …
    /// values`, or panic.
    ///
    /// ## How it comes about
    /// - The nesting of a field was changed in the schema after the data was written.
    /// - `merge_insert()` of some columns by Lance before 6.0 wrote such pages of strings and
    ///   binaries (lance-format/lance#6338).
    /// - A `list<null>` of nothing but nulls was written so by Lance 0.39 to 4.0.2.
    /// - The file's metadata was damaged.
    ///
    /// ## How to fix it
    /// Restore the file from a copy, or write the column again from its source. For children that
    /// contradict each other, read them one by one. Else read the other columns:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=[n for n in ds.schema.names if n != "column"])
    /// ```
    static INFO = Error "layers-mismatch", "a page's structural layers are not those of the field's nesting";
}

/// See [`INFO`].
pub struct LayersMismatch;

impl Rule for LayersMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        for fault in page::about(view, TypeErrorKind::Layers) {
            let path = &view.field.path;
            let message = format!(
                "pages of column `{path}` have {} instead of {}",
                fault.complaint.found, fault.complaint.expected
            );
            let finding = page::finding(&INFO, view, fault, message);
            findings.add(finding.help(view.restore_mend()));
        }
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        for (position, one) in view.nested.iter().enumerate() {
            // Depth first, so what shares the most with a column stands right behind it.
            let Some(other) = view.nested.get(position + 1) else {
                continue;
            };
            let Some(page) = disagree(view, one, other) else {
                continue;
            };
            let fields = &view.schema.fields;
            let (Some(field), Some(beside)) = (fields.get(one.at), fields.get(other.at)) else {
                continue;
            };
            let path = &beside.path;
            let mut place = view.place(other.index);
            place.page = u64::try_from(page).ok();
            findings.add(
                INFO.finding(format!(
                    "columns `{path}` and `{}` disagree about where the struct around both is null",
                    field.path
                ))
                .column(path)
                .at(place)
                .instead("the same layers for what both are in", "other layers")
                .reader(
                    "to_table()",
                    "fails: Structural sibling fields have incompatible validity metadata for … values, or \
                     panics",
                )
                .help(
                    "read the children one by one, or restore the file from a copy",
                ),
            );
        }
    }
}

/// The first page in which two columns do not agree on the layers around both. Only columns whose
/// pages cover the same rows can be compared.
fn disagree(view: &ColumnsView<'_>, one: &NestedPages, other: &NestedPages) -> Option<usize> {
    let above = |at: usize| view.schema.ancestors(at).collect::<Vec<_>>();
    let (first, second) = (above(one.at), above(other.at));
    let pairs = first.iter().rev().zip(second.iter().rev());
    let common = pairs.take_while(|(one, other)| one == other).count();
    let rows = one.pages.iter().map(|(rows, _)| rows);
    if common == 0 || !rows.eq(other.pages.iter().map(|(rows, _)| rows)) {
        return None;
    }
    let mut pages = one.pages.iter().zip(&other.pages);
    pages.position(|((_, one), (_, other))| {
        let outer = (outer(one, first.len()), outer(other, second.len()));
        let (Some(one), Some(other)) = outer else {
            return false;
        };
        !one.iter()
            .rev()
            .take(common)
            .eq(other.iter().rev().take(common))
    })
}

/// The layers of a page of dense structure at a depth, inner to outer.
fn outer(encoding: &Option<Arc<Encoding>>, depth: usize) -> Option<&[Layer]> {
    dense_layers(&encoding.as_ref()?.root)?.get(..depth + 1)
}

/// The layers of a page of dense structure, inner to outer.
fn dense_layers(root: &Node) -> Option<&[Layer]> {
    match &root.kind {
        Kind::MiniBlock { layers, .. }
        | Kind::FullZip { layers, .. }
        | Kind::ConstantLayout { layers, .. } => Some(layers),
        Kind::Planar => match &root.child("structure")?.kind {
            Kind::DenseStructure { layers } => Some(layers),
            _ => None,
        },
        _ => None,
    }
}
