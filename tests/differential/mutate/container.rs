//! Changes of where things are: buffers, pages, tables and the footer.

use super::{Candidate, Edit, Op, Root, edit, step};
use crate::bases::Base;
use crate::subject::{Change, Slot};
use crate::wire::{Message, Value};

pub fn enumerate(base: &Base, all: &mut Vec<Candidate>) {
    let subject = &base.subject;
    for (column, message) in subject.columns.iter().enumerate() {
        let root = Root::Column(column);
        let pages = message.positions("pages");
        for at in &pages {
            let path = [*at];
            page(root, &path, message.at(&path), base, all);
            all.push(Candidate::new(
                "page-removed",
                "pages",
                edit(root, &[], Edit::Remove(*at)),
            ));
            let copy = message.fields[*at].clone();
            let twice = edit(root, &[], Edit::Insert(*at, copy));
            all.push(Candidate::new("page-duplicated", "pages", twice));
        }
        for pair in pages.windows(2) {
            let swap = edit(root, &[], Edit::Swap(pair[0], pair[1]));
            all.push(Candidate::new("pages-swapped", "pages", swap));
        }
        numbers(root, &[], message, "column.", base, all);
    }
    let columns = subject.columns.len();
    for a in 0..columns {
        for b in a + 1..columns {
            let swap = Op::SwapColumns(a, b);
            all.push(Candidate::new("column-metadata-swapped", "columns", swap));
        }
    }
    all.push(Candidate::new(
        "last-column-dropped",
        "columns",
        Op::DropLastColumn,
    ));
    all.push(Candidate::new(
        "no-global-buffers",
        "global buffers",
        Op::NoGlobalBuffers,
    ));
    tables(base, all);
    descriptor(base, all);
}

fn page(root: Root, path: &[usize], page: &Message, base: &Base, all: &mut Vec<Candidate>) {
    numbers(root, path, page, "page.", base, all);
    let at = page.positions("length").last().copied();
    let length = page.get("length");
    for new in [
        0,
        1,
        length + 1,
        length.saturating_sub(1),
        length * 2,
        length / 2,
        1 << 40,
    ] {
        if let Some(at) = at
            && new != length
        {
            let change = edit(root, path, Edit::Put(at, Value::Number(new)));
            all.push(Candidate::new("page-length", "page.length", change));
        }
    }
}

/// The buffer offsets and sizes of a page or a column.
fn numbers(
    root: Root,
    path: &[usize],
    message: &Message,
    prefix: &str,
    base: &Base,
    all: &mut Vec<Candidate>,
) {
    let offsets = message.positions("buffer_offsets");
    let sizes = message.positions("buffer_sizes");
    let value = |at: usize| match message.fields[at].value {
        Value::Number(value) => value,
        _ => 0,
    };
    let beyond = base.file.len() as u64;
    for (buffer, (offset, size)) in offsets.iter().zip(&sizes).enumerate() {
        // A page's buffers have different meanings by their place.
        let group = format!("{prefix}buffer {}", buffer.min(3));
        let (old, length) = (value(*offset), value(*size));
        for new in [
            old + 1,
            old + 64,
            old.saturating_sub(64),
            0,
            beyond,
            beyond * 64,
            1 << 62,
        ] {
            if new != old {
                let change = edit(root, path, Edit::Put(*offset, Value::Number(new)));
                all.push(Candidate::new("buffer-offset", group.as_str(), change));
            }
        }
        for new in [
            length + 1,
            length.saturating_sub(1),
            0,
            length / 2,
            length * 2,
            beyond,
            1 << 40,
        ] {
            if new != length {
                let change = edit(root, path, Edit::Put(*size, Value::Number(new)));
                all.push(Candidate::new("buffer-size", group.as_str(), change));
            }
        }
        let (first, second) = (*offset.max(size), *offset.min(size));
        let both = Op::Edits(vec![
            step(root, path, Edit::Remove(first)),
            step(root, path, Edit::Remove(second)),
        ]);
        all.push(Candidate::new("buffer-removed", group.as_str(), both));
        let copies = Op::Edits(vec![
            step(
                root,
                path,
                Edit::Insert(first, message.fields[first].clone()),
            ),
            step(
                root,
                path,
                Edit::Insert(second, message.fields[second].clone()),
            ),
        ]);
        all.push(Candidate::new("buffer-duplicated", group.as_str(), copies));
        let single = edit(root, path, Edit::Remove(*size));
        all.push(Candidate::new("buffer-unpaired", group.as_str(), single));
        let single = edit(root, path, Edit::Remove(*offset));
        all.push(Candidate::new("buffer-unpaired", group.as_str(), single));
    }
    for at in 1..offsets.len().min(sizes.len()) {
        let group = format!("{prefix}buffer {}", at.min(3));
        let swap = Op::Edits(vec![
            step(root, path, Edit::Swap(offsets[at - 1], offsets[at])),
            step(root, path, Edit::Swap(sizes[at - 1], sizes[at])),
        ]);
        all.push(Candidate::new("buffers-swapped", group, swap));
    }
    if !offsets.is_empty() && offsets.len() == sizes.len() {
        let mut positions: Vec<usize> = offsets.iter().chain(&sizes).copied().collect();
        positions.sort_unstable();
        let removals = positions.iter().rev();
        let removals = removals.map(|at| step(root, path, Edit::Remove(*at)));
        let group = format!("{prefix}buffers of {}", offsets.len().min(4));
        all.push(Candidate::new(
            "buffers-emptied",
            group,
            Op::Edits(removals.collect()),
        ));
    }
}

fn tables(base: &Base, all: &mut Vec<Candidate>) {
    let mut patch = |kind, slot: Slot, change| {
        all.push(Candidate::new(kind, slot.group(), Op::Patch(slot, change)));
    };
    let changes = [
        Change::Add(1),
        Change::Add(-1),
        Change::Add(64),
        Change::Add(-64),
        Change::Add(16),
        Change::Add(-16),
        Change::Set(0),
        Change::Double,
        Change::Halve,
        Change::Set(1 << 40),
        Change::Set(u64::MAX),
    ];
    for change in changes {
        for slot in [
            Slot::ColumnMetadataStart,
            Slot::ColumnTable,
            Slot::GlobalBufferTable,
        ] {
            patch("footer", slot, change);
        }
        for column in 0..base.subject.columns.len() {
            patch("column-table", Slot::ColumnPosition(column), change);
            patch("column-table", Slot::ColumnLength(column), change);
        }
        for buffer in 0..=base.subject.global_buffers.len() {
            patch("global-buffer-table", Slot::GlobalPosition(buffer), change);
            patch("global-buffer-table", Slot::GlobalLength(buffer), change);
        }
    }
    for change in [
        Change::Add(1),
        Change::Add(-1),
        Change::Set(0),
        Change::Set(u64::from(u32::MAX)),
    ] {
        patch("footer", Slot::NumColumns, change);
        patch("footer", Slot::NumGlobalBuffers, change);
    }
    for (major, minor) in [
        (0, 2),
        (0, 3),
        (2, 0),
        (2, 1),
        (2, 2),
        (2, 3),
        (2, 4),
        (3, 0),
        (0, 0),
    ] {
        if (major, minor) != base.subject.version {
            all.push(Candidate::new(
                "footer-version",
                "footer version",
                Op::Version(major, minor),
            ));
        }
    }
}

/// The message around the file's own schema.
fn descriptor(base: &Base, all: &mut Vec<Candidate>) {
    let Some(message) = &base.subject.descriptor else {
        return;
    };
    let root = Root::Descriptor;
    for at in message.positions("length") {
        for new in [
            0,
            1,
            base.rows + 1,
            base.rows.saturating_sub(1),
            base.rows * 2,
            1 << 40,
        ] {
            if new != base.rows {
                let change = edit(root, &[], Edit::Put(at, Value::Number(new)));
                all.push(Candidate::new("file-rows", "file schema length", change));
            }
        }
    }
    for at in message.positions("schema") {
        let change = edit(root, &[], Edit::Remove(at));
        all.push(Candidate::new("file-schema", "removed", change));
        let change = edit(root, &[at], Edit::Clear);
        all.push(Candidate::new("file-schema", "emptied", change));
        for field in message.at(&[at]).positions("fields") {
            let change = edit(root, &[at], Edit::Remove(field));
            all.push(Candidate::new("file-schema", "field removed", change));
        }
    }
}
