use super::{ColumnView, ColumnsView, Rule, page};
use crate::finding::{Finding, Findings, RuleInfo, Severity};
use crate::model::version::FileVersion;
use crate::typecheck::TypeErrorKind;
use crate::typecheck::legacy::Whole;
use crate::typecheck::pages::PageFault;

rule! {
    /// A page counts other rows than its encoding counts items, though the column has no lists in
    /// which they could differ. Here belongs, too, a struct of 2.0 whose own column has more than
    /// one page.
    ///
    /// ## What readers do
    /// Readers decode as many values as the one count says, and hand out as many rows as the
    /// other. So they fail or panic:
    ///
    /// - `… buffer has … bytes, expected …`
    /// - `Sparse structural … positions cardinality … exceeds domain …` (2.3)
    /// - `Sparse encoded row domain … is not divisible by fixed-size-list scale …` (2.3)
    /// - `Due to schema we expected a struct column but we received a column with … pages and
    ///   right now we only support struct columns with 1 page` (a panic of 2.0)
    ///
    /// Pages that stand in another order than the rows at which they say that they begin:
    /// `to_table()` returns the values in the order of the pages **silently**.
    ///
    /// A page of a 0.1 file is compared with its batch. One of fewer rows fails:
    /// `PlainDecoder: request([0..20]) out of range: [0..19]`. Of one with more rows, readers take
    /// the first ones. That is a warning. For a child of a struct it is an info: Lance up to 0.20
    /// wrote the children of a struct whole where it was given a slice of it. If the slice did not
    /// begin at the first row, the values are **those of other rows**.
    ///
    /// ## How it comes about
    /// - The file's metadata was damaged.
    /// - A tool joined or split pages, and corrected only one of the two counts.
    ///
    /// ## How to fix it
    /// Restore the file from a copy, or write the column again from its source. Until then, read
    /// the other columns:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=[n for n in ds.schema.names if n != "column"])
    /// ```
    ///
    /// ## When it is silent
    /// Rows and items differ rightly in lists, and in fixed-size lists of structs. If the encoding
    /// itself cannot be run, `encoding-malformed` speaks alone.
    static INFO = Error "page-rows-mismatch", "a page counts other rows than its encoding counts items";
}

/// See [`INFO`].
pub struct PageRowsMismatch;

impl Rule for PageRowsMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        for fault in page::about(view, TypeErrorKind::Rows) {
            let path = &view.field.path;
            let message =
                format!("a page of column `{path}` counts other rows than its encoding does");
            let finding = page::finding(&INFO, view, fault, message);
            findings.add(finding.help(view.restore_mend()));
        }
        if let Some(finding) = out_of_order(view) {
            findings.add(finding);
        }
        for fault in page::about(view, TypeErrorKind::Spare) {
            findings.add(spare(view, fault));
        }
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        let Some(Whole::Batch {
            batch,
            stated,
            held,
        }) = view.layout.and_then(|layout| layout.whole.as_ref())
        else {
            return;
        };
        let mut place = view.file.place();
        place.detail = Some(format!("batch {batch}"));
        let effect = match stated > held {
            true => {
                format!("fails: PlainDecoder: request([0..{stated}]) out of range: [0..{held}]")
            }
            false => "leaves rows out silently".to_string(),
        };
        findings.add(
            INFO.finding("a batch of a 0.1 file counts other rows than all of its pages")
                .at(place)
                .instead(
                    format!("{held} rows, as its pages have"),
                    format!("{stated} rows"),
                )
                .reader("to_table()", effect)
                .help("restore the file from a copy"),
        );
    }
}

/// A page of a 0.1 file that counts more rows than its batch. Readers take the first ones.
fn spare(view: &ColumnView<'_>, fault: &PageFault) -> Finding {
    let path = &view.field.path;
    let message = format!("a page of column `{path}` counts more rows than its batch does");
    let finding = page::finding(&INFO, view, fault, message);
    // What the writers of old releases did with slices of structs.
    match view.field.parent {
        Some(_) => finding
            .severity(Severity::Info)
            .cause(
                "Lance up to 0.20 wrote the children of a struct whole where it was given a slice of it",
            )
            .help(
                "compare the column with its source; where it differs, write it again from its source",
            ),
        None => finding
            .severity(Severity::Warning)
            .help("restore the file from a copy"),
    }
}

/// A column whose pages stand in another order than their first rows. A page's priority is the row
/// at which it begins. Not all writers state it, so it is believed where all of the column's pages
/// have one, and together they leave no gap.
fn out_of_order(view: &ColumnView<'_>) -> Option<Finding> {
    let pages = &view.column.pages;
    if view.version == FileVersion::V0_1 || pages.is_sorted_by_key(|page| page.priority) {
        return None;
    }
    let mut sorted: Vec<(u64, u64)> = pages
        .iter()
        .map(|page| (page.priority, page.rows))
        .collect();
    sorted.sort_unstable();
    let mut begins = 0u64;
    for (priority, rows) in sorted {
        if priority != begins {
            return None;
        }
        begins = begins.checked_add(rows)?;
    }
    let mut pairs = pages.iter().zip(pages.iter().skip(1));
    let number = pairs.position(|(page, next)| page.priority > next.priority)?;
    let first = |number: usize| pages.get(number).map_or(0, |page| page.priority);
    let (own, next) = (first(number), first(number.saturating_add(1)));
    let path = &view.field.path;
    Some(
        INFO.finding(format!(
            "the pages of column `{path}` stand in another order than their rows"
        ))
        .column(path)
        .at(view.page_place(number))
        .instead(
            "pages in the order of the rows at which they say that they begin",
            format!("a page that begins at row {own} before one that begins at row {next}"),
        )
        .reader(
            "to_table()",
            "returns the values in the order of the pages silently, so each stands in another row",
        )
        .cause("the file's metadata was damaged or edited")
        .help(view.restore_mend()),
    )
}
