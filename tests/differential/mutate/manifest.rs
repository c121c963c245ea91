//! Changes of what the manifest says of the data file.

use super::{Candidate, Edit, Op, Root, edit, step};
use crate::bases::Base;
use crate::subject::Size;
use crate::wire::{Field, Value};

pub fn enumerate(base: &Base, all: &mut Vec<Candidate>) {
    let root = Root::Manifest;
    let manifest = &base.subject.manifest;
    let fragment = [manifest.positions("fragments")[0]];
    let file = [fragment[0], manifest.at(&fragment).positions("files")[0]];
    let entry = manifest.at(&file);
    let indices = entry.positions("column_indices");
    let ids = entry.positions("fields");
    let columns = base.subject.columns.len() as u64;
    let number = |value: i64| Value::Number(value.cast_unsigned());
    let group = format!("of {}", indices.len().min(6));
    let mut add = |kind, group: &str, op| all.push(Candidate::new(kind, group, op));

    for at in 1..indices.len() {
        let swap = edit(root, &file, Edit::Swap(indices[at - 1], indices[at]));
        add("column-index-swapped", &group, swap);
    }
    for (nth, at) in indices.iter().enumerate() {
        for new in [columns, columns + 1, 1 << 20] {
            let change = edit(root, &file, Edit::Put(*at, Value::Number(new)));
            add("column-index-beyond", &group, change);
        }
        for new in [-1, -2] {
            let change = edit(root, &file, Edit::Put(*at, number(new)));
            add("column-index-negative", &group, change);
        }
        let next = (nth as u64 + 1) % columns;
        let change = edit(root, &file, Edit::Put(*at, Value::Number(next)));
        if columns > 1 {
            add("column-index-shared", &group, change);
        }
    }
    let removals = |positions: &[usize]| {
        let removals = positions.iter().rev();
        Op::Edits(
            removals
                .map(|at| step(root, &file, Edit::Remove(*at)))
                .collect(),
        )
    };
    add("column-indices-emptied", &group, removals(&indices));
    add("file-fields-emptied", &group, removals(&ids));
    if let Some(last) = indices.last() {
        add(
            "column-indices-shorter",
            &group,
            edit(root, &file, Edit::Remove(*last)),
        );
    }
    if let Some(last) = ids.last() {
        add(
            "file-fields-shorter",
            &group,
            edit(root, &file, Edit::Remove(*last)),
        );
    }
    for at in &ids {
        let Value::Number(id) = entry.fields[*at].value else {
            continue;
        };
        let fields = manifest.children("fields");
        let field = fields.into_iter().find(|field| field.get("id") == id);
        let group = field.map_or("no field", super::schema::rank);
        for new in [-2, -1, 77] {
            let change = edit(root, &file, Edit::Put(*at, number(new)));
            let name = match new {
                -2 => "file-field-tombstoned",
                _ => "file-field-id",
            };
            add(name, group, change);
        }
    }
    for pair in ids.windows(2) {
        add(
            "file-fields-swapped",
            &group,
            edit(root, &file, Edit::Swap(pair[0], pair[1])),
        );
        let same = edit(
            root,
            &file,
            Edit::Put(pair[1], entry.fields[pair[0]].value.clone()),
        );
        add("file-field-duplicated", &group, same);
    }
    let rows_at = manifest.at(&fragment).positions("physical_rows")[0];
    for new in [
        base.rows + 1,
        base.rows - 1,
        base.rows * 2,
        base.rows / 2,
        0,
        1 << 40,
    ] {
        let change = edit(root, &fragment, Edit::Put(rows_at, Value::Number(new)));
        add("physical-rows", "physical_rows", change);
    }
    let numbers = (
        entry.get("file_major_version"),
        entry.get("file_minor_version"),
    );
    let [major] = entry.positions("file_major_version")[..] else {
        return;
    };
    // 2.0 is stored without a minor number when prost wrote it, but here it is always written.
    let [minor] = entry.positions("file_minor_version")[..] else {
        return;
    };
    for new in [
        (2, 0),
        (0, 3),
        (2, 1),
        (2, 2),
        (2, 3),
        (0, 2),
        (2, 9),
        (3, 0),
    ] {
        if new != numbers {
            let change = Op::Edits(vec![
                step(root, &file, Edit::Put(major, Value::Number(new.0))),
                step(root, &file, Edit::Put(minor, Value::Number(new.1))),
            ]);
            add("file-version", "file version", change);
        }
    }
    let format = [manifest.positions("data_format")[0]];
    let version = manifest.at(&format).positions("version")[0];
    for new in ["0.1", "2.0", "2.1", "2.2", "2.3", "stable", "", "2.9"] {
        let new = Value::Bytes(new.as_bytes().to_vec());
        if manifest.at(&format).fields[version].value != new {
            add(
                "data-format",
                "data_format",
                edit(root, &format, Edit::Put(version, new)),
            );
        }
    }
    for by in [1, -1, 64, -40, 4096] {
        add("file-size", "file_size_bytes", Op::Size(Size::Off(by)));
    }
    // A field that nobody knows, and its place.
    let unknown = Op::Edits(vec![
        step(
            root,
            &file,
            Edit::Insert(
                usize::MAX,
                Field {
                    number: 2,
                    value: number(78),
                },
            ),
        ),
        step(
            root,
            &file,
            Edit::Insert(
                usize::MAX,
                Field {
                    number: 3,
                    value: number(0),
                },
            ),
        ),
    ]);
    add("file-field-stranger", &group, unknown);
}
