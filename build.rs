//! Compiles `proto/` with protox (no protoc needed) into two things: the prost
//! messages, and a table of every known field number, against which raw bytes
//! are held to find fields that this build does not know.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

const FILES: [&str; 6] = [
    "encodings_2_0.proto",
    "encodings_2_1.proto",
    "encodings_2_3.proto",
    "file.proto",
    "file2.proto",
    "table.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("known_fields.rs"), known_fields(&descriptors))?;
    prost_build::Config::new()
        .bytes(["."])
        .btree_map(["."])
        .include_file("messages.rs")
        .compile_fds(descriptors)?;
    Ok(())
}

/// Renders `&[(message, &[(field number, field name, index of the field's message or MAX)])]`,
/// sorted by message.
fn known_fields(set: &FileDescriptorSet) -> String {
    let mut rows = Vec::new();
    for file in &set.file {
        let package = format!(".{}", file.package());
        for message in &file.message_type {
            collect(&package, message, &mut rows);
        }
    }
    rows.sort();
    let index: BTreeMap<&str, usize> = rows
        .iter()
        .enumerate()
        .map(|(at, (name, _))| (name.as_str(), at))
        .collect();
    let mut code = String::from("&[\n");
    for (name, fields) in &rows {
        let _ = write!(code, "    ({name:?}, &[");
        for (number, field, child) in fields {
            match index.get(child.as_str()) {
                Some(at) => drop(write!(code, "({number}, {field:?}, {at}), ")),
                None => drop(write!(code, "({number}, {field:?}, usize::MAX), ")),
            }
        }
        code.push_str("]),\n");
    }
    code.push(']');
    code
}

type Row = (String, Vec<(u32, String, String)>);

fn collect(prefix: &str, message: &DescriptorProto, rows: &mut Vec<Row>) {
    let name = format!("{prefix}.{}", message.name());
    let fields = message
        .field
        .iter()
        .map(|field| {
            let child = match field.r#type() {
                Type::Message => field.type_name().to_string(),
                _ => String::new(),
            };
            (
                field.number().unsigned_abs(),
                field.name().to_string(),
                child,
            )
        })
        .collect();
    for nested in &message.nested_type {
        collect(&name, nested, rows);
    }
    rows.push((name, fields));
}
