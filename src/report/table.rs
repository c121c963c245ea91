//! The column table.

use unicode_width::UnicodeWidthStr;

use super::layout::{bytes, counted, number, prefixed, share, wrapped};
use crate::check::{EncodingReport, FieldReport, Outside, StorageSite, SubjectKind, SubjectReport};
use crate::finding::Severity;
use crate::printable::printable;

/// Most rows of one field; what is over is folded into one that says so.
const MAX_ENCODINGS: usize = 5;
/// Schemas of more fields than this have runs of equal fields folded.
const FOLD_FROM: usize = 40;
/// Shortest run that is folded.
const SHORTEST_RUN: usize = 4;
/// Narrowest terminal that has room for the share beside the bytes.
const SHARE_FROM: usize = 100;
/// Narrowest that a column is made.
const LEAST_COLUMN: usize = 8;
/// Bytes in no column that are worth a row, and of which part of all.
const MUCH: u64 = 64 * 1024;
const MUCH_OF: u64 = 20;
/// Most fields that are shown; those with a verdict are always.
const MAX_FIELDS: usize = 200;

/// Signs before a verdict.
pub fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "✗",
        Severity::Warning => "!",
        Severity::Info => "·",
    }
}

/// Where a part of what is known of a field stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// No field has it.
    Absent,
    /// In a column of its own.
    Column,
    /// In lines below the field.
    Below,
}

impl Part {
    fn of(any: bool) -> Self {
        match any {
            true => Self::Column,
            false => Self::Absent,
        }
    }

    fn below(self) -> Self {
        match self {
            Self::Absent => Self::Absent,
            Self::Column | Self::Below => Self::Below,
        }
    }
}

/// Which optional parts a table has.
struct StoredType {
    requested: Part,
    versions: bool,
    fragments: bool,
    share: bool,
    verdicts: Part,
}

/// One field, or a run of fields alike, in a row or more.
struct Entry<'a> {
    first: &'a FieldReport,
    last: Option<&'a FieldReport>,
    fields: usize,
}

/// A cell: its lines, and whether they stand at the right.
struct Cell {
    lines: Vec<String>,
    right: bool,
    /// Whether it may be broken into more lines.
    breaks: bool,
}

impl Cell {
    /// A text that is broken where the table is too wide.
    fn text(text: impl Into<String>) -> Self {
        Self {
            lines: text
                .into()
                .lines()
                .map(|line| printable(line).into_owned())
                .collect(),
            right: false,
            breaks: true,
        }
    }

    /// A text that is kept whole.
    fn whole(text: impl Into<String>) -> Self {
        Self {
            breaks: false,
            ..Self::text(text)
        }
    }

    /// A number.
    fn number(text: impl Into<String>) -> Self {
        Self {
            right: true,
            ..Self::whole(text)
        }
    }

    fn width(&self) -> usize {
        let widths = self.lines.iter().map(|line| line.width());
        widths.max().unwrap_or(0)
    }
}

/// A row, and the lines below it that belong to no column.
struct Row {
    cells: Vec<Cell>,
    below: Vec<String>,
}

/// Draws the table of a subject in lines that are no wider than `width`. Where it is too wide, the
/// share goes, then the verdicts and what the schema requested for stand below the fields, then cells
/// are broken into more lines.
pub fn draw(subject: &SubjectReport, width: usize) -> Vec<String> {
    let fields = &subject.fields;
    if fields.is_empty() {
        return Vec::new();
    }
    let differs = |field: &FieldReport| {
        field.encodings.len() > 1 || field.absent_fragments > 0 || field.unreadable_fragments > 0
    };
    let mut shape = StoredType {
        requested: Part::of(fields.iter().any(|field| !field.requested.is_empty())),
        versions: subject.file_versions.len() > 1,
        fragments: subject.fragments > 1 && fields.iter().any(differs),
        share: width >= SHARE_FROM,
        verdicts: Part::of(fields.iter().any(|field| !field.verdicts.is_empty())),
    };
    let (entries, hidden) = entries(fields);
    let leaner: [fn(&mut StoredType); 3] = [
        |shape| shape.share = false,
        |shape| shape.verdicts = shape.verdicts.below(),
        |shape| shape.requested = shape.requested.below(),
    ];
    let mut leaner = leaner.into_iter();
    let (table, widths) = loop {
        let table = table(subject, &shape, &entries);
        let widths = widths(&table);
        if total(&widths) <= width {
            break (table, widths);
        }
        match leaner.next() {
            Some(lean) => lean(&mut shape),
            None => {
                let fitting = fitting(&table, widths, width);
                break (table, fitting);
            }
        }
    };
    let mut lines = Vec::new();
    for row in table {
        put(row, &widths, width, &mut lines);
    }
    if hidden > 0 {
        lines.extend(wrapped(
            &format!(
                " … {}, none with findings; --column NAME shows one",
                counted(hidden as u64, "more column")
            ),
            width,
            3,
        ));
    }
    lines
}

/// The header and the rows of a shape.
fn table(subject: &SubjectReport, shape: &StoredType, entries: &[Entry<'_>]) -> Vec<Row> {
    let mut header = vec![Cell::text("column"), Cell::text("type")];
    if shape.requested == Part::Column {
        header.push(Cell::text("requested encoding"));
    }
    header.push(Cell::text("stored as"));
    if shape.versions {
        header.push(Cell::whole("file"));
    }
    if shape.fragments {
        header.push(Cell::whole("fragments"));
    }
    header.extend(["pages", "rows", "bytes"].map(Cell::whole));
    if shape.share {
        header.push(Cell::whole("share"));
    }
    if shape.verdicts == Part::Column {
        header.push(Cell::whole(""));
    }
    let mut table = vec![Row {
        cells: header,
        below: Vec::new(),
    }];
    for entry in entries {
        rows(&mut table, subject, shape, entry);
    }
    outside(&mut table, subject, shape);
    table
}

/// How wide each column is when nothing is broken.
fn widths(table: &[Row]) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in table {
        for (at, cell) in row.cells.iter().enumerate() {
            match widths.get_mut(at) {
                Some(known) => *known = cell.width().max(*known),
                None => widths.push(cell.width()),
            }
        }
    }
    widths
}

/// How wide a table is: a blank stands on both sides of each column, and none at the end.
fn total(widths: &[usize]) -> usize {
    let all: usize = widths.iter().map(|width| width + 2).sum();
    all.saturating_sub(1)
}

/// The columns made narrower, the widest first, until all fit.
fn fitting(table: &[Row], mut widths: Vec<usize>, width: usize) -> Vec<usize> {
    let breaks = |at: usize| {
        let cells = table.iter().filter_map(|row| row.cells.get(at));
        cells.into_iter().any(|cell| cell.breaks)
    };
    let breaking: Vec<bool> = (0..widths.len()).map(breaks).collect();
    while total(&widths) > width {
        let columns = widths.iter_mut().zip(&breaking);
        let columns = columns.filter(|(width, breaks)| **breaks && **width > LEAST_COLUMN);
        let Some((widest, _)) = columns.max_by_key(|(width, _)| **width) else {
            break;
        };
        *widest -= 1;
    }
    widths
}

/// Puts a row down, its cells broken where they are too wide.
fn put(row: Row, widths: &[usize], whole: usize, into: &mut Vec<String>) {
    let cells: Vec<(Vec<String>, bool)> = row
        .cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| {
            let lines =
                cell.lines
                    .iter()
                    .flat_map(|line| match cell.breaks && line.width() > *width {
                        true => indented(line, *width),
                        false => vec![line.clone()],
                    });
            (lines.collect(), cell.right)
        })
        .collect();
    let tallest = cells
        .iter()
        .map(|(lines, _)| lines.len())
        .max()
        .unwrap_or(0);
    for at in 0..tallest.max(1) {
        let mut line = String::new();
        for ((lines, right), width) in cells.iter().zip(widths) {
            let text = lines.get(at).map_or("", String::as_str);
            let blank = " ".repeat(width.saturating_sub(text.width()));
            let (before, behind) = match right {
                true => (blank.as_str(), ""),
                false => ("", blank.as_str()),
            };
            line.push_str(&format!(" {before}{text}{behind} "));
        }
        into.push(line.trim_end().to_string());
    }
    into.extend(row.below.iter().flat_map(|line| indented(line, whole)));
}

/// A line broken at a width; those that follow stand below its first letter.
fn indented(line: &str, width: usize) -> Vec<String> {
    let indent = line.len() - line.trim_start().len();
    let indent = " ".repeat(indent.min(width / 2));
    prefixed(&indent, &indent, line.trim_start(), width)
}

/// A row for the bytes of data files that are in no column.
fn outside(table: &mut Vec<Row>, subject: &SubjectReport, shape: &StoredType) {
    let Outside { with_blobs, others } = subject.outside;
    let is_much = others >= MUCH && others >= subject.bytes / MUCH_OF;
    let kinds = [
        (
            with_blobs > 0,
            with_blobs,
            "outside of pages: blob values, padding",
        ),
        (is_much, others, "in no column of the schema"),
    ];
    for (_, size, what) in kinds.into_iter().filter(|(shown, ..)| *shown) {
        let mut cells = vec![Cell::text("…"), Cell::text("")];
        if shape.requested == Part::Column {
            cells.push(Cell::text(""));
        }
        cells.push(Cell::text(what));
        let empty = usize::from(shape.versions) + usize::from(shape.fragments) + 2;
        cells.extend((0..empty).map(|_| Cell::number("")));
        cells.push(Cell::number(bytes(size)));
        if shape.share {
            cells.push(Cell::number(share(size, subject.bytes)));
        }
        if shape.verdicts == Part::Column {
            cells.push(Cell::whole(""));
        }
        table.push(Row {
            cells,
            below: Vec::new(),
        });
    }
}

/// Folds runs of fields that are alike, and leaves out what is over the most.
fn entries(fields: &[FieldReport]) -> (Vec<Entry<'_>>, usize) {
    let fold = fields.len() > FOLD_FROM;
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut rest = fields;
    while let Some(first) = rest.first() {
        let alike = rest
            .iter()
            .take_while(|field| are_alike(first, field))
            .count();
        let run = if fold && alike >= SHORTEST_RUN {
            alike
        } else {
            1
        };
        let (taken, after) = rest.split_at(run);
        entries.push(Entry {
            first,
            last: taken.last().filter(|_| run > 1),
            fields: run,
        });
        rest = after;
    }
    if entries.len() <= MAX_FIELDS {
        return (entries, 0);
    }
    let mut room = MAX_FIELDS;
    let mut hidden = 0;
    entries.retain(|entry| {
        let keep = room > 0 || !entry.first.verdicts.is_empty();
        room = room.saturating_sub(1);
        if !keep {
            hidden += entry.fields;
        }
        keep
    });
    (entries, hidden)
}

fn are_alike(a: &FieldReport, b: &FieldReport) -> bool {
    let stored = |field: &FieldReport| {
        let encodings = field.encodings.iter();
        encodings
            .map(|e| (e.version, e.notation.clone(), e.fragments))
            .collect::<Vec<_>>()
    };
    a.verdicts == b.verdicts
        && a.depth == b.depth
        && a.type_text == b.type_text
        && a.nullable == b.nullable
        && a.requested == b.requested
        && a.absent_fragments == b.absent_fragments
        && a.unreadable_fragments == b.unreadable_fragments
        && stored(a) == stored(b)
}

fn rows(table: &mut Vec<Row>, subject: &SubjectReport, shape: &StoredType, entry: &Entry<'_>) {
    let field = entry.first;
    let indent = "  ".repeat(usize::try_from(field.depth).unwrap_or(0).min(20));
    let name = match entry.last {
        Some(last) => format!(
            "{indent}{} … {} ({} alike)",
            shown(&field.name),
            shown(&last.name),
            number(entry.fields as u64)
        ),
        None => format!("{indent}{}", shown(&field.name)),
    };
    let nullable = if field.nullable { "" } else { " not null" };
    let each = if entry.last.is_some() { "each " } else { "" };
    let requested = field.requested.iter();
    let requested: Vec<String> = requested
        .map(|(key, value)| format!("{} = {}", printable(key), printable(value)))
        .collect();
    let verdicts = field.verdicts.iter();
    let verdicts: Vec<String> = verdicts
        .map(|(severity, id)| format!("{} {id}", sign(*severity)))
        .collect();
    let mut parts: Vec<Stored<'_>> = field.encodings.iter().map(Stored::Pages).collect();
    let folded = parts.len().saturating_sub(MAX_ENCODINGS);
    if folded > 1 {
        parts.truncate(MAX_ENCODINGS);
        let rest = field.encodings.get(MAX_ENCODINGS..).unwrap_or_default();
        parts.push(Stored::Folded(rest));
    }
    if field.absent_fragments > 0 {
        parts.push(Stored::Absent(field.absent_fragments));
    }
    if field.unreadable_fragments > 0 && field.home == StorageSite::Unreadable {
        parts.push(Stored::Unreadable(field.unreadable_fragments));
    }
    if parts.is_empty() {
        parts.push(Stored::Nothing);
    }
    for (at, part) in parts.iter().enumerate() {
        let first = at == 0;
        let mut cells = Vec::new();
        let when = |text: String| if first { text } else { String::new() };
        cells.push(Cell::text(when(name.clone())));
        cells.push(Cell::text(when(format!(
            "{}{nullable}",
            printable(&field.type_text)
        ))));
        if shape.requested == Part::Column {
            cells.push(Cell::text(when(requested.join("\n"))));
        }
        cells.push(Cell::text(part.notation(subject, field)));
        if shape.versions {
            cells.push(Cell::whole(part.version()));
        }
        if shape.fragments {
            cells.push(Cell::number(
                part.fragments().map(number).unwrap_or_default(),
            ));
        }
        let (pages, rows, size) = part.sizes();
        let amount = |count: Option<u64>, text: fn(u64) -> String| {
            let text = count.map(|count| format!("{each}{}", text(count)));
            Cell::number(text.unwrap_or_default())
        };
        cells.push(amount(pages, number));
        cells.push(amount(rows, number));
        cells.push(amount(size, bytes));
        if shape.share {
            let share = size.map(|size| format!("{each}{}", share(size, subject.bytes)));
            cells.push(Cell::number(share.unwrap_or_default()));
        }
        if shape.verdicts == Part::Column {
            cells.push(Cell::whole(when(verdicts.join("\n"))));
        }
        table.push(Row {
            cells,
            below: Vec::new(),
        });
    }
    let Some(Row { below, .. }) = table.last_mut() else {
        return;
    };
    if shape.requested == Part::Below {
        below.extend(
            requested
                .iter()
                .map(|ask| format!("   {indent}requested: {ask}")),
        );
    }
    if shape.verdicts == Part::Below {
        below.extend(
            verdicts
                .iter()
                .map(|verdict| format!("   {indent}{verdict}")),
        );
    }
}

/// A field's name; one that is empty or holds control characters is quoted.
fn shown(name: &str) -> std::borrow::Cow<'_, str> {
    match name.is_empty() {
        true => "\"\"".into(),
        false => printable(name),
    }
}

/// One row's worth of how a field is stored.
enum Stored<'a> {
    Pages(&'a EncodingReport),
    Folded(&'a [EncodingReport]),
    Absent(u64),
    Unreadable(u64),
    Nothing,
}

impl Stored<'_> {
    fn notation(&self, subject: &SubjectReport, field: &FieldReport) -> String {
        match self {
            Self::Pages(encoding) => encoding.notation.clone(),
            Self::Folded(rest) => format!("… {} more encodings", rest.len()),
            Self::Absent(_) => "in no file: null".to_string(),
            Self::Unreadable(_) => "unreadable".to_string(),
            Self::Nothing if field.home == StorageSite::Above => "(above)".to_string(),
            Self::Nothing if field.home == StorageSite::Children => String::new(),
            Self::Nothing => match (&subject.kind, subject.data_files) {
                (SubjectKind::Dataset(facts), 0) if facts.total_fragments > subject.fragments => {
                    "not looked at".to_string()
                }
                (SubjectKind::Dataset(_), 0) => "no data files".to_string(),
                _ => "no pages".to_string(),
            },
        }
    }

    fn version(&self) -> String {
        match self {
            Self::Pages(encoding) => encoding.version.to_string(),
            _ => String::new(),
        }
    }

    fn fragments(&self) -> Option<u64> {
        match self {
            Self::Pages(encoding) => Some(encoding.fragments),
            Self::Absent(fragments) | Self::Unreadable(fragments) => Some(*fragments),
            Self::Folded(_) | Self::Nothing => None,
        }
    }

    fn sizes(&self) -> (Option<u64>, Option<u64>, Option<u64>) {
        let sum = |all: &[EncodingReport]| {
            let add = |part: fn(&EncodingReport) -> u64| {
                Some(all.iter().map(part).fold(0, u64::saturating_add))
            };
            (add(|e| e.pages), add(|e| e.rows), add(|e| e.bytes))
        };
        match self {
            Self::Pages(encoding) => sum(std::slice::from_ref(encoding)),
            Self::Folded(rest) => sum(rest),
            Self::Absent(_) | Self::Unreadable(_) | Self::Nothing => (None, None, None),
        }
    }
}
