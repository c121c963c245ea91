//! The healthy files that mutations start from, written by Lance's own writer.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Fields, Schema as ArrowSchema, TimeUnit};
use bytes::Bytes;
use lance_core::datatypes::Schema;
use lance_file::datatypes::FieldsWithMeta;
use lance_file::version::ConcreteFileVersion;
use lance_file::versions::{create_writer, data_file_columns};
use lance_file::writer::FileWriterOptions;
use lance_io::object_store::ObjectStore;
use prost::Message as _;

use crate::arrays::{Style, array, scatter};
use crate::subject::{Subject, manifest};
use crate::wire::{Message, types};

/// The versions that are written, by their minor number.
pub const VERSIONS: [ConcreteFileVersion; 4] = [
    ConcreteFileVersion::V2_0,
    ConcreteFileVersion::V2_1,
    ConcreteFileVersion::V2_2,
    ConcreteFileVersion::V2_3,
];

/// A healthy file.
#[derive(Debug)]
pub struct Base {
    /// Such as `2.1/int32`.
    pub name: String,
    /// The minor number of its version.
    pub minor: usize,
    pub file: Bytes,
    pub subject: Subject,
    pub rows: u64,
    /// Top-level fields: id and name.
    pub top: Vec<(i64, String)>,
}

/// What a file is made of.
struct Spec {
    name: String,
    /// Versions that it is written at, by minor number.
    versions: std::ops::RangeInclusive<usize>,
    fields: Vec<(Field, Style)>,
    /// Rows of each batch. Batches become pages where `paged` is set.
    batches: Vec<usize>,
    paged: bool,
    global_buffer: bool,
}

const ALL: std::ops::RangeInclusive<usize> = 0..=3;
const STRUCTURAL: std::ops::RangeInclusive<usize> = 1..=3;
const NEWER: std::ops::RangeInclusive<usize> = 2..=3;

fn field(name: &str, data_type: DataType, nullable: bool) -> Field {
    Field::new(name, data_type, nullable)
}

fn with(field: Field, keys: &[(&str, &str)]) -> Field {
    let metadata: HashMap<String, String> = keys
        .iter()
        .map(|(key, value)| ((*key).to_string(), (*value).to_string()))
        .collect();
    field.with_metadata(metadata)
}

fn encoded(field: Field, keys: &[(&str, &str)]) -> Field {
    let keys: Vec<(String, &str)> = keys
        .iter()
        .map(|(key, value)| (format!("lance-encoding:{key}"), *value))
        .collect();
    let keys: Vec<(&str, &str)> = keys
        .iter()
        .map(|(key, value)| (key.as_str(), *value))
        .collect();
    with(field, &keys)
}

fn structure(children: Vec<Field>) -> DataType {
    DataType::Struct(Fields::from(children))
}

fn list(item: Field) -> DataType {
    DataType::List(Arc::new(item))
}

fn vector(item: DataType, size: i32) -> DataType {
    DataType::FixedSizeList(Arc::new(field("item", item, true)), size)
}

fn map(key: DataType, value: DataType) -> DataType {
    let entries = structure(vec![
        field("keys", key, false),
        field("values", value, true),
    ]);
    DataType::Map(Arc::new(field("entries", entries, false)), false)
}

fn dictionary(key: DataType, value: DataType) -> DataType {
    DataType::Dictionary(Box::new(key), Box::new(value))
}

fn blob_v2(nullable: bool) -> Field {
    let children = vec![
        field("kind", DataType::UInt8, true),
        field("data", DataType::LargeBinary, true),
        field("uri", DataType::Utf8, true),
        field("blob_id", DataType::UInt32, true),
        field("blob_size", DataType::UInt64, true),
        field("position", DataType::UInt64, true),
    ];
    with(
        field("main", structure(children), nullable),
        &[("ARROW:extension:name", "lance.blob.v2")],
    )
}

/// A column with keys for its encoding: name, type, keys, values and rows.
type Asked<'a> = (&'a str, DataType, &'a [(&'a str, &'a str)], Style, usize);

struct Catalogue {
    specs: Vec<Spec>,
}

impl Catalogue {
    /// A file whose second column is the one of interest, between neighbours that differ from
    /// file to file.
    fn add(
        &mut self,
        name: &str,
        versions: std::ops::RangeInclusive<usize>,
        main: Field,
        style: Style,
        rows: usize,
    ) -> &mut Spec {
        let plain = Style::default();
        let left = (field("left", DataType::Int32, true), plain);
        let right = (field("right", DataType::Utf8, true), plain);
        let twin = (main.clone().with_name("twin"), style);
        let main = (main.with_name("main"), style);
        let fields = match self.specs.len() % 4 {
            0 => vec![left, main, right],
            1 => vec![main, twin],
            2 => vec![left, main, (field("wide", DataType::Int64, false), plain)],
            _ => vec![main, right, twin],
        };
        self.specs.push(Spec {
            name: name.to_string(),
            versions,
            fields,
            batches: vec![rows],
            paged: false,
            global_buffer: false,
        });
        self.specs.last_mut().unwrap()
    }
}

/// Everything that is written, at each version that takes it.
#[allow(clippy::too_many_lines)]
fn catalogue() -> Vec<Spec> {
    use DataType::*;
    let mut all = Catalogue { specs: Vec::new() };
    let plain = Style::default();
    let full = Style {
        null_every: 0,
        ..plain
    };
    let primitives = [
        ("int8", Int8),
        ("int16", Int16),
        ("int32", Int32),
        ("int64", Int64),
        ("uint8", UInt8),
        ("uint16", UInt16),
        ("uint32", UInt32),
        ("uint64", UInt64),
        ("bool", Boolean),
        ("float16", Float16),
        ("float32", Float32),
        ("float64", Float64),
        ("decimal128", Decimal128(38, 4)),
        ("decimal256", Decimal256(60, 4)),
        ("date32", Date32),
        ("date64", Date64),
        ("time32", Time32(TimeUnit::Millisecond)),
        ("time64", Time64(TimeUnit::Nanosecond)),
        ("timestamp", Timestamp(TimeUnit::Microsecond, None)),
        (
            "timestamp-tz",
            Timestamp(TimeUnit::Nanosecond, Some("+08:00".into())),
        ),
        ("duration", Duration(TimeUnit::Second)),
        ("utf8", Utf8),
        ("large-utf8", LargeUtf8),
        ("binary", Binary),
        ("large-binary", LargeBinary),
        ("fixed-binary", FixedSizeBinary(5)),
        ("fixed-binary-16", FixedSizeBinary(16)),
        ("vector-float32", vector(Float32, 4)),
        ("vector-uint8", vector(UInt8, 3)),
        ("vector-bool", vector(Boolean, 8)),
        ("vector-nested", vector(vector(Int16, 2), 3)),
        ("dict-int8-utf8", dictionary(Int8, Utf8)),
        ("dict-uint16-utf8", dictionary(UInt16, Utf8)),
        ("dict-int32-int64", dictionary(Int32, Int64)),
    ];
    for (at, (name, data_type)) in primitives.iter().enumerate() {
        let nullable = at % 2 == 0;
        all.add(
            name,
            ALL,
            field("main", data_type.clone(), nullable),
            plain,
            40,
        );
        if matches!(
            *name,
            "int32" | "utf8" | "float64" | "vector-float32" | "binary"
        ) {
            let name = format!("{name}-other");
            all.add(
                &name,
                ALL,
                field("main", data_type.clone(), !nullable),
                plain,
                40,
            );
        }
    }
    all.add("null", ALL, field("main", Null, true), plain, 30);
    for (name, data_type) in [
        ("int64", Int64),
        ("utf8", Utf8),
        ("vector", vector(Float32, 4)),
    ] {
        let none = Style {
            null_every: 1,
            ..plain
        };
        all.add(
            &format!("all-null-{name}"),
            ALL,
            field("main", data_type, true),
            none,
            30,
        );
    }
    for (name, data_type, null_every) in [
        ("int32", Int32, 0),
        ("int64-nulls", Int64, 5),
        ("utf8", Utf8, 0),
        ("bool", Boolean, 0),
        ("decimal", Decimal128(38, 4), 0),
        ("fixed", FixedSizeBinary(16), 3),
    ] {
        let style = Style {
            null_every,
            distinct: 1,
            ..plain
        };
        let field = field("main", data_type, null_every > 0);
        all.add(&format!("constant-{name}"), ALL, field, style, 40);
    }
    // Several pages.
    for (name, data_type, nullable) in [
        ("int32", Int32, false),
        ("int64", Int64, true),
        ("utf8", Utf8, true),
        ("vector", vector(Float32, 4), false),
        ("list", list(field("item", Int32, true)), true),
        (
            "struct",
            structure(vec![field("a", Int32, true), field("b", Utf8, true)]),
            false,
        ),
        ("dict", dictionary(Int8, Utf8), true),
        ("binary", LargeBinary, false),
    ] {
        let style = if nullable { plain } else { full };
        let spec = all.add(
            &format!("pages-{name}"),
            ALL,
            field("main", data_type, nullable),
            style,
            0,
        );
        spec.batches = vec![20, 30, 10];
        spec.paged = true;
    }
    // Nested.
    let pair = |nullable| {
        structure(vec![
            field("a", Int32, nullable),
            field("b", Utf8, nullable),
        ])
    };
    all.add("struct", ALL, field("main", pair(true), false), plain, 40);
    all.add(
        "struct-nullable",
        STRUCTURAL,
        field("main", pair(true), true),
        plain,
        40,
    );
    all.add(
        "struct-required",
        ALL,
        field("main", pair(false), false),
        full,
        40,
    );
    let deep = structure(vec![
        field("x", Float64, true),
        field("inner", pair(true), true),
    ]);
    all.add(
        "struct-nested",
        STRUCTURAL,
        field("main", deep.clone(), true),
        plain,
        40,
    );
    all.add(
        "struct-nested-full",
        ALL,
        field("main", deep, false),
        Style {
            null_every: 0,
            ..plain
        },
        40,
    );
    all.add(
        "list-int32",
        ALL,
        field("main", list(field("item", Int32, true)), true),
        plain,
        40,
    );
    all.add(
        "list-required",
        ALL,
        field("main", list(field("item", Int64, false)), false),
        Style {
            empty: false,
            ..full
        },
        40,
    );
    all.add(
        "list-empty",
        ALL,
        field("main", list(field("item", Int64, false)), false),
        full,
        40,
    );
    all.add(
        "list-utf8",
        ALL,
        field("main", list(field("item", Utf8, true)), true),
        plain,
        40,
    );
    all.add(
        "large-list",
        ALL,
        field(
            "main",
            LargeList(Arc::new(field("item", Int16, true))),
            true,
        ),
        plain,
        40,
    );
    all.add(
        "list-list",
        ALL,
        field(
            "main",
            list(field("item", list(field("item", Int32, true)), true)),
            true,
        ),
        plain,
        40,
    );
    all.add(
        "list-vector",
        ALL,
        field("main", list(field("item", vector(Float32, 4), false)), true),
        Style {
            null_every: 9,
            ..plain
        },
        30,
    );
    all.add(
        "list-struct",
        ALL,
        field("main", list(field("item", pair(true), false)), true),
        plain,
        40,
    );
    all.add(
        "list-struct-nullable",
        STRUCTURAL,
        field("main", list(field("item", pair(true), true)), true),
        plain,
        40,
    );
    let listing = structure(vec![
        field("l", list(field("item", Int32, true)), true),
        field("v", Int32, true),
    ]);
    all.add(
        "struct-list",
        STRUCTURAL,
        field("main", listing.clone(), true),
        plain,
        40,
    );
    all.add(
        "struct-list-full",
        ALL,
        field("main", listing, false),
        full,
        40,
    );
    all.add(
        "map",
        NEWER,
        field("main", map(Utf8, Int32), true),
        plain,
        40,
    );
    all.add(
        "map-required",
        NEWER,
        field("main", map(Int32, Utf8), false),
        full,
        40,
    );
    let point = structure(vec![field("x", Float32, true), field("y", Int32, false)]);
    let points = FixedSizeList(Arc::new(field("item", point.clone(), true)), 2);
    let main = field("main", points, true);
    all.add("vector-struct", NEWER, main.clone(), plain, 40);
    // Beside another column it cannot be read at all.
    let alone = vec![(main.clone(), plain)];
    all.add("vector-struct-alone", NEWER, main, plain, 40)
        .fields = alone;
    // Packed structs.
    let packed = [("packed", "true")];
    let fixed = structure(vec![
        field("a", Int32, false),
        field("b", Float64, false),
        field("c", Int16, false),
    ]);
    all.add(
        "packed",
        ALL,
        encoded(field("main", fixed.clone(), false), &packed),
        full,
        40,
    );
    all.add(
        "packed-nullable",
        STRUCTURAL,
        encoded(field("main", fixed, true), &packed),
        plain,
        40,
    );
    let mixed = structure(vec![
        field("a", Int32, false),
        field("s", Utf8, false),
        field("v", Binary, false),
    ]);
    all.add(
        "packed-variable",
        NEWER,
        encoded(field("main", mixed, true), &packed),
        plain,
        40,
    );
    let holding = structure(vec![
        field("a", Int64, false),
        field("v", vector(Float32, 2), false),
    ]);
    all.add(
        "packed-vector",
        NEWER,
        encoded(field("main", holding, false), &packed),
        full,
        40,
    );
    // Blobs.
    let blob = [("blob", "true")];
    all.add(
        "blob",
        0..=1,
        encoded(field("main", LargeBinary, true), &blob),
        Style {
            length: 50,
            ..plain
        },
        30,
    );
    all.add(
        "blob-required",
        0..=1,
        encoded(field("main", LargeBinary, false), &blob),
        Style { length: 50, ..full },
        30,
    );
    all.add("blob-v2", NEWER, blob_v2(true), plain, 30);
    all.add("blob-v2-required", NEWER, blob_v2(false), full, 30);
    // Encodings asked for.
    let few = Style {
        distinct: 9,
        ..plain
    };
    let runs = Style {
        distinct: 9,
        run: 40,
        ..full
    };
    let narrow = Style { bits: 5, ..full };
    let options: &[Asked] = &[
        ("zstd-int32", Int32, &[("compression", "zstd")], narrow, 400),
        ("lz4-int64", Int64, &[("compression", "lz4")], plain, 400),
        (
            "zstd-utf8",
            Utf8,
            &[("compression", "zstd"), ("compression-level", "5")],
            plain,
            200,
        ),
        ("lz4-binary", Binary, &[("compression", "lz4")], plain, 200),
        ("none-utf8", Utf8, &[("compression", "none")], few, 300),
        (
            "none-int32",
            Int32,
            &[("compression", "none")],
            narrow,
            2000,
        ),
        (
            "fsst-utf8",
            Utf8,
            &[("compression", "fsst")],
            Style {
                length: 60,
                ..plain
            },
            900,
        ),
        (
            "bss-float32",
            Float32,
            &[("compression", "lz4"), ("bss", "on")],
            plain,
            400,
        ),
        (
            "bss-double",
            Float64,
            &[("compression", "zstd"), ("bss", "on")],
            full,
            400,
        ),
        ("rle-int32", Int32, &[("rle-threshold", "0.9")], runs, 600),
        (
            "rle-uint8",
            UInt8,
            &[("rle-threshold", "0.9")],
            Style {
                null_every: 6,
                ..runs
            },
            600,
        ),
        ("bits-uint32", UInt32, &[], narrow, 2500),
        ("bits-int64", Int64, &[], Style { bits: 20, ..plain }, 2500),
        (
            "dict-utf8",
            Utf8,
            &[("dict-size-ratio", "0.99"), ("dict-divisor", "2")],
            few,
            300,
        ),
        (
            "dict-large-utf8",
            LargeUtf8,
            &[("dict-divisor", "2")],
            Style {
                distinct: 20,
                length: 30,
                ..plain
            },
            300,
        ),
        (
            "dict-int64",
            Int64,
            &[("dict-divisor", "2"), ("dict-size-ratio", "1")],
            few,
            400,
        ),
        (
            "dict-decimal",
            Decimal128(38, 4),
            &[("dict-divisor", "2")],
            few,
            400,
        ),
        (
            "dict-values-zstd",
            Utf8,
            &[("dict-divisor", "2"), ("dict-values-compression", "zstd")],
            Style {
                distinct: 30,
                length: 40,
                ..plain
            },
            300,
        ),
        (
            "fullzip-int32",
            Int32,
            &[("structural-encoding", "fullzip")],
            plain,
            40,
        ),
        (
            "fullzip-bool",
            Boolean,
            &[("structural-encoding", "fullzip")],
            plain,
            40,
        ),
        (
            "fullzip-utf8",
            Utf8,
            &[("structural-encoding", "fullzip")],
            plain,
            40,
        ),
        (
            "fullzip-large",
            LargeBinary,
            &[("structural-encoding", "fullzip")],
            full,
            40,
        ),
        (
            "fullzip-vector",
            vector(Float32, 4),
            &[("structural-encoding", "fullzip")],
            plain,
            40,
        ),
        (
            "fullzip-zstd",
            Utf8,
            &[("structural-encoding", "fullzip"), ("compression", "zstd")],
            Style {
                length: 300,
                ..plain
            },
            200,
        ),
        (
            "fullzip-fsst",
            Utf8,
            &[("structural-encoding", "fullzip"), ("compression", "fsst")],
            Style {
                length: 60,
                ..plain
            },
            900,
        ),
        (
            "miniblock-wide",
            Binary,
            &[("structural-encoding", "miniblock")],
            Style {
                length: 400,
                ..plain
            },
            30,
        ),
        ("minichunk", Utf8, &[("minichunk-size", "128")], plain, 200),
        (
            "wide-utf8",
            Utf8,
            &[],
            Style {
                length: 500,
                ..plain
            },
            30,
        ),
        ("wide-vector", vector(Float32, 100), &[], plain, 20),
    ];
    for (name, data_type, keys, style, rows) in options {
        let main = encoded(field("main", data_type.clone(), style.null_every > 0), keys);
        all.add(name, ALL, main, *style, *rows);
    }
    let zipped = [("structural-encoding", "fullzip")];
    let item = || field("item", Int32, true);
    all.add(
        "fullzip-list",
        STRUCTURAL,
        encoded(field("main", list(encoded(item(), &zipped)), true), &zipped),
        plain,
        40,
    );
    let words = encoded(field("item", Utf8, true), &zipped);
    all.add(
        "fullzip-list-utf8",
        STRUCTURAL,
        encoded(field("main", list(words), true), &zipped),
        plain,
        40,
    );
    // Sparse structure, 2.3 only.
    let sparse = [("structural-encoding", "sparse")];
    for (name, data_type) in [
        ("sparse-int32", Int32),
        ("sparse-utf8", Utf8),
        ("sparse-list", list(encoded(item(), &sparse))),
        (
            "sparse-list-list",
            list(encoded(
                field("item", list(encoded(item(), &sparse)), true),
                &sparse,
            )),
        ),
        ("sparse-vector", vector(Float32, 4)),
        (
            "sparse-struct",
            structure(vec![
                encoded(field("a", Int32, true), &sparse),
                encoded(field("b", Utf8, true), &sparse),
            ]),
        ),
        ("sparse-map", map(Utf8, Int32)),
        (
            "sparse-points",
            FixedSizeList(Arc::new(field("item", point, true)), 2),
        ),
    ] {
        let rare = Style {
            null_every: 4,
            ..plain
        };
        all.add(
            name,
            3..=3,
            encoded(field("main", data_type, true), &sparse),
            rare,
            120,
        );
    }
    let dict = [("structural-encoding", "sparse"), ("dict-divisor", "2")];
    all.add(
        "sparse-dict",
        3..=3,
        encoded(field("main", Utf8, true), &dict),
        Style {
            distinct: 9,
            length: 30,
            ..plain
        },
        400,
    );
    let sparse_few = Style {
        null_every: 2,
        distinct: 6,
        ..plain
    };
    all.add(
        "sparse-vector-few",
        3..=3,
        encoded(field("main", vector(Float32, 8), true), &sparse),
        sparse_few,
        400,
    );
    all.add(
        "vector-few",
        2..=3,
        field("main", vector(Float32, 8), true),
        Style {
            distinct: 6,
            ..plain
        },
        400,
    );
    // A long file, many chunks to a page; and one with a global buffer of its own.
    all.add(
        "long-utf8",
        ALL,
        field("main", Utf8, true),
        Style {
            length: 20,
            ..plain
        },
        3000,
    );
    all.add(
        "long-list",
        ALL,
        field("main", list(field("item", Int32, true)), true),
        plain,
        2000,
    );
    all.add("extra-buffer", ALL, field("main", Int32, true), plain, 30)
        .global_buffer = true;
    all.specs
}

/// Writes every base. What a writer refuses is left out, with its reason.
pub fn build() -> (Vec<Base>, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut bases = Vec::new();
    let mut refused = Vec::new();
    // Some specs are refused by a panic of the writer.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for spec in catalogue() {
        for minor in spec.versions.clone() {
            let name = format!("2.{minor}/{}", spec.name);
            let written = catch_unwind(AssertUnwindSafe(|| runtime.block_on(write(&spec, minor))));
            match written {
                Ok(Ok(base)) => bases.push(base),
                Ok(Err(error)) => refused.push(format!("{name}: {error}")),
                Err(panic) => {
                    let text = panic.downcast_ref::<String>().cloned();
                    let text =
                        text.or(panic.downcast_ref::<&str>().map(|text| (*text).to_string()));
                    refused.push(format!("{name}: panic {}", text.unwrap_or_default()));
                }
            }
        }
    }
    std::panic::set_hook(hook);
    (bases, refused)
}

async fn write(spec: &Spec, minor: usize) -> Result<Base, String> {
    let version = VERSIONS[minor];
    let seed = spec
        .name
        .bytes()
        .fold(minor as u64, |seed, byte| scatter(seed, u64::from(byte)));
    let arrow = Arc::new(ArrowSchema::new(
        spec.fields
            .iter()
            .map(|(field, _)| field.clone())
            .collect::<Vec<_>>(),
    ));
    let schema = Schema::try_from(arrow.as_ref()).map_err(|error| error.to_string())?;
    let options = FileWriterOptions {
        data_cache_bytes: spec.paged.then_some(1),
        ..FileWriterOptions::default()
    };
    let store = ObjectStore::memory();
    let object = store
        .create(&"base.lance".into())
        .await
        .map_err(|error| error.to_string())?;
    let mut writer = create_writer(version, object, schema.clone(), options)
        .map_err(|error| error.to_string())?;
    let mut rows = 0;
    for (at, batch) in spec.batches.iter().enumerate() {
        let arrays: Vec<ArrayRef> = spec
            .fields
            .iter()
            .enumerate()
            .map(|(column, (field, style))| {
                array(
                    field,
                    *batch,
                    scatter(seed, (at * 100 + column) as u64),
                    style,
                )
            })
            .collect();
        let batch =
            RecordBatch::try_new(arrow.clone(), arrays).map_err(|error| error.to_string())?;
        writer
            .write_batch(&batch)
            .await
            .map_err(|error| error.to_string())?;
        rows += batch.num_rows() as u64;
    }
    if spec.global_buffer {
        let buffer = Bytes::from_static(b"what a writer keeps for itself");
        writer
            .add_global_buffer(buffer)
            .await
            .map_err(|error| error.to_string())?;
    }
    writer.finish().await.map_err(|error| error.to_string())?;
    let file = store
        .read_one_all(&"base.lance".into())
        .await
        .map_err(|error| error.to_string())?;

    let fields = FieldsWithMeta::from(&schema).fields.0;
    let of = types().named("lance.file.Field");
    let fields: Vec<Message> = fields
        .iter()
        .map(|field| Message::parse(of, &field.encode_to_vec()).expect("a field is a message"))
        .collect();
    let (ids, columns) = data_file_columns(version, &schema);
    let manifest = manifest(fields, &ids, &columns, version.to_data_file_numbers(), rows);
    let top = crate::subject::top_level(&manifest.children("fields"));
    Ok(Base {
        name: format!("2.{minor}/{}", spec.name),
        minor,
        subject: Subject::parse(&file, manifest),
        file,
        rows,
        top,
    })
}
