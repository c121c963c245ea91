//! The output of `inspect`: the pages of a column with all their parameters and buffers.

use std::io::{self, Write};

use anstyle::Style;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::json::{ByteRange, EncodingJson, byte_range, encoding_json};
use super::layout::{bytes, counted, number, prefixed, range, share, wrapped};
use super::tree;
use crate::commands::inspect::{ColumnInspection, Inspection, PageInspection};
use crate::model::encoding::EncodingResult;
use crate::printable::printable;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Writes an inspection for people.
///
/// # Errors
/// Whatever the writer says.
pub fn write(out: &mut dyn Write, inspection: &Inspection, width: usize) -> io::Result<()> {
    for (at, column) in inspection.columns.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        write_column(out, column, width)?;
    }
    if inspection.hidden > 0 {
        writeln!(out)?;
        writeln!(
            out,
            "… {} with this column; --fragment ID shows one",
            counted(inspection.hidden, "more fragment")
        )?;
    }
    Ok(())
}

fn write_column(out: &mut dyn Write, column: &ColumnInspection, width: usize) -> io::Result<()> {
    let fragment = column
        .fragment
        .map(|id| format!(", fragment {id}"))
        .unwrap_or_default();
    let head = format!(
        "{} ({}) · {}{fragment}, column {} · file version {} · {} · {} in {} ({} of the file)",
        column.path,
        column.type_text,
        column.file,
        column.index,
        column.version,
        counted(column.rows, "row"),
        bytes(column.bytes),
        counted(column.total_pages, "page"),
        share(column.bytes, column.file_size),
    );
    let path = printable(&column.path);
    for (at, line) in wrapped(&head, width, 2).into_iter().enumerate() {
        match line.strip_prefix(path.as_ref()).filter(|_| at == 0) {
            Some(rest) => writeln!(out, "{BOLD}{path}{BOLD:#}{rest}")?,
            None => writeln!(out, "{line}")?,
        }
    }
    if let Some(span) = &column.metadata {
        writeln!(out, "  column metadata: {}", range(span))?;
    }
    write_encoding(out, "  column encoding", &column.encoding, width)?;
    write_buffers(out, "  column buffer", &column.buffers, column.file_size)?;
    for (index, buffer) in column.global_buffers.iter().enumerate() {
        let what = if index == 0 {
            " (the file's own schema)"
        } else {
            ""
        };
        writeln!(
            out,
            "  global buffer {index}: {}{what}",
            buffer_text(buffer, column.file_size)
        )?;
    }
    for page in &column.pages {
        write_page(out, page, column.file_size, width)?;
    }
    let hidden = column.total_pages.saturating_sub(column.pages.len() as u64);
    if hidden > 0 && column.pages_cut {
        writeln!(
            out,
            "  … {}; --page N shows one",
            counted(hidden, "more page")
        )?;
    }
    Ok(())
}

fn write_page(
    out: &mut dyn Write,
    page: &PageInspection,
    file_size: u64,
    width: usize,
) -> io::Result<()> {
    writeln!(
        out,
        "  {BOLD}page {}{BOLD:#}: {} from row {} · {}",
        page.index,
        counted(page.rows, "row"),
        number(page.priority),
        bytes(page.bytes)
    )?;
    write_encoding(out, "    encoding", &page.encoding, width)?;
    write_buffers(out, "    buffer", &page.buffers, file_size)
}

fn write_encoding(
    out: &mut dyn Write,
    label: &str,
    encoding: &EncodingResult,
    width: usize,
) -> io::Result<()> {
    let indent = label.len() - label.trim_start().len() + 2;
    let go_on = " ".repeat(indent + 2);
    let encoding = match encoding {
        Ok(encoding) => encoding,
        Err(fault) => {
            for line in wrapped(&format!("{label}: it {fault}"), width, indent + 2) {
                writeln!(out, "{line}")?;
            }
            return Ok(());
        }
    };
    let mut lines = prefixed(&format!("{label}: "), &go_on, &encoding.notation, width);
    // The name of the type goes where there is room for it.
    let url = encoding.vocabulary.type_url();
    let last = lines.pop().unwrap_or_default();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    match last.width() + 1 + url.len() <= width {
        true => writeln!(out, "{last} {DIM}{url}{DIM:#}")?,
        false => writeln!(out, "{last}\n{go_on}{DIM}{url}{DIM:#}")?,
    }
    let layers = tree::layers(&encoding.root);
    if !layers.is_empty() {
        let text = format!("{:indent$}structure, outer to inner: {layers}", "");
        for line in wrapped(&text, width, indent + 2) {
            writeln!(out, "{line}")?;
        }
    }
    let room = width.saturating_sub(indent);
    for line in tree::draw(&encoding.root, true, None, room) {
        writeln!(out, "{:indent$}{line}", "")?;
    }
    for unknown in &encoding.unknown {
        writeln!(
            out,
            "{:indent$}unknown field {} {}",
            "", unknown.number, unknown.parent
        )?;
    }
    Ok(())
}

fn write_buffers(
    out: &mut dyn Write,
    label: &str,
    buffers: &[std::ops::Range<u64>],
    file_size: u64,
) -> io::Result<()> {
    for (index, buffer) in buffers.iter().enumerate() {
        writeln!(out, "{label} {index}: {}", buffer_text(buffer, file_size))?;
    }
    Ok(())
}

fn buffer_text(buffer: &std::ops::Range<u64>, file_size: u64) -> String {
    let size = buffer.end.saturating_sub(buffer.start);
    format!(
        "{}, {} ({} of the file)",
        range(buffer),
        bytes(size),
        share(size, file_size)
    )
}

/// An inspection for machines.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    schema_version: u32,
    columns: Vec<ColumnJson<'a>>,
    more_fragments: u64,
}

#[derive(Debug, Serialize)]
struct ColumnJson<'a> {
    file: &'a str,
    fragment: Option<u64>,
    column: &'a str,
    column_index: u32,
    logical_type: &'a str,
    file_version: String,
    file_size: u64,
    rows: u64,
    bytes: u64,
    total_pages: u64,
    metadata: Option<ByteRange>,
    encoding: EncodingOrFault,
    buffers: Vec<ByteRange>,
    global_buffers: Vec<ByteRange>,
    pages: Vec<PageJson>,
}

#[derive(Debug, Serialize)]
struct PageJson {
    page: u64,
    rows: u64,
    priority: u64,
    bytes: u64,
    encoding: EncodingOrFault,
    buffers: Vec<ByteRange>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum EncodingOrFault {
    Encoding(Box<EncodingJson>),
    Fault { fault: String },
}

/// Makes the document of an inspection.
pub fn document(inspection: &Inspection) -> Document<'_> {
    let ranges = |all: &[std::ops::Range<u64>]| all.iter().map(byte_range).collect();
    let columns = inspection.columns.iter().map(|column| ColumnJson {
        file: &column.file,
        fragment: column.fragment,
        column: &column.path,
        column_index: column.index,
        logical_type: &column.type_text,
        file_version: column.version.to_string(),
        file_size: column.file_size,
        rows: column.rows,
        bytes: column.bytes,
        total_pages: column.total_pages,
        metadata: column.metadata.as_ref().map(byte_range),
        encoding: encoding_or_fault(&column.encoding),
        buffers: ranges(&column.buffers),
        global_buffers: ranges(&column.global_buffers),
        pages: column
            .pages
            .iter()
            .map(|page| PageJson {
                page: page.index,
                rows: page.rows,
                priority: page.priority,
                bytes: page.bytes,
                encoding: encoding_or_fault(&page.encoding),
                buffers: ranges(&page.buffers),
            })
            .collect(),
    });
    Document {
        schema_version: super::json::SCHEMA_VERSION,
        columns: columns.collect(),
        more_fragments: inspection.hidden,
    }
}

fn encoding_or_fault(encoding: &EncodingResult) -> EncodingOrFault {
    match encoding {
        Ok(encoding) => EncodingOrFault::Encoding(Box::new(encoding_json(encoding))),
        Err(fault) => EncodingOrFault::Fault {
            fault: fault.to_string(),
        },
    }
}
