//! Compiles `proto/` with protox (no protoc needed) into two things: the prost
//! messages, and a table of every known field number, against which raw bytes
//! are held to find fields that this build does not know. Takes in `advisories/`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

const FILES: [&str; 8] = [
    "encodings_2_0.proto",
    "encodings_2_1.proto",
    "encodings_2_3.proto",
    "file.proto",
    "file2.proto",
    "rowids.proto",
    "table.proto",
    "transaction.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed=advisories");
    std::fs::write(
        out.join("advisories.rs"),
        advisories(Path::new("advisories"))?,
    )?;
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

/// An advisory as its file has it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Advisory {
    id: String,
    title: String,
    threads: Vec<String>,
    /// The releases that write it; none for a bug of readers.
    #[serde(default)]
    library: String,
    #[serde(default)]
    affected_from: String,
    #[serde(default)]
    affected_before: String,
    /// The releases that read it wrong, where what was written is sound.
    readers: Option<Readers>,
    file_versions: Vec<String>,
    #[serde(default)]
    operations: Vec<String>,
    #[serde(default)]
    schema: Vec<String>,
    /// What the pages of a column must be.
    #[serde(default)]
    pages: String,
    severity: String,
    #[serde(default)]
    proof: Vec<String>,
    effect: String,
    confirm: String,
    remedy: String,
    fixed_in: String,
    /// For those who keep the file.
    #[serde(rename = "seen")]
    _seen: String,
}

/// Releases that read sound data wrong.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Readers {
    from: String,
    before: String,
}

/// Renders the advisories as a slice, by id.
fn advisories(folder: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let mut all: Vec<Advisory> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let text = std::fs::read_to_string(&path)?;
            let advisory: Advisory =
                toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            all.push(advisory);
        }
    }
    all.sort_by(|a, b| a.id.cmp(&b.id));
    let mut code = String::from("&[\n");
    for a in all {
        if a.readers.is_some() != a.affected_from.is_empty() {
            return Err(format!(
                "{}: it names releases either as writers or as readers",
                a.id
            )
            .into());
        }
        let (kind, from, before) = match &a.readers {
            Some(readers) => ("Reader", &readers.from, &readers.before),
            None => ("Writer", &a.affected_from, &a.affected_before),
        };
        let before = match before.as_str() {
            "" => "None".to_string(),
            before => format!("Some({})", release(before)?),
        };
        let _ = writeln!(
            code,
            "Advisory {{ id: {:?}, title: {:?}, threads: &{:?}, library: {:?}, at_fault: AtFault::{kind}, \
             from: {}, before: {}, \
             file_versions: &{:?}, operations: &{:?}, schema: &{:?}, pages: {:?}, \
             severity: Severity::{}, proof: &{:?}, effect: {:?}, confirm: {:?}, \
             remedy: {:?}, fixed_in: {:?} }},",
            a.id,
            a.title,
            a.threads,
            a.library,
            release(from)?,
            before,
            a.file_versions,
            a.operations,
            a.schema,
            a.pages,
            match a.severity.as_str() {
                "info" => "Info",
                "warning" => "Warning",
                "error" => "Error",
                other => return Err(format!("{}: no severity {other:?}", a.id).into()),
            },
            a.proof,
            a.effect.trim(),
            a.confirm.trim(),
            a.remedy.trim(),
            a.fixed_in
        );
    }
    code.push(']');
    Ok(code)
}

/// Renders a release such as `0.32.1`.
fn release(text: &str) -> Result<String, Box<dyn std::error::Error>> {
    let numbers: Vec<u32> = text
        .split('.')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{text:?} is no release: {error}"))?;
    match numbers.as_slice() {
        [major, minor, patch] => Ok(format!("Release({major}, {minor}, {patch})")),
        _ => Err(format!("{text:?} is no release: it has not three numbers").into()),
    }
}
