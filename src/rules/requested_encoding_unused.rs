use super::keys::{change_and_copy, change_metadata};
use super::{ColumnView, Rule, fixes};
use crate::finding::{Finding, Findings, Remedy, RuleInfo};
use crate::model::data_file::Page;
use crate::model::encoding::{Kind, Node, Nulls};
use crate::model::logical_type::LogicalType;
use crate::model::schema::Field;
use crate::model::version::FileVersion;
use crate::typecheck::choices::{Stored, dictionary_bytes, find, general, stored, value_bytes};
use crate::typecheck::keys::{HintContext, Key, Role, Scheme, Structure, bad_value, idle};

rule! {
    /// A field's metadata asks for an encoding that Lance can give it, and no page of the column
    /// has it: another compression, level or layout, or none. Nothing is wrong with the data.
    ///
    /// ## What readers do
    /// They read it. It takes more space, or other reads, than the key's author thinks.
    ///
    /// ## How it comes about
    /// Most often the key was set after the data was written. A key takes effect on what is
    /// written from then on. A data file without the key in its own schema was written without it,
    /// or its writer dropped it.
    ///
    /// Else the writer had a reason, and the finding names it where it can be told:
    ///
    /// - Full-zip pages are compressed with zstd, whatever is asked for, and those of numbers not
    ///   at all. Older releases take the default level there (lance-format/lance#7459).
    /// - Pages of few distinct values get a dictionary, in which `lance-encoding:compression`
    ///   takes no part.
    /// - A page that would not get smaller is left as it is.
    /// - `fsst` does not compress numbers.
    ///
    /// Or the writer was older than the key:
    ///
    /// - Compression and its level are read since Lance 0.20 (`lz4` and `fsst` in 2.0 since 0.32).
    /// - The layout is read since 0.27, `bss` since 0.33, the compression of dictionaries since
    ///   3.0.
    /// - The level in full-zip pages is read since 9.0 at the latest.
    ///
    /// ## How to fix it
    /// Leave it alone if the key is meant for what is written from now on. Else write the data
    /// again, or ask for what the writer can do:
    ///
    /// ```python
    /// lance.write_dataset(lance.dataset(uri).scanner(), new_uri, data_storage_version="2.1")
    /// ```
    ///
    /// ## When it is silent
    /// - Any page of the column in any file has what is asked for.
    /// - Pages are too small to be compressed: below 4 KiB, in full-zip below 32 KiB.
    /// - Pages of one value or of nulls need no encoding.
    /// - Thresholds such as `lance-encoding:rle-threshold` promise nothing.
    static INFO = Info "requested-encoding-unused", "a key asks for an encoding that no page of the column has";
}

/// Least bytes that writers try to compress in a mini-block page (lance-encoding `general.rs`).
const LEAST_CHUNKED: u64 = 4 * 1024;
/// Least bytes that they compress in a full-zip page (lance-encoding `compression.rs`).
const LEAST_ZIPPED: u64 = 32 * 1024;
/// Dictionaries below this are no loss when they are not compressed; from here on writers of 2.2
/// compress them unasked.
const LEAST_DICTIONARY: u64 = 32 * 1024;

/// See [`INFO`].
pub struct RequestedEncodingUnused;

/// Something that a field asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Compression(Scheme),
    /// The level of zstd.
    Level(i32),
    Structure(Structure),
    /// Byte stream split, on or off.
    Split(bool),
    Dictionary(Scheme),
}

impl Ask {
    fn key(self) -> Key {
        match self {
            Self::Compression(_) => Key::Compression,
            Self::Level(_) => Key::CompressionLevel,
            Self::Structure(_) => Key::StructuralEncoding,
            Self::Split(_) => Key::Bss,
            Self::Dictionary(_) => Key::DictValuesCompression,
        }
    }
}

/// What a page has of what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Got {
    /// It.
    It,
    /// Nothing that could have it.
    Exempt,
    /// Something else.
    Else(Why),
}

/// Why a writer that knew the key did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// Full-zip pages are compressed with zstd.
    ZippedIsZstd,
    /// Long values are compressed with zstd one by one.
    LongIsZstd,
    /// Full-zip pages of one width are not compressed.
    ZippedFixed,
    /// The level of full-zip pages was fixed.
    ZippedLevel,
    /// Numbers do not go through FSST.
    FsstOfNumbers,
    /// The page has a dictionary, which is not compressed.
    PlainDictionary,
    /// The page has a dictionary, which needs mini-blocks.
    ChunkedDictionary,
    /// Compressing did not make the page smaller.
    NoGain,
    /// No reason is known.
    Unknown,
}

impl Rule for RequestedEncodingUnused {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        // Nearly all columns ask for nothing, and are left after this.
        let root = root(view);
        if view.field.metadata.is_empty() && root.metadata.is_empty()
            || view.version == FileVersion::V0_1
        {
            return;
        }
        let Some(at) = view.schema.index_of(view.field.id) else {
            return;
        };
        let Some(asking) = HintContext::new(view.schema, at, view.version) else {
            return;
        };
        // What is stored in one piece has no say, and blobs have rules of their own.
        if asking.role != Role::Leaf {
            return;
        }
        let mut later: Vec<(Ask, &str, Option<&str>, usize)> = Vec::new();
        for ask in asks(&asking) {
            let owner = if ask.key() == Key::StructuralEncoding {
                root
            } else {
                view.field
            };
            let Some(value) = ask.key().of(owner) else {
                continue;
            };
            let Some((page, why)) = judge(view, ask, findings) else {
                continue;
            };
            match in_file(view, owner) {
                // Whether its writer knew of the key cannot be told.
                Err(Unmatched) => {}
                // Writing it again would not help.
                Ok(_) if why == Why::FsstOfNumbers => {
                    findings.add(refused(view, owner, ask, value, page, &why));
                }
                Ok(Some(own)) if ask.key().of(own) != Some(value) => {
                    later.push((ask, value, ask.key().of(own), page));
                }
                Ok(_) => findings.add(refused(view, owner, ask, value, page, &why)),
            }
        }
        if let Some((_, _, _, page)) = later.first() {
            findings.add(set_later(view, &later, *page));
        }
    }
}

/// The top-level field above a column's field, or itself.
fn root<'a>(view: &ColumnView<'a>) -> &'a Field {
    let mut field = view.field;
    while let Some(above) = field.parent.and_then(|at| view.schema.fields.get(at)) {
        field = above;
    }
    field
}

/// What a field asks for that it can have.
fn asks(asking: &HintContext<'_>) -> Vec<Ask> {
    let fit = |key: Key, owner: &Field| {
        let value = key.of(owner)?;
        let can = bad_value(key, value, asking).is_none();
        // The layout is read on the top-level field, of which the leaf's role says nothing.
        let does = key == Key::StructuralEncoding && asking.version.is_structural()
            || idle(key, value, asking).is_none();
        (can && does).then(|| value.to_string())
    };
    let own = |key: Key| fit(key, asking.field);
    let scheme = own(Key::Compression).and_then(|value| Scheme::parse(&value));
    let vector = matches!(asking.field.logical_type, LogicalType::FixedSizeList { .. });
    let scheme = scheme.filter(|scheme| !vector || *scheme != Scheme::Fsst);
    let level = own(Key::CompressionLevel).and_then(|value| value.parse().ok());
    let split = own(Key::Bss).and_then(|value| match value.to_lowercase().as_str() {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    });
    // A dictionary type leaves no choice, which has a rule of its own.
    let layout = match asking.field.logical_type {
        LogicalType::Dictionary { .. } => None,
        _ => fit(Key::StructuralEncoding, asking.root),
    };
    let layout = layout.and_then(|value| Structure::parse(&value));
    let dictionary = own(Key::DictValuesCompression).and_then(|value| Scheme::parse(&value));
    let asks = [
        scheme.map(Ask::Compression),
        level.map(Ask::Level),
        layout.map(Ask::Structure),
        split.map(Ask::Split),
        dictionary.map(Ask::Dictionary),
    ];
    asks.into_iter().flatten().collect()
}

/// The first page without what is asked for, and why, when no page has it. That any has it is
/// noted, for the files beside this one.
fn judge(view: &ColumnView<'_>, ask: Ask, findings: &mut Findings) -> Option<(usize, Why)> {
    let mut missed = None;
    for (at, page) in view.column.pages.iter().enumerate() {
        match got(view, ask, page) {
            Got::It => {
                findings.saw(&INFO, view.field.id, ask.key().name());
                return None;
            }
            Got::Exempt => {}
            Got::Else(why) => {
                missed.get_or_insert((at, why));
            }
        }
    }
    missed
}

fn got(view: &ColumnView<'_>, ask: Ask, page: &Page) -> Got {
    let Ok(encoding) = &page.encoding else {
        return Got::Exempt;
    };
    match (stored(encoding), ask) {
        (Stored::Array(root), Ask::Compression(scheme)) => got_in_2_0(page, root, scheme),
        (Stored::Array(root), Ask::Level(level)) => match general(root) {
            Some(found) if found.scheme == "zstd" => level_of(found.level, level, true),
            _ => Got::Exempt,
        },
        (Stored::Array(_), _) | (Stored::Other, _) => Got::Exempt,
        (
            Stored::Values {
                chunked,
                layout,
                values,
                dictionary,
            },
            ask,
        ) => match ask {
            Ask::Compression(scheme) => match dictionary {
                Some(dictionary) => got_beside_dictionary(page, values, dictionary, scheme),
                None if scheme == Scheme::Fsst && !is_variable(view.field) => {
                    Got::Else(Why::FsstOfNumbers)
                }
                None => {
                    let bytes = value_bytes(page, layout, values);
                    got_compression(values, chunked, bytes, scheme)
                }
            },
            Ask::Level(level) => match general(values) {
                Some(found) if found.scheme == "zstd" => level_of(found.level, level, chunked),
                _ => Got::Exempt,
            },
            Ask::Structure(asked) => match (asked, chunked) {
                (Structure::MiniBlock, true) | (Structure::FullZip, false) => Got::It,
                (Structure::FullZip, true) if dictionary.is_some() => {
                    Got::Else(Why::ChunkedDictionary)
                }
                (Structure::MiniBlock | Structure::FullZip, _) => Got::Else(Why::Unknown),
                (Structure::Sparse, _) => Got::Exempt,
            },
            Ask::Split(on) => got_split(view, values, chunked, dictionary.is_some(), on),
            Ask::Dictionary(scheme) => match dictionary {
                Some(dictionary) => got_dictionary(dictionary, scheme),
                None => Got::Exempt,
            },
        },
    }
}

fn is_variable(field: &Field) -> bool {
    matches!(field.logical_type, LogicalType::Variable { .. })
}

fn level_of(found: Option<i32>, asked: i32, chunked: bool) -> Got {
    match (found == Some(asked), chunked) {
        (true, _) => Got::It,
        (false, true) => Got::Else(Why::Unknown),
        (false, false) => Got::Else(Why::ZippedLevel),
    }
}

fn got_in_2_0(page: &Page, root: &Node, scheme: Scheme) -> Got {
    let all_null = |kind: &Kind| matches!(kind, Kind::Nullable(Nulls::All));
    if all_null(&root.kind) {
        return Got::Exempt;
    }
    if let Some(dictionary) = find(root, &|kind| matches!(kind, Kind::Dictionary { .. })) {
        // Indices take a byte each.
        let large = page.bytes().saturating_sub(page.rows) >= LEAST_DICTIONARY;
        let plain = general(dictionary).is_none() && scheme != Scheme::None;
        return match large && plain {
            true => Got::Else(Why::PlainDictionary),
            false => Got::Exempt,
        };
    }
    let fsst = find(root, &|kind| matches!(kind, Kind::Fsst { .. })).is_some();
    let found = general(root).map(|found| found.scheme.as_str());
    let kept = match scheme {
        Scheme::Fsst => fsst,
        Scheme::None => !fsst && found.is_none(),
        Scheme::Lz4 | Scheme::Zstd => found == Some(scheme.word()),
    };
    match kept {
        true => Got::It,
        false => Got::Else(Why::Unknown),
    }
}

fn got_beside_dictionary(page: &Page, indices: &Node, dictionary: &Node, scheme: Scheme) -> Got {
    if scheme == Scheme::None {
        return match general(indices) {
            None => Got::It,
            Some(_) => Got::Else(Why::Unknown),
        };
    }
    if general(indices).is_some_and(|found| found.scheme == scheme.word()) {
        return Got::It;
    }
    let large = dictionary_bytes(page).is_some_and(|bytes| bytes >= LEAST_DICTIONARY);
    match large && general(dictionary).is_none() {
        true => Got::Else(Why::PlainDictionary),
        false => Got::Exempt,
    }
}

fn got_compression(values: &Node, chunked: bool, bytes: Option<u64>, scheme: Scheme) -> Got {
    let found = general(values).map(|found| found.scheme.as_str());
    let fsst = find(values, &|kind| matches!(kind, Kind::Fsst { .. })).is_some();
    match (scheme, found) {
        (Scheme::None, None) if !fsst => return Got::It,
        (Scheme::None, _) => return Got::Else(Why::Unknown),
        (Scheme::Fsst, _) if fsst => return Got::It,
        (Scheme::Fsst, Some("zstd")) if !chunked => return Got::Else(Why::LongIsZstd),
        (Scheme::Lz4, Some("zstd")) if !chunked => return Got::Else(Why::ZippedIsZstd),
        (_, Some(found)) => {
            return match found == scheme.word() {
                true => Got::It,
                false => Got::Else(Why::Unknown),
            };
        }
        (_, None) => {}
    }
    let bytes = bytes.unwrap_or(0);
    let plain = matches!(values.kind, Kind::Flat { .. } | Kind::Variable { .. });
    match (chunked, &values.kind) {
        (true, _) if scheme == Scheme::Fsst => Got::Else(Why::Unknown),
        // What another codec made small already need not get smaller.
        (true, _) if bytes < LEAST_CHUNKED || !plain => Got::Exempt,
        (true, _) => Got::Else(Why::NoGain),
        (false, Kind::Flat { .. }) if bytes >= LEAST_CHUNKED => Got::Else(Why::ZippedFixed),
        (false, Kind::Variable { .. } | Kind::Fsst { .. }) if bytes >= LEAST_ZIPPED => {
            Got::Else(Why::Unknown)
        }
        (false, _) => Got::Exempt,
    }
}

fn got_split(
    view: &ColumnView<'_>,
    values: &Node,
    chunked: bool,
    dictionary: bool,
    on: bool,
) -> Got {
    let LogicalType::Fixed { bits: 32 | 64 } = view.field.logical_type else {
        return Got::Exempt;
    };
    let split = find(values, &|kind| matches!(kind, Kind::ByteStreamSplit { .. })).is_some();
    match (split, on) {
        (true, true) | (false, false) => Got::It,
        (true, false) => Got::Else(Why::Unknown),
        (false, true) if dictionary => Got::Exempt,
        (false, true) if chunked => Got::Else(Why::Unknown),
        (false, true) => Got::Else(Why::ZippedFixed),
    }
}

fn got_dictionary(dictionary: &Node, scheme: Scheme) -> Got {
    let found = general(dictionary).map(|found| found.scheme.as_str());
    // Numbers may be stored as runs or bit-packed in its stead.
    let variable = matches!(dictionary.kind, Kind::Variable { .. });
    match (scheme, found) {
        (Scheme::None, None) => Got::It,
        (_, Some(found)) if found == scheme.word() => Got::It,
        (_, Some(_)) => Got::Else(Why::Unknown),
        (_, None) if variable => Got::Else(Why::Unknown),
        (_, None) => Got::Exempt,
    }
}

/// The data file's own field is another, or not there.
struct Unmatched;

/// A field in the schema of the data file itself; `None` when that is the schema looked at.
fn in_file<'a>(view: &'a ColumnView<'_>, field: &Field) -> Result<Option<&'a Field>, Unmatched> {
    if view.file.snapshot.is_none() {
        return Ok(None);
    }
    let schema = view.data.schema.as_ref().ok_or(Unmatched)?;
    let own = schema.by_id(field.id).ok_or(Unmatched)?;
    // A commit may give ids again, and another field may have the id in the file.
    match own.name == field.name && own.type_text == field.type_text {
        true => Ok(Some(own)),
        false => Err(Unmatched),
    }
}

fn notation(view: &ColumnView<'_>, page: usize) -> String {
    let page = view.column.pages.get(page);
    let encoding = page.and_then(|page| page.encoding.as_ref().ok());
    encoding.map_or(String::new(), |encoding| encoding.notation.to_string())
}

/// What was asked for after the file was written.
fn set_later(
    view: &ColumnView<'_>,
    asks: &[(Ask, &str, Option<&str>, usize)],
    page: usize,
) -> Finding {
    let path = &view.field.path;
    let set: Vec<String> = asks
        .iter()
        .map(|(ask, value, _, _)| format!("{} = {value}", ask.key().name()))
        .collect();
    let own: Vec<String> = asks
        .iter()
        .filter_map(|(ask, _, own, _)| Some(format!("{} = {}", ask.key().name(), (*own)?)))
        .collect();
    let own = match own.as_slice() {
        [] => "no such key".to_string(),
        own => own.join(", "),
    };
    INFO.finding(format!(
        "column `{path}` asks for {}, and was written before it did",
        set.join(", ")
    ))
    .column(path)
    .at(view.page_place(page))
    .instead(set.join(", "), notation(view, page))
    .cause(format!(
        "the data file's own schema has {own}: the metadata was changed after the file was \
         written, or the file's writer dropped it"
    ))
    .help_all(fixes::copy(
        "nothing, if it is meant for what is written from now on; else write the data to a new dataset",
        view.schema,
        &[],
        view.version,
    ))
}

/// What the writer knew of and did not do.
fn refused(
    view: &ColumnView<'_>,
    owner: &Field,
    ask: Ask,
    value: &str,
    page: usize,
    why: &Why,
) -> Finding {
    let path = &view.field.path;
    let key = ask.key();
    let what = match why {
        Why::ZippedIsZstd | Why::LongIsZstd => "is compressed with zstd",
        Why::ZippedFixed | Why::NoGain => "is not compressed",
        Why::FsstOfNumbers => "is not a column of strings",
        Why::ZippedLevel => "is compressed at another level",
        Why::PlainDictionary => "has a dictionary that is not compressed",
        Why::ChunkedDictionary => "is in mini-block pages",
        Why::Unknown => "is stored otherwise",
    };
    let finding = INFO
        .finding(format!(
            "column `{path}` asks for {} = {value}, and {what}",
            key.name()
        ))
        .column(path)
        .at(view.page_place(page))
        .instead(format!("{} = {value}", key.name()), notation(view, page))
        .unless_recorded(view.field.id, key.name())
        .cause(cause(view, ask, why));
    let version = Some(view.version);
    let set = |why: &str, field: &Field, key: Key, value: Option<&str>| {
        let changes = [(field, vec![(key.name(), value)])];
        change_and_copy(why, &changes, view.schema, version)
    };
    let away = |field: &Field, key: Key| change_metadata(&[(field, vec![(key.name(), None)])]);
    match why {
        Why::ZippedIsZstd => finding.help(Remedy::with_code(format!(
            "ask for zstd, which is what you get (pylance 14):\n{}",
            change_metadata(&[(view.field, vec![(key.name(), Some("zstd"))])])
        ))),
        Why::ZippedFixed if key == Key::StructuralEncoding => finding,
        Why::ZippedFixed => finding.help(set(
            "ask for mini-block pages",
            root(view),
            Key::StructuralEncoding,
            Some("miniblock"),
        )),
        Why::NoGain => finding.help(Remedy::with_code(format!(
            "take the key away, which saves writers the attempt (pylance 14):\n{}",
            away(owner, key)
        ))),
        Why::FsstOfNumbers => finding.help(set("take the key away", owner, key, None)),
        Why::PlainDictionary if view.version == FileVersion::V2_0 => finding.help_all(fixes::copy(
            "write the data to a new dataset of 2.2, which compresses dictionaries",
            view.schema,
            &[],
            FileVersion::V2_2,
        )),
        Why::PlainDictionary | Why::ChunkedDictionary => finding.help(set(
            "keep dictionaries away",
            view.field,
            Key::DictSizeRatio,
            Some("0.0001"),
        )),
        Why::LongIsZstd | Why::ZippedLevel | Why::Unknown => finding.help_all(fixes::copy(
            "write the data to a new dataset with a current Lance",
            view.schema,
            &[],
            view.version,
        )),
    }
}

fn cause(view: &ColumnView<'_>, ask: Ask, why: &Why) -> String {
    match why {
        Why::ZippedIsZstd => "writers compress full-zip pages with zstd, whatever scheme is asked \
                              for (Lance up to 14.0.2)"
            .to_string(),
        Why::LongIsZstd => "values of more than 32 KiB are compressed with zstd one by one, and \
                            not with fsst"
            .to_string(),
        Why::ZippedFixed => "full-zip pages of values of one width are not compressed".to_string(),
        Why::ZippedLevel => {
            "older writers (Lance 4.0.2 among them) compress full-zip pages at the default level"
                .to_string()
        }
        Why::FsstOfNumbers => "fsst compresses strings and binaries; on numbers writers take it for \
                               leave to split their bytes, which saves nothing by itself and \
                               keeps them from bit-packing"
            .to_string(),
        Why::PlainDictionary => match view.version {
            FileVersion::V2_0 => "strings with fewer than 100 distinct values get a dictionary, \
                                  which 2.0 does not compress"
                .to_string(),
            FileVersion::V2_1 => "pages in which writers count few distinct values get a dictionary, which 2.1 does \
                                  not compress"
                .to_string(),
            _ => format!(
                "pages in which writers count few distinct values get a dictionary, for which {} is the key",
                Key::DictValuesCompression.name()
            ),
        },
        Why::ChunkedDictionary => {
            "pages in which writers count few distinct values get a dictionary, which needs mini-block pages"
                .to_string()
        }
        Why::NoGain => {
            "writers leave a page as it is when compressing does not make it smaller".to_string()
        }
        Why::Unknown => {
            let since = match (view.version, ask) {
                (FileVersion::V2_0, Ask::Compression(Scheme::Lz4 | Scheme::Fsst)) => {
                    "Lance 0.27 and before know zstd only".to_string()
                }
                _ => format!("Lance reads the key since {}", ask.key().since()),
            };
            format!(
                "the data file's own schema has the key, so its writer had it, and chose otherwise ({since})"
            )
        }
    }
}
