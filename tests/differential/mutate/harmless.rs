//! Changes that no reader minds, and that a checker must not mind either.

use super::{Candidate, Edit, Op, Root, edit, schema};
use crate::bases::Base;
use crate::subject::Size;
use crate::wire::{Field, Message, Value, types};

pub fn enumerate(base: &Base, all: &mut Vec<Candidate>) {
    let subject = &base.subject;
    let mut roots: Vec<Root> = (0..subject.columns.len()).map(Root::Column).collect();
    roots.extend([Root::Descriptor, Root::Manifest]);
    for root in roots {
        let tree = root.of(subject);
        tree.walk(&mut |path, message| {
            let group = types().name(message.of).to_string();
            for (number, value) in [
                (1000, Value::Number(7)),
                (1001, Value::Bytes(b"new".to_vec())),
            ] {
                let field = Field { number, value };
                let change = edit(root, path, Edit::Insert(usize::MAX, field));
                all.push(Candidate::harmless("unknown-field", group.as_str(), change));
            }
            let mut numbers: Vec<u32> = message.fields.iter().map(|field| field.number).collect();
            numbers.dedup();
            if numbers.len() > 1 {
                let change = edit(root, path, Edit::Reverse);
                all.push(Candidate::harmless("field-order", group, change));
            }
        });
    }
    columns(base, all);
    fields(base, all);
    // Columns without a number, those of a blob's members, have no place of their own to move to.
    let numbered = subject.manifest.children("fields");
    if base.top.len() > 1 && !numbered.iter().any(|field| schema::is_blob(field)) {
        all.push(Candidate::harmless(
            "columns-permuted",
            "columns",
            Op::LastFirst,
        ));
    }
    for bytes in [64, 640, 65536] {
        all.push(Candidate::harmless(
            "padding",
            "padding",
            Op::Padding(bytes),
        ));
    }
    for tombstone in [false, true] {
        let op = Op::ExtraColumn { of: 0, tombstone };
        let kind = if tombstone {
            "extra-tombstone"
        } else {
            "extra-column"
        };
        all.push(Candidate::harmless(kind, "columns", op));
    }
    all.push(Candidate::harmless(
        "size-unsaid",
        "file_size_bytes",
        Op::Size(Size::Unsaid),
    ));
    all.push(Candidate::harmless(
        "extra-global-buffer",
        "global buffers",
        Op::ExtraGlobalBuffer,
    ));
}

fn columns(base: &Base, all: &mut Vec<Candidate>) {
    let types = types();
    for (column, message) in base.subject.columns.iter().enumerate() {
        let root = Root::Column(column);
        for at in message.positions("pages") {
            for new in [1, 12345] {
                let path = [at];
                let page = message.at(&path);
                let field = Field {
                    number: types.number(page.of, "priority"),
                    value: Value::Number(new),
                };
                let change = match page.positions("priority").first() {
                    Some(at) if page.get("priority") != new => Edit::Put(*at, field.value),
                    Some(_) => continue,
                    None => Edit::Insert(usize::MAX, field),
                };
                all.push(Candidate::harmless(
                    "priority",
                    "priority",
                    edit(root, &path, change),
                ));
            }
        }
        if base.minor == 0 {
            continue;
        }
        // Readers of 2.1 and later decode a column's encoding and look no further.
        message.walk(&mut |path, inner| {
            if types.name(inner.of) != "lance.encodings.ColumnEncoding" {
                return;
            }
            let blob = Field {
                number: types.number(inner.of, "blob"),
                value: Value::Message(Message::empty(types.named("lance.encodings.Blob"))),
            };
            let zone = Field {
                number: types.number(inner.of, "zone_index"),
                value: Value::Message(Message::empty(types.named("lance.encodings.ZoneIndex"))),
            };
            for change in [
                Edit::Insert(usize::MAX, blob),
                Edit::Insert(usize::MAX, zone),
                Edit::Clear,
            ] {
                let op = edit(root, path, change);
                all.push(Candidate::harmless(
                    "column-encoding",
                    "column encoding",
                    op,
                ));
            }
        });
    }
}

fn fields(base: &Base, all: &mut Vec<Candidate>) {
    let manifest = &base.subject.manifest;
    for at in manifest.positions("fields") {
        let field = manifest.at(&[at]);
        let class = schema::class(&field.text("logical_type"));
        let name = field.positions("name")[0];
        let new = Value::Bytes(format!("{}_renamed", field.text("name")).into_bytes());
        // Only the names of columns and of struct members are anyone's to choose.
        let above = manifest
            .children("fields")
            .into_iter()
            .find(|other| other.get("id") == field.get("parent_id"));
        if above
            .is_none_or(|above| above.text("logical_type") == "struct" && !schema::is_blob(above))
        {
            let change = edit(Root::Manifest, &[at], Edit::Put(name, new));
            all.push(Candidate::harmless("renamed", class, change));
        }
        let note = schema::entry("note", "x");
        let change = edit(Root::Manifest, &[at], Edit::Insert(usize::MAX, note));
        all.push(Candidate::harmless("note-key", class, change));
    }
    let number = types().number(manifest.of, "schema_metadata");
    let value = schema::pair("lance.table.Manifest.SchemaMetadataEntry", "note", "x");
    let note = Field { number, value };
    let change = edit(Root::Manifest, &[], Edit::Insert(usize::MAX, note));
    all.push(Candidate::harmless("note-key", "schema", change));
}
