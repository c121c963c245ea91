//! Mutations: what can be changed in a base, and the change itself.
//!
//! A mutation is data, not code: a list of edits of message trees or one change of the container.
//! Every base's candidates are numbered in a fixed order, so that `base#kind#number` names a case
//! whatever the seed is.

mod container;
mod encodings;
mod harmless;
mod manifest;
mod schema;

use std::collections::{HashMap, HashSet};

use crate::bases::Base;
use crate::subject::{Change, Size, Slot, Subject, data_file_mut, signed};
use crate::wire::{Field, Message, Value, show, types};

/// Which message an edit is made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Root {
    Column(usize),
    /// The file's own schema.
    Descriptor,
    Manifest,
}

/// A change of one message of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    Put(usize, Value),
    Insert(usize, Field),
    Remove(usize),
    Swap(usize, usize),
    /// Takes every field out.
    Clear,
    /// Puts fields of different numbers into the opposite order; a repeated field keeps its own.
    Reverse,
}

/// An edit and where it is made: field positions from the root to the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub root: Root,
    pub path: Vec<usize>,
    pub edit: Edit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    Edits(Vec<Step>),
    Patch(Slot, Change),
    Size(Size),
    Padding(usize),
    /// The metadata of two columns changes places.
    SwapColumns(usize, usize),
    /// The columns of the last top-level field come first, in the file's own schema too, and the
    /// manifest's column indices follow.
    LastFirst,
    DropLastColumn,
    /// A copy of a column after the last; the manifest names it by a tombstone when asked to.
    ExtraColumn {
        of: usize,
        tombstone: bool,
    },
    ExtraGlobalBuffer,
    NoGlobalBuffers,
    /// A change of the container with a matching change of the manifest.
    Version(u16, u16),
}

/// One mutation of one base.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub kind: &'static str,
    /// What it is about without numbers, for even sampling.
    pub group: String,
    pub op: Op,
    /// Whether a reader must not mind.
    pub harmless: bool,
    /// Whether fields are compared with the base's by name rather than by id.
    pub by_name: bool,
}

impl Candidate {
    fn new(kind: &'static str, group: impl Into<String>, op: Op) -> Self {
        Self {
            kind,
            group: group.into(),
            op,
            harmless: false,
            by_name: false,
        }
    }

    fn harmless(kind: &'static str, group: impl Into<String>, op: Op) -> Self {
        Self {
            harmless: true,
            ..Self::new(kind, group, op)
        }
    }
}

/// Messages of the bases of one version, by type: what transplants are taken from.
#[derive(Debug, Default)]
pub struct Pool {
    messages: HashMap<usize, Vec<Message>>,
}

/// Most messages of a type that a pool keeps.
const MOST_OF_A_TYPE: usize = 120;

impl Pool {
    pub fn new<'a>(bases: impl Iterator<Item = &'a Base>) -> Self {
        let mut seen: HashSet<Message> = HashSet::new();
        let mut messages: HashMap<usize, Vec<Message>> = HashMap::new();
        for base in bases {
            for column in &base.subject.columns {
                column.walk(&mut |_, message| {
                    let known = messages.entry(message.of).or_default();
                    if known.len() < MOST_OF_A_TYPE && seen.insert(message.clone()) {
                        known.push(message.clone());
                    }
                });
            }
        }
        Self { messages }
    }

    /// Up to `count` messages of a type, other than one and than an empty one.
    fn pick(
        &self,
        of: usize,
        count: usize,
        other_than: Option<&Message>,
        seed: u64,
    ) -> Vec<Message> {
        let Some(known) = self.messages.get(&of) else {
            return Vec::new();
        };
        let mut picked: Vec<Message> = Vec::new();
        for at in 0..known.len().min(40) as u64 {
            let index = crate::arrays::scatter(seed, at) % known.len() as u64;
            let message = &known[usize::try_from(index).unwrap()];
            if Some(message) != other_than && !picked.contains(message) {
                picked.push(message.clone());
            }
            if picked.len() == count {
                break;
            }
        }
        picked
    }
}

/// Every mutation of a base, in a fixed order.
pub fn candidates(base: &Base, pool: &Pool) -> Vec<Candidate> {
    let mut all = Vec::new();
    encodings::enumerate(base, pool, &mut all);
    schema::enumerate(base, &mut all);
    manifest::enumerate(base, &mut all);
    container::enumerate(base, &mut all);
    harmless::enumerate(base, &mut all);
    all
}

fn step(root: Root, path: &[usize], edit: Edit) -> Step {
    Step {
        root,
        path: path.to_vec(),
        edit,
    }
}

fn edit(root: Root, path: &[usize], edit: Edit) -> Op {
    Op::Edits(vec![step(root, path, edit)])
}

impl Root {
    fn of(self, subject: &Subject) -> &Message {
        match self {
            Self::Column(column) => &subject.columns[column],
            Self::Descriptor => subject
                .descriptor
                .as_ref()
                .expect("bases have a file schema"),
            Self::Manifest => &subject.manifest,
        }
    }

    fn of_mut(self, subject: &mut Subject) -> &mut Message {
        match self {
            Self::Column(column) => &mut subject.columns[column],
            Self::Descriptor => subject
                .descriptor
                .as_mut()
                .expect("bases have a file schema"),
            Self::Manifest => &mut subject.manifest,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Column(column) => format!("column {column}"),
            Self::Descriptor => "file schema".to_string(),
            Self::Manifest => "manifest".to_string(),
        }
    }
}

impl Op {
    /// Makes the change.
    pub fn apply(&self, subject: &mut Subject) {
        match self {
            Self::Edits(steps) => steps.iter().for_each(|step| step.apply(subject)),
            Self::Patch(slot, change) => subject.patches.push((*slot, *change)),
            Self::Size(size) => subject.size = *size,
            Self::Padding(bytes) => subject.padding = *bytes,
            Self::SwapColumns(a, b) => subject.columns.swap(*a, *b),
            Self::LastFirst => last_first(subject),
            Self::DropLastColumn => drop(subject.columns.pop()),
            Self::ExtraColumn { of, tombstone } => {
                let copy = subject.columns[*of].clone();
                let index = subject.columns.len() as u64;
                subject.columns.push(copy);
                if let (true, Some(file)) = (tombstone, data_file_mut(&mut subject.manifest)) {
                    let mut ids = file.numbers("fields");
                    ids.push((-2i64).cast_unsigned());
                    file.set_numbers("fields", &ids);
                    let mut indices = file.numbers("column_indices");
                    indices.push(index);
                    file.set_numbers("column_indices", &indices);
                }
            }
            Self::ExtraGlobalBuffer => {
                let entry = subject.global_buffers.first().copied().unwrap_or((0, 16));
                subject.global_buffers.push(entry);
            }
            Self::NoGlobalBuffers => {
                subject.descriptor = None;
                subject.global_buffers.clear();
            }
            Self::Version(major, minor) => subject.version = (*major, *minor),
        }
    }

    /// Where, what was there, and what is there now.
    pub fn describe(&self, subject: &Subject) -> (String, String, String) {
        let told = |path: &str, old: String, new: String| (path.to_string(), old, new);
        match self {
            Self::Edits(steps) => {
                let told: Vec<_> = steps.iter().map(|step| step.describe(subject)).collect();
                let join = |part: fn(&(String, String, String)) -> &String| {
                    let parts: Vec<&str> = told.iter().map(|told| part(told).as_str()).collect();
                    parts.join(" | ")
                };
                (join(|t| &t.0), join(|t| &t.1), join(|t| &t.2))
            }
            Self::Patch(slot, change) => told(&slot.name(), "right".into(), format!("{change:?}")),
            Self::Size(size) => told(
                "manifest fragments[0].files[0].file_size_bytes",
                "right".into(),
                format!("{size:?}"),
            ),
            Self::Padding(bytes) => told(
                "padding before the file schema",
                "0".into(),
                bytes.to_string(),
            ),
            Self::SwapColumns(a, b) => {
                told("column metadata", format!("{a}, {b}"), format!("{b}, {a}"))
            }
            Self::LastFirst => told("columns", "in order".into(), "last field first".into()),
            Self::DropLastColumn => told(
                "columns",
                subject.columns.len().to_string(),
                (subject.columns.len() - 1).to_string(),
            ),
            Self::ExtraColumn { of, tombstone } => told(
                "columns",
                subject.columns.len().to_string(),
                format!(
                    "and a copy of {of}{}",
                    if *tombstone { ", tombstoned" } else { "" }
                ),
            ),
            Self::ExtraGlobalBuffer => told("global buffers", String::new(), "one more".into()),
            Self::NoGlobalBuffers => told("global buffers", String::new(), "none".into()),
            Self::Version(major, minor) => told(
                "footer version",
                format!("{:?}", subject.version),
                format!("({major}, {minor})"),
            ),
        }
    }

    /// Its parts, each a mutation of its own, when there are several.
    pub fn parts(&self) -> Vec<Self> {
        match self {
            Self::Edits(steps) if steps.len() > 1 => steps
                .iter()
                .map(|step| Self::Edits(vec![step.clone()]))
                .collect(),
            _ => Vec::new(),
        }
    }
}

fn last_first(subject: &mut Subject) {
    let fields = subject.manifest.children("fields");
    let Some(last) = fields
        .iter()
        .rev()
        .find(|field| signed(field.get("parent_id")) == -1)
    else {
        return;
    };
    let first_id = signed(last.get("id"));
    let Some(file) = data_file_mut(&mut subject.manifest) else {
        return;
    };
    // Ids are given in the order of the schema, so that all from there on are the last field's.
    let indices = file.numbers("column_indices");
    let ids = file.numbers("fields").into_iter().map(signed);
    let moving = ids
        .zip(&indices)
        .filter(|(id, index)| *id >= first_id && signed(**index) >= 0)
        .count() as u64;
    let count = subject.columns.len() as u64;
    let moved = |index: &u64| match signed(*index) {
        0.. => (*index + moving) % count,
        _ => *index,
    };
    let indices: Vec<u64> = indices.iter().map(moved).collect();
    file.set_numbers("column_indices", &indices);
    subject
        .columns
        .rotate_right(usize::try_from(moving).expect("there are few columns"));
    let Some(schema) = subject
        .descriptor
        .as_mut()
        .and_then(|message| message.child_mut("schema", 0))
    else {
        return;
    };
    let mut fields: Vec<Message> = schema.children("fields").into_iter().cloned().collect();
    if let Some(at) = fields
        .iter()
        .position(|field| signed(field.get("id")) == first_id)
    {
        fields.rotate_left(at);
    }
    schema.put("fields", fields.into_iter().map(Value::Message).collect());
}

impl Step {
    fn apply(&self, subject: &mut Subject) {
        let message = self.root.of_mut(subject).at_mut(&self.path);
        match &self.edit {
            Edit::Put(at, value) => message.fields[*at].value = value.clone(),
            Edit::Insert(at, field) => {
                let at = (*at).min(message.fields.len());
                message.fields.insert(at, field.clone());
            }
            Edit::Remove(at) => drop(message.fields.remove(*at)),
            Edit::Swap(a, b) => message.fields.swap(*a, *b),
            Edit::Clear => message.fields.clear(),
            Edit::Reverse => {
                let mut numbers: Vec<u32> = Vec::new();
                for field in &message.fields {
                    if !numbers.contains(&field.number) {
                        numbers.push(field.number);
                    }
                }
                let place = |number: u32| numbers.iter().position(|known| *known == number);
                message
                    .fields
                    .sort_by_key(|field| std::cmp::Reverse(place(field.number)));
            }
        }
    }

    fn describe(&self, subject: &Subject) -> (String, String, String) {
        let root = self.root.of(subject);
        let message = root.at(&self.path);
        let above = root.names(&self.path, true);
        let at = |name: Option<String>| {
            let names: Vec<String> = [above.clone(), name.unwrap_or_default()]
                .into_iter()
                .filter(|name| !name.is_empty())
                .collect();
            format!("{} {}", self.root.name(), names.join("."))
        };
        let name = |position: usize| match position < message.fields.len() {
            true => message.field_name(position, true),
            false => None,
        };
        let value = |position: usize| match message.fields.get(position) {
            Some(field) => show(&field.value),
            None => String::new(),
        };
        match &self.edit {
            Edit::Put(position, new) => (at(name(*position)), value(*position), show(new)),
            Edit::Insert(_, field) => {
                let declared = types().field(message.of, field.number);
                let name =
                    declared.map_or_else(|| field.number.to_string(), |field| field.name.clone());
                (at(Some(name)), "absent".to_string(), show(&field.value))
            }
            Edit::Remove(position) => {
                (at(name(*position)), value(*position), "removed".to_string())
            }
            Edit::Swap(a, b) => (
                format!("{} and {}", at(name(*a)), name(*b).unwrap_or_default()),
                format!("{}, {}", value(*a), value(*b)),
                "swapped".to_string(),
            ),
            Edit::Clear => (
                at(None),
                crate::wire::show_message(message, 160),
                "{}".to_string(),
            ),
            Edit::Reverse => (
                at(None),
                "fields in order".to_string(),
                "reversed".to_string(),
            ),
        }
    }
}
