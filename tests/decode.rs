//! `--decode`: what Lance's own decoder does, beside what is found without it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use std::path::{Path, PathBuf};

use common::{copy, lint, root, stderr, stdout};
use lance_lint::format::MAGIC;
use lance_lint::format::proto::lance::encodings::array_encoding::ArrayEncoding as Kind;
use lance_lint::format::proto::lance::encodings::column_encoding::ColumnEncoding as ColumnKind;
use lance_lint::format::proto::lance::encodings::nullable::{NoNull, Nullability};
use lance_lint::format::proto::lance::encodings::{
    ArrayEncoding, Buffer, ColumnEncoding, Compression, Flat, Nullable,
};
use lance_lint::format::proto::lance::file::v2::column_metadata::Page;
use lance_lint::format::proto::lance::file::v2::encoding::Location;
use lance_lint::format::proto::lance::file::v2::{Any, ColumnMetadata, DirectEncoding, Encoding};
use lance_lint::format::proto::lance::file::{Field, FileDescriptor, Schema};
use prost::Message;
use serde_json::Value;
use tempfile::TempDir;

const SEED: &str = "testdata/daft-blob.lance";
/// Many types in one fragment of three rows, most of them in pages of values as they are.
const MANY: &str = "testdata/clean/by-pylance-14.0.2-2.2";

fn decode(path: &str) -> Value {
    let output = lint(&["--decode", "--format", "json", path]);
    assert_eq!(stderr(&output), "");
    serde_json::from_str(&stdout(&output)).expect("valid JSON")
}

#[test]
fn the_founding_panic_is_laid_beside_the_founding_error() {
    let document = decode(SEED);
    let findings = document["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0]["rule"], "blob-stored-plain");
    assert_eq!(findings[0]["decoded_count"], 1);
    let decoded = &findings[0]["decoded"][0];
    assert_eq!(decoded["outcome"], "panic");
    let message = decoded["message"].as_str().expect("a message");
    assert!(
        message.contains("Expected a struct encoding because we have a struct field in the schema"),
        "{message}"
    );
    assert_eq!(decoded["fragment"], 0);
    assert_eq!(decoded["column"], "blob");
    assert_eq!(decoded["page"], 0);
    assert_eq!(decoded["rows"]["start"], 0);
    assert_eq!(decoded["rows"]["end"], 2);
    assert_eq!(document["summary"]["decoded"]["failures"], 1);

    let text = stdout(&lint(&["--decode", SEED]));
    assert!(
        text.contains(
            "   = decoder:  page 0, rows 0..2: panics: called `Result::unwrap()` on an `Err`"
        ),
        "{text}"
    );
    assert!(
        text.contains("1 error · decoded 1 page of 1 column in 1 file with 1 failure · read "),
        "{text}"
    );
}

#[test]
fn healthy_datasets_decode() {
    for dataset in [
        MANY,
        "testdata/clean/by-pylance-14.0.2-2.0",
        "testdata/clean/by-pylance-14.0.2-2.1",
        "testdata/clean/by-pylance-14.0.2-2.3",
        "testdata/clean/by-pylance-0.20.0-0.1",
        "testdata/clean/blob-in-struct-with-nulls-2.2",
        "testdata/clean/blob-v1-three-fragments-2.0",
        "testdata/clean/blob-v2-over-v1-2.1",
        "testdata/clean/op-add-column-2.1",
        "testdata/clean/op-mixed-versions-2.1-2.2",
        "testdata/clean/packed-struct-2.1",
    ] {
        let document = decode(dataset);
        let findings = document["findings"].as_array().expect("findings");
        // What pylance 14.0.2 does wrong with sound packed structs is said of them.
        let findings = findings.iter().filter(|f| f["rule"] != "known-bug");
        assert_eq!(findings.count(), 0, "{document:#}");
        let decoded = &document["summary"]["decoded"];
        assert_eq!(decoded["failures"], 0, "{dataset}");
        assert_ne!(decoded["columns"], 0, "{dataset}");
    }
}

#[test]
fn damaged_values_are_one_finding_and_the_other_columns_are_read() {
    let scratch = TempDir::new().expect("a directory");
    let dataset = scratch.path().join("damaged.lance");
    copy(&root().join(MANY), &dataset);
    let dataset = dataset.to_str().expect("UTF-8");
    let whole = decode(dataset);
    let bytes = page_bytes(dataset, "string");
    overwrite(&data_file(dataset), bytes.clone(), 0xff);

    let document = decode(dataset);
    let findings = document["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = &findings[0];
    assert_eq!(finding["rule"], "decode-failed");
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["message"], "column `string` does not decode");
    let location = &finding["location"];
    assert_eq!(location["column"], "string");
    assert_eq!(location["page"], 0);
    assert_eq!(location["byte_range"]["start"], bytes.start as u64);
    let decoded = &finding["decoded"][0];
    assert_eq!(decoded["page"], 0);
    assert_eq!(decoded["rows"]["end"], 3);
    let message = decoded["message"].as_str().expect("a message");
    assert!(
        !message.contains("/registry/") && !message.contains("damaged"),
        "{message}"
    );
    let counts = |document: &Value| document["summary"]["decoded"]["pages"].clone();
    assert_eq!(counts(&document), counts(&whole), "the rest was read too");
    assert_eq!(document["summary"]["decoded"]["failures"], 1);
    assert_eq!(lint(&["--decode", dataset]).status.code(), Some(1));
    assert_eq!(
        lint(&[dataset]).status.code(),
        Some(0),
        "values are not looked at"
    );
}

#[test]
fn only_what_is_asked_for_is_decoded() {
    let scratch = TempDir::new().expect("a directory");
    let dataset = scratch.path().join("damaged.lance");
    copy(&root().join(MANY), &dataset);
    let dataset = dataset.to_str().expect("UTF-8");
    overwrite(&data_file(dataset), page_bytes(dataset, "string"), 0xff);
    let output = lint(&["--decode", "--column", "int8", dataset]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("decoded 1 page of 1 column in 1 file with no failure"));
}

#[test]
fn a_worker_that_dies_is_survived() {
    let scratch = TempDir::new().expect("a directory");
    let path = scratch.path().join("raw-as-zstd.lance");
    std::fs::write(&path, raw_as_zstd()).expect("written");
    let path = path.to_str().expect("UTF-8");
    assert_eq!(
        lint(&[path]).status.code(),
        Some(0),
        "nothing is wrong but the bytes"
    );
    let document = decode(path);
    let findings = document["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0]["rule"], "decode-failed");
    let decoded = &findings[0]["decoded"][0];
    assert_eq!(decoded["outcome"], "memory", "{decoded}");
    assert_eq!(decoded["column"], "squeezed");
    let message = decoded["message"].as_str().expect("a message");
    assert!(message.starts_with("memory allocation of "), "{message}");
    // The column behind it was read by the next worker.
    let decoded = &document["summary"]["decoded"];
    assert_eq!(
        (&decoded["columns"], &decoded["pages"]),
        (&2.into(), &2.into())
    );
    assert_eq!(decoded["failures"], 1);
}

#[test]
fn output_is_the_same_every_time() {
    let paths = [SEED, MANY, "testdata/broken/blob-plain-three-fragments-2.1"];
    let run = || {
        stdout(&lint(
            &[&["--decode", "--format", "json"], &paths[..]].concat(),
        ))
    };
    assert_eq!(run(), run());
}

fn data_file(dataset: &str) -> PathBuf {
    let mut files = std::fs::read_dir(Path::new(dataset).join("data")).unwrap();
    files.next().expect("a data file").unwrap().path()
}

/// From the first to the last byte of the first page of a column.
fn page_bytes(dataset: &str, column: &str) -> std::ops::Range<usize> {
    let inspected = lint(&["inspect", dataset, "--column", column, "--format", "json"]);
    let document: Value = serde_json::from_str(&stdout(&inspected)).expect("valid JSON");
    let buffers = &document["columns"][0]["pages"][0]["buffers"];
    let buffers = buffers.as_array().expect("buffers");
    let edge = |buffer: &Value, edge: &str| buffer[edge].as_u64().expect("a number") as usize;
    let start = buffers.iter().map(|b| edge(b, "start")).min();
    let end = buffers.iter().map(|b| edge(b, "end")).max();
    start.expect("a buffer")..end.expect("a buffer")
}

fn overwrite(file: &Path, bytes: std::ops::Range<usize>, with: u8) {
    let mut content = std::fs::read(file).unwrap();
    content[bytes].fill(with);
    std::fs::write(file, content).unwrap();
}

/// A 2.0 file of two columns of one value. The first says that it is compressed, and is not: its
/// value is taken for how much there is to decompress.
fn raw_as_zstd() -> Vec<u8> {
    let mut file = (1u64 << 40).to_le_bytes().to_vec();
    file.extend([0; 8]);
    let second = file.len() as u64;
    file.extend(7u64.to_le_bytes());
    let field = |id: i32, name: &str| Field {
        r#type: 2,
        id,
        parent_id: -1,
        name: name.to_string(),
        logical_type: "int64".to_string(),
        ..Field::default()
    };
    let descriptor = FileDescriptor {
        schema: Some(Schema {
            fields: vec![field(0, "squeezed"), field(1, "plain")],
            ..Schema::default()
        }),
        length: 1,
    };
    let descriptor_place = (file.len() as u64, descriptor.encoded_len() as u64);
    file.extend(descriptor.encode_to_vec());
    let columns = [column((0, 16), Some("zstd")), column((second, 8), None)];
    let mut column_places = Vec::new();
    for column in columns {
        column_places.push((file.len() as u64, column.encoded_len() as u64));
        file.extend(column.encode_to_vec());
    }
    let table = |file: &mut Vec<u8>, places: &[(u64, u64)]| {
        let start = file.len() as u64;
        for (position, size) in places {
            file.extend(position.to_le_bytes());
            file.extend(size.to_le_bytes());
        }
        start
    };
    let column_table = table(&mut file, &column_places);
    let global_table = table(&mut file, &[descriptor_place]);
    for number in [column_places[0].0, column_table, global_table] {
        file.extend(number.to_le_bytes());
    }
    file.extend(1u32.to_le_bytes());
    file.extend(2u32.to_le_bytes());
    file.extend(0u16.to_le_bytes());
    file.extend(3u16.to_le_bytes());
    file.extend(MAGIC);
    file
}

/// A column of one page of one value of 64 bits.
fn column((offset, size): (u64, u64), scheme: Option<&str>) -> ColumnMetadata {
    let flat = ArrayEncoding {
        array_encoding: Some(Kind::Flat(Flat {
            bits_per_value: 64,
            buffer: Some(Buffer::default()),
            compression: scheme.map(|scheme| Compression {
                scheme: scheme.to_string(),
                level: None,
            }),
        })),
    };
    let nullable = ArrayEncoding {
        array_encoding: Some(Kind::Nullable(Box::new(Nullable {
            nullability: Some(Nullability::NoNulls(Box::new(NoNull {
                values: Some(Box::new(flat)),
            }))),
        }))),
    };
    let values = ColumnEncoding {
        column_encoding: Some(ColumnKind::Values(Default::default())),
    };
    ColumnMetadata {
        encoding: direct("ColumnEncoding", values.encode_to_vec()),
        pages: vec![Page {
            buffer_offsets: vec![offset],
            buffer_sizes: vec![size],
            length: 1,
            encoding: direct("ArrayEncoding", nullable.encode_to_vec()),
            priority: 0,
        }],
        ..ColumnMetadata::default()
    }
}

fn direct(message: &str, value: Vec<u8>) -> Option<Encoding> {
    let any = Any {
        type_url: format!("/lance.encodings.{message}"),
        value: value.into(),
    };
    Some(Encoding {
        location: Some(Location::Direct(DirectEncoding {
            encoding: any.encode_to_vec().into(),
        })),
    })
}
