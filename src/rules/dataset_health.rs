use super::{ColumnTotal, Rule, WholeView, manifest_place};
use crate::finding::{Finding, Findings, RuleInfo};
use crate::model::snapshot::Naming;

rule! {
    /// Nothing is wrong, and reads are slower or take more space than they need. These are infos.
    /// Datasets of ordinary size and age have none.
    ///
    /// ## What readers do
    /// They give right results, and pay for this:
    ///
    /// - 100 or more fragments of fewer than 100,000 rows. A scan makes a request or more for
    ///   each.
    /// - 10,000 deleted rows or more, and a tenth of all. Scans read over them.
    /// - More than 1,000 versions, or more than 100 with manifest names of the old scheme. An open
    ///   lists them, and their files stay.
    /// - A manifest of 16 MiB or more. Every open reads and decodes all of it.
    /// - 16 MiB or more of metadata in the data files, and 30 % of their bytes.
    /// - An index that does not cover 100,000 rows or more, and a tenth of all. Queries scan those
    ///   one by one (lance-format/lance#4884).
    /// - Pages of 256 MiB or more on average, or 1,000 pages of less than 1 KiB.
    ///
    /// ## How it comes about
    /// Many small writes, updates and deletes without compaction or cleanup
    /// (lance-format/lance#8740), and appends after an index was built.
    ///
    /// ## How to fix it
    /// Take what the finding names. Compaction rewrites data as a new version and keeps all rows:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.optimize.compact_files()
    /// ds.optimize.optimize_indices()
    /// ```
    ///
    /// Cleanup deletes versions for good:
    ///
    /// ```python
    /// from datetime import timedelta
    /// lance.dataset(uri).cleanup_old_versions(timedelta(days=14))
    /// ```
    ///
    /// `lance.dataset(uri).migrate_manifest_paths_v2()` gives manifests names that sort the last
    /// one first. Pages that are too large want smaller batches when the column is written.
    ///
    /// All of it may be left alone where reads are fast enough.
    ///
    /// ## When it is silent
    /// It speaks only when all of the dataset was looked at. Small pages are not named beside
    /// small fragments.
    static INFO = Info "dataset-health", "reads are slower or take more space than they need";
}

/// See [`INFO`].
pub struct DatasetHealth;

// Each threshold with the reason for its height.

/// Rows below which a fragment is small: a tenth of what compaction aims at by default.
const SMALL_FRAGMENT_ROWS: u64 = 100_000;
/// Small fragments that are worth a compaction: each costs a scan a request or two.
const MANY_SMALL_FRAGMENTS: usize = 100;
/// Share of deleted rows, in percent, from which compaction takes a fragment by default.
const DELETED_PERCENT: u64 = 10;
/// Deleted rows that are worth it whatever their share.
const DELETED_ROWS: u64 = 10_000;
/// Versions from which listing them takes object stores more than one request.
const MANY_VERSIONS: usize = 1_000;
/// Versions from which manifests of the old naming make an open slow: it lists them all.
const MANY_V1_VERSIONS: usize = 100;
/// Bytes of a manifest that every open reads and decodes.
const LARGE_MANIFEST: u64 = 16 * 1024 * 1024;
/// Rows without an index that a query scans one by one.
const UNINDEXED_ROWS: u64 = 100_000;
/// Share of such rows, in percent.
const UNINDEXED_PERCENT: u64 = 10;
/// Bytes of a page on average below which its metadata and its request cost more than it holds.
const TINY_PAGE: u64 = 1024;
/// Bytes of a page above which one row costs megabytes of reads with some encodings.
const GIANT_PAGE: u64 = 256 * 1024 * 1024;
/// Share of metadata in the data files, in percent, from which reads are about metadata.
const METADATA_PERCENT: u64 = 30;
/// Bytes of metadata that are worth it.
const MUCH_METADATA: u64 = 16 * 1024 * 1024;
/// Pages of a column from which their average tells something.
const MANY_PAGES: u64 = 1_000;

impl Rule for DatasetHealth {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn whole(&self, view: &WholeView<'_>, findings: &mut Findings) {
        if !view.complete {
            return;
        }
        let small = fragments(view);
        // Small fragments have small pages.
        let pages = view
            .columns
            .iter()
            .filter_map(|column| pages(column, small.is_none()));
        let pages: Vec<Finding> = pages.collect();
        let all = small
            .into_iter()
            .chain(deleted(view))
            .chain(versions(view))
            .chain(manifest(view))
            .chain(metadata(view))
            .chain(indices(view))
            .chain(pages);
        for finding in all {
            findings.add(finding.at(manifest_place(view.snapshot)));
        }
    }
}

const COMPACT: &str = "lance.dataset(uri).optimize.compact_files()";

/// Whether a part is at least so many percent of a whole.
fn is_share(part: u64, whole: u64, percent: u64) -> bool {
    u128::from(part) * 100 >= u128::from(whole) * u128::from(percent)
}

fn fragments(view: &WholeView<'_>) -> Option<Finding> {
    let all = &view.snapshot.message().fragments;
    let small = all
        .iter()
        .filter(|fragment| (1..SMALL_FRAGMENT_ROWS).contains(&fragment.physical_rows));
    let small = small.count();
    (small >= MANY_SMALL_FRAGMENTS).then(|| {
        INFO.finding(format!(
            "{small} of {} fragments have fewer than {SMALL_FRAGMENT_ROWS} rows",
            all.len()
        ))
        .reader("to_table()", "makes a request or more for each")
        .help(COMPACT)
    })
}

fn deleted(view: &WholeView<'_>) -> Option<Finding> {
    let (deleted, rows) = (view.deleted_rows, view.physical_rows);
    (deleted >= DELETED_ROWS && is_share(deleted, rows, DELETED_PERCENT)).then(|| {
        INFO.finding(format!(
            "{deleted} of {rows} rows are deleted and still stored"
        ))
        .reader("to_table()", "reads over them")
        .help(COMPACT)
    })
}

fn versions(view: &WholeView<'_>) -> Option<Finding> {
    let old = view.snapshot.entry.naming == Naming::V1;
    let most = if old { MANY_V1_VERSIONS } else { MANY_VERSIONS };
    (view.versions > most).then(|| {
        let finding = INFO
            .finding(format!(
                "the dataset keeps {} versions{}",
                view.versions,
                if old {
                    ", whose manifests have names of the old scheme"
                } else {
                    ""
                }
            ))
            .reader(
                "lance.dataset(uri)",
                "lists them before it opens the last, and their files stay",
            );
        let finding = match old {
            true => finding.help(
                "give the manifests names that sort the last one first:\n\
                 lance.dataset(uri).migrate_manifest_paths_v2()",
            ),
            false => finding,
        };
        finding.help(
            "let go what is older than two weeks:\n\
             from datetime import timedelta\n\
             lance.dataset(uri).cleanup_old_versions(timedelta(days=14))",
        )
    })
}

fn manifest(view: &WholeView<'_>) -> Option<Finding> {
    let size = view.snapshot.manifest.size;
    (size >= LARGE_MANIFEST).then(|| {
        INFO.finding(format!("the manifest has {} MiB", size / 1024 / 1024))
            .reader("lance.dataset(uri)", "reads and decodes all of it")
            .help(format!("fewer fragments make it smaller: {COMPACT}"))
    })
}

fn metadata(view: &WholeView<'_>) -> Option<Finding> {
    let (all, metadata) = view.stored;
    (metadata >= MUCH_METADATA && is_share(metadata, all, METADATA_PERCENT)).then(|| {
        INFO.finding(format!(
            "{} of {} MiB of the data files are metadata of their columns and pages",
            metadata / 1024 / 1024,
            all / 1024 / 1024
        ))
        .reader("to_table() and take()", "read that before any value")
        .help(format!("fewer and larger files have less of it: {COMPACT}"))
    })
}

fn indices(view: &WholeView<'_>) -> Vec<Finding> {
    let fragments = &view.snapshot.message().fragments;
    let mut names: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for state in view
        .indices
        .iter()
        .filter(|state| !state.index.is_internal())
    {
        let name = state.index.name.as_str();
        if names.contains(&name) {
            continue;
        }
        names.push(name);
        let segments = || view.indices.iter().filter(|other| other.index.name == name);
        // Who does not tell may cover all.
        if segments().any(|segment| segment.index.covered().is_none()) {
            continue;
        }
        let covers = |id: u64| {
            let id = u32::try_from(id).unwrap_or(u32::MAX);
            segments().any(|s| {
                s.index
                    .covered()
                    .is_some_and(|covered| covered.contains(id))
            })
        };
        let outside = fragments.iter().filter(|fragment| !covers(fragment.id));
        let rows = outside.map(|fragment| fragment.physical_rows);
        let rows = rows.fold(0, u64::saturating_add);
        if rows >= UNINDEXED_ROWS && is_share(rows, view.physical_rows, UNINDEXED_PERCENT) {
            found.push(
                INFO.finding(format!(
                    "index {name:?} does not cover {rows} of {} rows",
                    view.physical_rows
                ))
                .reader("to_table(filter=…) or nearest=…", "scans them one by one")
                .help("lance.dataset(uri).optimize.optimize_indices()"),
            );
        }
    }
    found
}

fn pages(column: &ColumnTotal, tiny: bool) -> Option<Finding> {
    let average = column.bytes.checked_div(column.pages)?;
    if average >= GIANT_PAGE {
        return Some(
            INFO.finding(format!(
                "pages of column `{}` have {} MiB on average",
                column.path,
                average / 1024 / 1024
            ))
            .column(&column.path)
            .reader("take()", "may read much for one row")
            .help("write the column in smaller batches"),
        );
    }
    (tiny && column.pages >= MANY_PAGES && average < TINY_PAGE && column.bytes > 0).then(|| {
        INFO.finding(format!(
            "column `{}` has {} pages of {average} bytes on average",
            column.path, column.pages
        ))
        .column(&column.path)
        .reader("to_table()", "spends more on their metadata than on values")
        .help(COMPACT)
    })
}
