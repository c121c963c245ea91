use super::{ColumnView, ColumnsView, Rule};
use crate::finding::{EncodingLabel, Findings, Place, RuleInfo, Severity};
use crate::model::data_file::Column;
use crate::model::encoding::{Encoding, EncodingFamily, EncodingFault, EncodingResult, Kind, Node};
use crate::model::version::FileVersion;
use crate::typecheck::pages::vocabulary;

rule! {
    /// A page or column has no encoding, one that does not decode, or one that a file of its
    /// version does not have. No reader can decode such a page.
    ///
    /// ## What readers do
    /// `to_table()` fails:
    ///
    /// - No encoding: `Column … page … is missing its encoding`, `Missing … encoding location` or
    ///   `Missing … encoding description`.
    /// - An encoding that is said to be elsewhere: `Indirect file encodings are not supported`.
    /// - Bytes that do not decode: `Invalid direct … encoding`, with or without `envelope`.
    /// - The encoding of another file version:
    ///   `unexpected type URL.type_url: expected type URL: …`.
    /// - A part left out: `… page is missing its page layout` or
    ///   `… compressive encoding is missing its compression variant`. In 2.0 the reader panics,
    ///   and the log says `Lance reader producer terminated before end of stream`.
    /// - In 2.0, a column encoding that is none, or a zone index: `… was missing a ColumnEncoding`
    ///   or `no decoder is registered to handle it`.
    ///
    /// ## How it comes about
    /// The file's metadata was damaged or edited. An encoding of a type that lance-lint does not
    /// know may come from a Lance newer than 14.0.2, and is a warning.
    ///
    /// ## How to fix it
    /// If a newer Lance wrote the file, check it with a newer lance-lint. Else restore it from a
    /// copy. Or go back to a version that does not name the file. What was committed since is left
    /// behind:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// ## When it is silent
    /// Pages from before a version was finished are `pre-stable-pages`. A field that lance-lint
    /// does not know, in the place of a part, is `unknown-protobuf-field`.
    static INFO = Error "encoding-unreadable", "a page's or column's encoding is missing, damaged or of another file version";
}

/// See [`INFO`].
pub struct EncodingUnreadable;

impl Rule for EncodingUnreadable {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        for (index, column) in view.unused {
            unused(view, *index, column, findings);
        }
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        // What is missing from metadata that did not decode is no fault of its own.
        if !view.column.faults.is_empty() {
            return;
        }
        let path = &view.field.path;
        if let Err(fault) = &view.column.encoding
            && matches!(**fault, EncodingFault::UnknownType(_))
        {
            unknown_type(view, fault, view.place(), findings);
        } else if let Err(fault) = &view.column.encoding {
            let finding = INFO
                .finding(format!("column `{path}` {fault}"))
                .column(path);
            findings.add(
                finding
                    .at(view.place())
                    .reader("to_table()", effect(fault))
                    .help("restore the file from a copy"),
            );
        }
        if let Ok(encoding) = &view.column.encoding {
            column_encoding(view, encoding, findings);
        }
        for (at, page) in view.column.pages.iter().enumerate() {
            let place = || view.page_place(at);
            match &page.encoding {
                Err(fault) if matches!(**fault, EncodingFault::UnknownType(_)) => {
                    unknown_type(view, fault, place(), findings);
                }
                Err(fault) => findings.add(
                    INFO.finding(format!("a page of column `{path}` {fault}"))
                        .column(path)
                        .at(place())
                        .reader("to_table()", effect(fault))
                        .help("restore the file from a copy"),
                ),
                Ok(encoding) => {
                    if let Some(expected) = wrong_vocabulary(view.version, encoding.vocabulary) {
                        wrong_type(view, &page.encoding, expected, place(), findings);
                    } else if let Some(node) = hole(&encoding.root) {
                        holes(view, encoding, node, place(), findings);
                    }
                }
            }
        }
    }
}

/// What is wrong with the encodings of a column that no field of the schema is in. What this build
/// does not know stands in newer files too, and is left to the columns that are read.
fn unused(view: &ColumnsView<'_>, index: u32, column: &Column, findings: &mut Findings) {
    if !column.faults.is_empty() {
        return;
    }
    let pages = column.pages.iter().map(|page| &page.encoding);
    let mut encodings = std::iter::once(&column.encoding).chain(pages);
    let fault = encodings.find_map(|encoding| {
        let fault = encoding.as_ref().err()?;
        (!matches!(**fault, EncodingFault::UnknownType(_))).then_some(fault)
    });
    let pages = column.pages.iter();
    let mut trees = pages.filter_map(|page| page.encoding.as_ref().ok());
    let (what, effect) = match fault {
        Some(fault) => (fault.to_string(), effect(fault)),
        None if trees.any(|encoding| hole(&encoding.root).is_some()) => (
            "lacks part of its encoding".to_string(),
            "fails: Lance … is missing its …".to_string(),
        ),
        None => return,
    };
    let place = Place {
        column: Some(index),
        ..view.file.place()
    };
    findings.add(
        INFO.finding(format!(
            "a page of column {index}, which no field of the schema is in, {what}"
        ))
        .at(place)
        .reader("to_table()", effect)
        .help("restore the file from a copy"),
    );
}

/// Judges the encoding of a column as a whole, which from 2.1 on need only be one.
fn column_encoding(view: &ColumnView<'_>, encoding: &Encoding, findings: &mut Findings) {
    let path = &view.field.path;
    let (what, effect) = match (encoding.vocabulary, &encoding.root.kind, view.version) {
        (EncodingFamily::Legacy, ..) => return,
        (EncodingFamily::Column, Kind::Unset, FileVersion::V2_0) if encoding.unknown.is_empty() => {
            (
                "has a column encoding that is none",
                "fails: the column at index … was missing a ColumnEncoding, or panics",
            )
        }
        (EncodingFamily::Column, Kind::ColumnZoneIndex { .. }, FileVersion::V2_0) => (
            "has a zone index as its column encoding",
            "fails: … has column encoding ZoneIndex(…) and no decoder is registered to handle it",
        ),
        (EncodingFamily::Column, ..) => return,
        _ => (
            "has a page's encoding where that of the column should be",
            "fails: Invalid direct ColumnEncoding encoding: … unexpected type URL",
        ),
    };
    findings.add(
        INFO.finding(format!("column `{path}` {what}"))
            .column(path)
            .at(view.place())
            .instead(
                "a column encoding of values",
                format!("{} {}", encoding.vocabulary.type_url(), encoding.notation),
            )
            .reader("to_table()", effect)
            .help("restore the file from a copy"),
    );
}

fn effect(fault: &EncodingFault) -> String {
    use crate::format::encoding::EnvelopeFault as E;
    match fault {
        EncodingFault::Envelope(E::Missing) => "fails: Column … page … is missing its encoding",
        EncodingFault::Envelope(E::NoLocation) => "fails: Missing … encoding location",
        EncodingFault::Envelope(E::None) => "fails: Missing … encoding description",
        EncodingFault::Envelope(E::Indirect) => "fails: Indirect file encodings are not supported",
        EncodingFault::Envelope(E::NotAny(_)) => "fails: Invalid direct … encoding envelope",
        EncodingFault::UnknownType(_) => {
            "fails: unexpected type URL.type_url: expected type URL: …"
        }
        EncodingFault::Undecodable { .. } => "fails: Invalid direct … encoding",
    }
    .to_string()
}

/// The vocabulary that pages of a version must be in, when theirs is another. Those of
/// unfinished versions have a rule of their own.
fn wrong_vocabulary(version: FileVersion, found: EncodingFamily) -> Option<EncodingFamily> {
    let expected = vocabulary(version);
    let unfinished = match version {
        FileVersion::V2_1 | FileVersion::V2_2 => found == EncodingFamily::PreStable,
        FileVersion::V2_3 => found == EncodingFamily::Structural,
        _ => false,
    };
    (found != expected && !unfinished).then_some(expected)
}

fn wrong_type(
    view: &ColumnView<'_>,
    encoding: &EncodingResult,
    expected: EncodingFamily,
    place: Place,
    findings: &mut Findings,
) {
    let Ok(encoding) = encoding else { return };
    let (expected, got) = (expected.type_url(), encoding.vocabulary.type_url());
    let path = &view.field.path;
    findings.add(
        INFO.finding(format!(
            "a page of column `{path}` is encoded as {got}, which a {} file does not have",
            view.version
        ))
        .column(path)
        .at(place)
        .instead(expected, got)
        .reader(
            "to_table()",
            format!(
                "fails: failed to decode Protobuf message: unexpected type URL.type_url: expected \
                 type URL: \"{expected}\" (got: \"{got}\")"
            ),
        )
        .help("restore the file from a copy"),
    );
}

fn unknown_type(
    view: &ColumnView<'_>,
    fault: &EncodingFault,
    place: Place,
    findings: &mut Findings,
) {
    let path = &view.field.path;
    findings.add(
        INFO.finding(format!(
            "a page of column `{path}` {fault}, unknown to this version of lance-lint (it knows \
             Lance up to 14.0.2)"
        ))
        .severity(Severity::Warning)
        .column(path)
        .at(place)
        .reader("to_table()", effect(fault))
        .help("if a newer Lance wrote the file, check it with a newer lance-lint; else restore it from a copy"),
    );
}

/// The path to the first node that must hold something and does not.
fn hole(node: &Node) -> Option<Vec<usize>> {
    if matches!(node.kind, Kind::Unset | Kind::Absent) {
        return Some(Vec::new());
    }
    node.children.iter().enumerate().find_map(|(at, child)| {
        let mut path = hole(&child.node)?;
        path.insert(0, at);
        Some(path)
    })
}

fn holes(
    view: &ColumnView<'_>,
    encoding: &std::sync::Arc<crate::model::encoding::Encoding>,
    node: Vec<usize>,
    place: Place,
    findings: &mut Findings,
) {
    // An oneof that holds a variant from a newer Lance looks unset. The unknown field beside it
    // is reported as such.
    if !encoding.unknown.is_empty() {
        return;
    }
    // A blob layout without its inner layout has a rule of its own.
    if matches!(encoding.root.kind, Kind::BlobLayout { .. }) && node.as_slice() == [0] {
        return;
    }
    let path = &view.field.path;
    findings.add(
        INFO.finding(format!(
            "a page of column `{path}` has an encoding with a part left out"
        ))
        .column(path)
        .at(place)
        .tree(EncodingLabel {
            encoding: encoding.clone(),
            node: node.clone(),
            note: "an encoding must stand here".to_string(),
        })
        .reader(
            "to_table()",
            match encoding.vocabulary {
                EncodingFamily::Array => {
                    "fails: Lance reader producer terminated before end of stream, after a panic: \
                     called `Option::unwrap()` on a `None` value (physical.rs)"
                }
                _ if node.is_empty() => "fails: … page is missing its page layout",
                _ => "fails: … compressive encoding is missing its compression variant",
            },
        )
        .help("restore the file from a copy"),
    );
}
