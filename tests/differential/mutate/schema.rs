//! Changes of the schema: in the manifest alone, or in the file's own schema with it.

use super::{Candidate, Edit, Op, Root, step};
use crate::bases::Base;
use crate::wire::{Field, Message, Value, types};

/// Types that any field is given.
const TYPES: [&str; 36] = [
    "int8",
    "uint8",
    "int16",
    "halffloat",
    "int32",
    "uint32",
    "float",
    "date32:day",
    "time32:ms",
    "int64",
    "double",
    "timestamp:us:-",
    "timestamp:us",
    "duration:s",
    "decimal:128:38:4",
    "decimal:256:60:4",
    "decimal:64:10:2",
    "fixed_size_binary:5",
    "fixed_size_binary:16",
    "bool",
    "null",
    "string",
    "binary",
    "large_string",
    "large_binary",
    "json",
    "fixed_size_list:float:4",
    "fixed_size_list:float:8",
    "fixed_size_list:int16:2",
    "dict:string:int8:false",
    "dict:string:int16:false",
    "struct",
    "list",
    "large_list",
    "int33",
    "",
];

/// Keys that a field is given, or loses.
const KEYS: [(&str, &str); 8] = [
    ("lance-encoding:blob", "true"),
    ("lance-encoding:blob", "false"),
    ("lance-encoding:packed", "true"),
    ("packed", "true"),
    ("lance-encoding:packed", "1"),
    ("ARROW:extension:name", "lance.blob.v2"),
    ("lance-encoding:compression", "zstd"),
    ("lance-encoding:structural-encoding", "fullzip"),
];

/// Types that are stored alike, for grouping.
pub fn class(logical_type: &str) -> &'static str {
    let head = logical_type.split(':').next().unwrap_or_default();
    match head {
        "int8" | "uint8" => "8 bits",
        "int16" | "uint16" | "halffloat" => "16 bits",
        "int32" | "uint32" | "float" | "date32" | "time32" => "32 bits",
        "int64" | "uint64" | "double" | "date64" | "time64" | "timestamp" | "duration" => "64 bits",
        "decimal" => "decimal",
        "fixed_size_binary" => "fixed binary",
        "bool" => "bool",
        "null" => "null",
        "string" | "binary" => "variable",
        "large_string" | "large_binary" | "json" => "large variable",
        "fixed_size_list" if logical_type.contains("struct") => "vector of structs",
        "fixed_size_list" => "vector",
        "dict" => "dictionary",
        "struct" => "struct",
        "list" | "list.struct" | "large_list" | "large_list.struct" => "list",
        "map" => "map",
        _ => "unknown",
    }
}

pub fn pair(of: &str, key: &str, value: &str) -> Value {
    let mut message = Message::empty(types().named(of));
    message.set_text("key", key);
    message.set_text("value", value);
    Value::Message(message)
}

/// A metadata entry of a field.
pub fn entry(key: &str, value: &str) -> Field {
    Field {
        number: types().number(types().named("lance.file.Field"), "metadata"),
        value: pair("lance.file.Field.MetadataEntry", key, value),
    }
}

pub fn is_blob(field: &Message) -> bool {
    let keys = field.children("metadata");
    keys.iter().any(|entry| {
        entry.text("key") == "lance-encoding:blob" || entry.text("value") == "lance.blob.v2"
    })
}

/// Whether a field may be null, and where it stands.
pub fn rank(field: &Message) -> &'static str {
    match (
        field.get("nullable") == 1,
        field.get("parent_id").cast_signed() == -1,
    ) {
        (true, true) => "nullable top",
        (true, false) => "nullable nested",
        (false, true) => "required top",
        (false, false) => "required nested",
    }
}

/// A field of the manifest, and of the file's own schema where it has it.
struct Site<'a> {
    at: usize,
    field: &'a Message,
    in_file: Option<Vec<usize>>,
}

impl Site<'_> {
    /// The same edit of the manifest, or of both schemas.
    fn edits(
        &self,
        both: bool,
        make: impl Fn(&Message) -> Option<Edit>,
        base: &Base,
    ) -> Option<Op> {
        let mut steps = vec![step(Root::Manifest, &[self.at], make(self.field)?)];
        if both {
            let path = self.in_file.as_ref()?;
            let there = base.subject.descriptor.as_ref()?.at(path);
            steps.push(step(Root::Descriptor, path, make(there)?));
        }
        Some(Op::Edits(steps))
    }
}

pub fn enumerate(base: &Base, all: &mut Vec<Candidate>) {
    let manifest = &base.subject.manifest;
    let sites: Vec<Site> = manifest
        .positions("fields")
        .into_iter()
        .map(|at| {
            let field = manifest.at(&[at]);
            Site {
                at,
                field,
                in_file: in_file(base, field),
            }
        })
        .collect();
    for site in &sites {
        let class = class(&site.field.text("logical_type"));
        types_of(site, class, base, all);
        flags_of(site, class, base, all);
        keys_of(site, class, base, all);
        identity_of(site, class, &sites, all);
    }
    pairs(&sites, all);
    insertions(&sites, all);
}

fn in_file(base: &Base, field: &Message) -> Option<Vec<usize>> {
    let descriptor = base.subject.descriptor.as_ref()?;
    let schema = *descriptor.positions("schema").first()?;
    let message = descriptor.at(&[schema]);
    let positions = message.positions("fields").into_iter();
    positions.map(|at| vec![schema, at]).find(|path| {
        let other = descriptor.at(path);
        other.get("id") == field.get("id") && other.text("name") == field.text("name")
    })
}

fn types_of(site: &Site, class_of: &str, base: &Base, all: &mut Vec<Candidate>) {
    let old = site.field.text("logical_type");
    let mut words: Vec<String> = TYPES.iter().map(ToString::to_string).collect();
    let parts: Vec<&str> = old.split(':').collect();
    if let (Some(last), true) = (
        parts.last().and_then(|last| last.parse::<u64>().ok()),
        parts.len() > 1,
    ) {
        let stem = parts[..parts.len() - 1].join(":");
        for number in [last.saturating_sub(1), last + 1, last * 2, 0] {
            words.push(format!("{stem}:{number}"));
        }
    }
    if let ["dict", value, _, ordered] = parts[..] {
        for key in ["int8", "int16", "int64", "uint8"] {
            words.push(format!("dict:{value}:{key}:{ordered}"));
        }
    }
    for word in words.iter().filter(|word| **word != old) {
        for both in [false, true] {
            let make = |field: &Message| {
                let at = *field.positions("logical_type").first()?;
                Some(Edit::Put(at, Value::Bytes(word.as_bytes().to_vec())))
            };
            if let Some(op) = site.edits(both, make, base) {
                let kind = if both { "type-everywhere" } else { "type" };
                all.push(Candidate::new(
                    kind,
                    format!("{class_of} as {}", class(word)),
                    op,
                ));
            }
        }
    }
}

fn flags_of(site: &Site, class: &str, base: &Base, all: &mut Vec<Candidate>) {
    for both in [false, true] {
        let make = |field: &Message| {
            let new = Value::Number(1 - field.get("nullable"));
            match field.positions("nullable").first() {
                Some(at) => Some(Edit::Put(*at, new)),
                None => Some(Edit::Insert(
                    usize::MAX,
                    Field {
                        number: types().number(field.of, "nullable"),
                        value: new,
                    },
                )),
            }
        };
        if let Some(op) = site.edits(both, make, base) {
            let way = if site.field.get("nullable") == 1 {
                "made required"
            } else {
                "made nullable"
            };
            let kind = if both {
                "nullable-everywhere"
            } else {
                "nullable"
            };
            all.push(Candidate::new(kind, format!("{class} {way}"), op));
        }
    }
}

fn keys_of(site: &Site, class: &str, base: &Base, all: &mut Vec<Candidate>) {
    for (key, value) in KEYS {
        let known = site.field.children("metadata");
        if known
            .iter()
            .any(|entry| entry.text("key") == key && entry.text("value") == value)
        {
            continue;
        }
        for both in [false, true] {
            let make = |_: &Message| Some(Edit::Insert(usize::MAX, entry(key, value)));
            if let Some(op) = site.edits(both, make, base) {
                let kind = if both {
                    "key-added-everywhere"
                } else {
                    "key-added"
                };
                all.push(Candidate::new(kind, format!("{class} {key}={value}"), op));
            }
        }
    }
    for position in 0..site.field.children("metadata").len() {
        for both in [false, true] {
            let make = |field: &Message| {
                let at = *field.positions("metadata").get(position)?;
                Some(Edit::Remove(at))
            };
            if let Some(op) = site.edits(both, make, base) {
                let key = site.field.children("metadata")[position].text("key");
                let kind = if both {
                    "key-removed-everywhere"
                } else {
                    "key-removed"
                };
                all.push(Candidate::new(kind, format!("{class} {key}"), op));
            }
        }
    }
    for at in site.field.positions("extension_name") {
        let op = super::edit(Root::Manifest, &[site.at], Edit::Remove(at));
        all.push(Candidate::new(
            "key-removed",
            format!("{class} extension_name"),
            op,
        ));
    }
}

/// Ids, parents and presence.
fn identity_of(site: &Site, class: &str, sites: &[Site], all: &mut Vec<Candidate>) {
    let here = |edit| super::edit(Root::Manifest, &[site.at], edit);
    let group = format!("{class} {}", rank(site.field));
    let put = |name: &str, value: i64| {
        let value = Value::Number(value.cast_unsigned());
        let number = types().number(site.field.of, name);
        here(match site.field.positions(name).first() {
            Some(at) => Edit::Put(*at, value),
            None => Edit::Insert(usize::MAX, Field { number, value }),
        })
    };
    for new in [900, -1] {
        all.push(Candidate {
            by_name: true,
            ..Candidate::new("id-changed", group.as_str(), put("id", new))
        });
    }
    for other in sites.iter().filter(|other| other.at != site.at) {
        let id = other.field.get("id").cast_signed();
        all.push(Candidate::new(
            "parent-changed",
            group.as_str(),
            put("parent_id", id),
        ));
    }
    for new in [-1, 900] {
        if site.field.get("parent_id").cast_signed() != new {
            all.push(Candidate::new(
                "parent-changed",
                group.as_str(),
                put("parent_id", new),
            ));
        }
    }
    let remove = super::edit(Root::Manifest, &[], Edit::Remove(site.at));
    all.push(Candidate::new("field-removed", group.as_str(), remove));
    let copy = Field {
        number: types().number(types().named("lance.table.Manifest"), "fields"),
        value: Value::Message(site.field.clone()),
    };
    let twice = super::edit(Root::Manifest, &[], Edit::Insert(site.at, copy));
    all.push(Candidate::new("field-duplicated", group.as_str(), twice));
}

fn pairs(sites: &[Site], all: &mut Vec<Candidate>) {
    for pair in sites.windows(2) {
        let [a, b] = pair else { continue };
        let classes = format!(
            "{} and {}",
            class(&a.field.text("logical_type")),
            class(&b.field.text("logical_type"))
        );
        let ids = |site: &Site| site.field.positions("id").first().copied();
        if let (Some(of_a), Some(of_b)) = (ids(a), ids(b)) {
            let swap = Op::Edits(vec![
                step(
                    Root::Manifest,
                    &[a.at],
                    Edit::Put(of_a, Value::Number(b.field.get("id"))),
                ),
                step(
                    Root::Manifest,
                    &[b.at],
                    Edit::Put(of_b, Value::Number(a.field.get("id"))),
                ),
            ]);
            all.push(Candidate {
                by_name: true,
                ..Candidate::new("ids-swapped", classes.as_str(), swap)
            });
        }
        if a.field.get("parent_id") == b.field.get("parent_id") {
            let swap = super::edit(Root::Manifest, &[], Edit::Swap(a.at, b.at));
            all.push(Candidate::new("fields-reordered", classes, swap));
        }
    }
}

/// A struct without members, which has a column of its own or none at all.
fn insertions(sites: &[Site], all: &mut Vec<Candidate>) {
    let field = |logical_type: &str| {
        let mut field = Message::empty(types().named("lance.file.Field"));
        field.set_text("name", "added");
        field.set("id", 901);
        field.set("parent_id", (-1i64).cast_unsigned());
        field.set_text("logical_type", logical_type);
        field.set("nullable", 1);
        Field {
            number: types().number(types().named("lance.table.Manifest"), "fields"),
            value: Value::Message(field),
        }
    };
    let (Some(first), Some(last)) = (sites.first(), sites.last()) else {
        return;
    };
    for (at, place) in [(first.at, "first"), (last.at + 1, "last")] {
        for logical_type in ["struct", "int32", "list"] {
            let op = super::edit(Root::Manifest, &[], Edit::Insert(at, field(logical_type)));
            let group = format!("{logical_type} {place}");
            all.push(Candidate::new("field-inserted", group, op));
        }
    }
}
