//! The column table.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::layout::{bytes, counted, number, share};
use crate::check::{EncodingReport, FieldReport, Home, SubjectKind, SubjectReport};
use crate::finding::Severity;

/// Most rows of one field; what is over is folded into one that says so.
const MOST_ENCODINGS: usize = 5;
/// Schemas of more fields than this have runs of equal fields folded.
const FOLD_FROM: usize = 40;
/// Shortest run that is folded.
const SHORTEST_RUN: usize = 4;
/// Narrowest terminal that has room for the share beside the bytes.
const SHARE_FROM: usize = 100;
/// Most fields that are shown; those with a verdict are always.
const MOST_FIELDS: usize = 200;

/// Signs before a verdict.
pub fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "✗",
        Severity::Warning => "!",
        Severity::Info => "·",
    }
}

/// Which optional columns a table has.
struct Shape {
    asks: bool,
    versions: bool,
    fragments: bool,
    share: bool,
    verdicts: bool,
}

/// One field, or a run of fields alike, in a row or more.
struct Entry<'a> {
    first: &'a FieldReport,
    last: Option<&'a FieldReport>,
    fields: usize,
}

/// Draws the table of a subject; `width` is the terminal's.
pub fn draw(subject: &SubjectReport, width: Option<usize>) -> Vec<String> {
    let fields = &subject.fields;
    if fields.is_empty() {
        return Vec::new();
    }
    let differs = |field: &FieldReport| {
        field.encodings.len() > 1 || field.absent_fragments > 0 || field.unreadable_fragments > 0
    };
    let shape = Shape {
        asks: fields.iter().any(|field| !field.asks.is_empty()),
        versions: subject.file_versions.len() > 1,
        fragments: subject.fragments > 1 && fields.iter().any(differs),
        share: width.is_none_or(|width| width >= SHARE_FROM),
        verdicts: fields.iter().any(|field| !field.verdicts.is_empty()),
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    let mut header = vec!["column", "type"];
    if shape.asks {
        header.push("schema asks for");
    }
    header.push("stored as");
    if shape.versions {
        header.push("file");
    }
    if shape.fragments {
        header.push("fragments");
    }
    header.extend(["pages", "rows", "bytes"]);
    if shape.share {
        header.push("share");
    }
    if shape.verdicts {
        header.push("");
    }
    table.set_header(header);
    let (entries, hidden) = entries(fields);
    for entry in entries {
        rows(&mut table, subject, &shape, &entry);
    }
    let mut lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_string())
        .collect();
    if hidden > 0 {
        lines.push(format!(
            " … {}, none with findings; --column NAME shows one",
            counted(hidden as u64, "more column")
        ));
    }
    lines
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
    if entries.len() <= MOST_FIELDS {
        return (entries, 0);
    }
    let mut room = MOST_FIELDS;
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
        && a.asks == b.asks
        && a.absent_fragments == b.absent_fragments
        && a.unreadable_fragments == b.unreadable_fragments
        && stored(a) == stored(b)
}

fn rows(table: &mut Table, subject: &SubjectReport, shape: &Shape, entry: &Entry<'_>) {
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
    let mut parts: Vec<Stored<'_>> = field.encodings.iter().map(Stored::Pages).collect();
    let folded = parts.len().saturating_sub(MOST_ENCODINGS);
    if folded > 1 {
        parts.truncate(MOST_ENCODINGS);
        let rest = field.encodings.get(MOST_ENCODINGS..).unwrap_or_default();
        parts.push(Stored::Folded(rest));
    }
    if field.absent_fragments > 0 {
        parts.push(Stored::Absent(field.absent_fragments));
    }
    if field.unreadable_fragments > 0 && field.home == Home::Unreadable {
        parts.push(Stored::Unreadable(field.unreadable_fragments));
    }
    if parts.is_empty() {
        parts.push(Stored::Nothing);
    }
    for (at, part) in parts.iter().enumerate() {
        let first = at == 0;
        let mut cells = Vec::new();
        let when = |text: String| if first { text } else { String::new() };
        cells.push(Cell::new(when(name.clone())));
        cells.push(Cell::new(when(format!("{}{nullable}", field.type_text))));
        if shape.asks {
            let asks: Vec<String> = field
                .asks
                .iter()
                .map(|(k, v)| format!("{k} = {v}"))
                .collect();
            cells.push(Cell::new(when(asks.join("\n"))));
        }
        cells.push(Cell::new(part.notation(subject, field)));
        if shape.versions {
            cells.push(Cell::new(part.version()));
        }
        if shape.fragments {
            let fragments = part.fragments().map(number).unwrap_or_default();
            cells.push(Cell::new(fragments).set_alignment(CellAlignment::Right));
        }
        let (pages, rows, size) = part.sizes();
        let amount = |count: Option<u64>, text: fn(u64) -> String| {
            let text = count
                .map(|count| format!("{each}{}", text(count)))
                .unwrap_or_default();
            Cell::new(text).set_alignment(CellAlignment::Right)
        };
        cells.push(amount(pages, number));
        cells.push(amount(rows, number));
        cells.push(amount(size, bytes));
        if shape.share {
            let share = size
                .map(|size| format!("{each}{}", share(size, subject.bytes)))
                .unwrap_or_default();
            cells.push(Cell::new(share).set_alignment(CellAlignment::Right));
        }
        if shape.verdicts {
            let verdicts = field.verdicts.iter();
            let verdicts: Vec<String> = verdicts
                .map(|(severity, id)| format!("{} {id}", sign(*severity)))
                .collect();
            cells.push(Cell::new(when(verdicts.join("\n"))));
        }
        table.add_row(cells);
    }
}

/// A field's name; one that is empty or holds control characters is quoted.
fn shown(name: &str) -> String {
    if name.is_empty() || name.chars().any(char::is_control) {
        format!("{name:?}")
    } else {
        name.to_string()
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
            Self::Nothing if field.home == Home::Above => "(above)".to_string(),
            Self::Nothing if field.home == Home::Children => String::new(),
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
