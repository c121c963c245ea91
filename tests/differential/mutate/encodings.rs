//! Changes of encodings: every field of every message below a page or a column.

use super::{Candidate, Edit, Op, Pool, Root, edit};
use crate::arrays::scatter;
use crate::bases::Base;
use crate::wire::{Field, FieldType, Kind, Message, Value, types};

/// Numbers that stand for one of a few meanings.
const ENUMS: [(&str, u64); 4] = [
    ("layers", 6),
    ("scheme", 2),
    ("buffer_type", 2),
    ("meaning", 2),
];
const URLS: [&str; 5] = [
    "/lance.encodings.ArrayEncoding",
    "/lance.encodings21.PageLayout",
    "/lance.encodings23.PlanarLayout",
    "/lance.encodings.ColumnEncoding",
    "lance.encodings21.PageLayout",
];
const SCHEMES: [&str; 5] = ["zstd", "lz4", "fsst", "none", "snappy"];

pub fn enumerate(base: &Base, pool: &Pool, all: &mut Vec<Candidate>) {
    for (index, column) in base.subject.columns.iter().enumerate() {
        let root = Root::Column(index);
        column.walk(&mut |path, message| {
            let place = Place {
                root,
                path,
                message,
                group: column.names(path, false),
                seed: path
                    .iter()
                    .fold(index as u64 + 1, |seed, step| scatter(seed, *step as u64))
                    ^ base
                        .name
                        .bytes()
                        .fold(0, |seed, byte| scatter(seed, u64::from(byte))),
            };
            place.enumerate(pool, all);
        });
    }
}

struct Place<'a> {
    root: Root,
    path: &'a [usize],
    message: &'a Message,
    group: String,
    seed: u64,
}

impl Place<'_> {
    fn enumerate(&self, pool: &Pool, all: &mut Vec<Candidate>) {
        let types = types();
        let name = types.name(self.message.of);
        // Buffers and lengths of pages are the container's.
        let is_container = name == "lance.file.v2.ColumnMetadata" || name.ends_with(".Page");
        let declared = &types.messages[self.message.of].fields;
        for field in declared {
            let present = self.present(field.number);
            match field.kind {
                Kind::Message(_) if is_container && field.repeated => {}
                Kind::Message(of) => self.sub_message(field, of, &present, pool, all),
                _ if is_container => {}
                _ if field.oneof.is_some() && present.is_empty() => {}
                Kind::Bool => self.flag(field, &present, all),
                Kind::Text => self.text(field, &present, all),
                Kind::Bytes => self.bytes(field, &present, all),
                Kind::Unsigned32 | Kind::Unsigned64 | Kind::Signed => {
                    self.number(field, &present, all);
                }
            }
        }
        let mut oneofs: Vec<i32> = declared.iter().filter_map(|field| field.oneof).collect();
        oneofs.dedup();
        for oneof in oneofs {
            self.variants(oneof, pool, all);
        }
    }

    fn present(&self, number: u32) -> Vec<usize> {
        let fields = self.message.fields.iter().enumerate();
        let fields = fields.filter(|(_, field)| field.number == number);
        fields.map(|(at, _)| at).collect()
    }

    fn add(&self, all: &mut Vec<Candidate>, kind: &'static str, field: &str, change: Edit) {
        let group = match self.group.is_empty() {
            true => field.to_string(),
            false => format!("{}.{field}", self.group),
        };
        all.push(Candidate::new(
            kind,
            group,
            edit(self.root, self.path, change),
        ));
    }

    fn set(&self, field: &FieldType, at: Option<usize>, value: Value) -> Edit {
        match at {
            Some(at) => Edit::Put(at, value),
            None => Edit::Insert(
                self.message.fields.len(),
                Field {
                    number: field.number,
                    value,
                },
            ),
        }
    }

    fn elements(&self, field: &FieldType, present: &[usize], all: &mut Vec<Candidate>) {
        for at in present {
            self.add(all, "remove", &field.name, Edit::Remove(*at));
            let copy = self.message.fields[*at].clone();
            self.add(all, "duplicate", &field.name, Edit::Insert(*at, copy));
        }
        for pair in present.windows(2) {
            if self.message.fields[pair[0]] != self.message.fields[pair[1]] {
                self.add(all, "swap", &field.name, Edit::Swap(pair[0], pair[1]));
            }
        }
    }

    fn number(&self, field: &FieldType, present: &[usize], all: &mut Vec<Candidate>) {
        let meaning = ENUMS.iter().find(|(name, _)| *name == field.name);
        let kind = if meaning.is_some() { "enum" } else { "scalar" };
        let places: Vec<Option<usize>> = match (present.is_empty(), field.repeated) {
            (true, _) => vec![None],
            (false, _) => present.iter().copied().map(Some).collect(),
        };
        for place in places {
            let old = match place.map(|at| &self.message.fields[at].value) {
                Some(Value::Number(value)) => *value,
                _ => 0,
            };
            let values: Vec<u64> = match meaning {
                Some((_, most)) => (0..=*most + 1).chain([99]).collect(),
                None => {
                    let huge = match field.kind {
                        Kind::Unsigned32 => u64::from(u32::MAX),
                        _ => 1 << 40,
                    };
                    vec![
                        0,
                        1,
                        old + 1,
                        old.saturating_sub(1),
                        old.saturating_mul(2),
                        old / 2,
                        huge,
                    ]
                }
            };
            let mut done = vec![old];
            for value in values {
                // A repeated field that is empty gets an element, whatever it is.
                if done.contains(&value) && !(field.repeated && place.is_none() && value == 0) {
                    continue;
                }
                done.push(value);
                self.add(
                    all,
                    kind,
                    &field.name,
                    self.set(field, place, Value::Number(value)),
                );
            }
        }
        match field.repeated {
            true => self.elements(field, present, all),
            // Removed and 0 are the same, save in a oneof.
            false if field.oneof.is_some() => {
                for at in present {
                    self.add(all, "remove", &field.name, Edit::Remove(*at));
                }
            }
            false => {}
        }
    }

    fn flag(&self, field: &FieldType, present: &[usize], all: &mut Vec<Candidate>) {
        let at = present.last().copied();
        let old = at.is_some_and(|at| self.message.fields[at].value == Value::Number(1));
        let new = Value::Number(u64::from(!old));
        self.add(all, "flag", &field.name, self.set(field, at, new));
    }

    fn text(&self, field: &FieldType, present: &[usize], all: &mut Vec<Candidate>) {
        let at = present.last().copied();
        let old = match at.map(|at| &self.message.fields[at].value) {
            Some(Value::Bytes(bytes)) => bytes.clone(),
            _ => Vec::new(),
        };
        let words: &[&str] = match field.name.as_str() {
            "type_url" => &URLS,
            _ => &SCHEMES,
        };
        for word in words.iter().copied().chain(["", "ZSTD"]) {
            if word.as_bytes() != old {
                let new = Value::Bytes(word.as_bytes().to_vec());
                self.add(all, "text", &field.name, self.set(field, at, new));
            }
        }
    }

    /// Lengths only: what bytes say is beyond a checker of metadata.
    fn bytes(&self, field: &FieldType, present: &[usize], all: &mut Vec<Candidate>) {
        let Some(at) = present.last().copied() else {
            if field.oneof.is_none() {
                let new = Value::Bytes(vec![1, 2, 3, 4]);
                self.add(all, "bytes", &field.name, self.set(field, None, new));
            }
            return;
        };
        let Value::Bytes(old) = &self.message.fields[at].value else {
            return;
        };
        let longer: Vec<u8> = old.iter().copied().chain([0]).collect();
        let shorter = old[..old.len().saturating_sub(1)].to_vec();
        let long: Vec<u8> = old
            .iter()
            .copied()
            .cycle()
            .take(old.len().max(1) * 40)
            .collect();
        for new in [longer, shorter, long, Vec::new()] {
            if &new != old {
                self.add(all, "bytes", &field.name, Edit::Put(at, Value::Bytes(new)));
            }
        }
        self.add(all, "remove", &field.name, Edit::Remove(at));
    }

    fn sub_message(
        &self,
        field: &FieldType,
        of: usize,
        present: &[usize],
        pool: &Pool,
        all: &mut Vec<Candidate>,
    ) {
        for at in present {
            let Value::Message(here) = &self.message.fields[*at].value else {
                continue;
            };
            self.add(all, "remove", &field.name, Edit::Remove(*at));
            if !here.fields.is_empty() {
                let empty = Value::Message(Message::empty(of));
                self.add(all, "empty", &field.name, Edit::Put(*at, empty));
            }
            let seed = scatter(self.seed, u64::from(field.number));
            for other in pool.pick(of, 6, Some(here), seed) {
                let new = Value::Message(other);
                self.add(all, "transplant", &field.name, Edit::Put(*at, new));
            }
        }
        if field.repeated {
            for at in present {
                let copy = self.message.fields[*at].clone();
                self.add(all, "duplicate", &field.name, Edit::Insert(*at, copy));
            }
            for pair in present.windows(2) {
                if self.message.fields[pair[0]] != self.message.fields[pair[1]] {
                    self.add(all, "swap", &field.name, Edit::Swap(pair[0], pair[1]));
                }
            }
        }
        if present.is_empty() && field.oneof.is_none() {
            let mut others = pool.pick(of, 3, None, scatter(self.seed, u64::from(field.number)));
            others.push(Message::empty(of));
            for other in others {
                let new = Value::Message(other);
                self.add(all, "insert", &field.name, self.set(field, None, new));
            }
        }
    }

    /// Another member of a oneof in the place of the one that is set.
    fn variants(&self, oneof: i32, pool: &Pool, all: &mut Vec<Candidate>) {
        let members = || {
            let fields = types().messages[self.message.of].fields.iter();
            fields.filter(move |field| field.oneof == Some(oneof))
        };
        let set = members().find_map(|field| {
            let at = self.present(field.number).last().copied()?;
            Some((field, at))
        });
        for member in members() {
            if set.is_some_and(|(field, _)| field.number == member.number) {
                continue;
            }
            let seed = scatter(self.seed, 1000 + u64::from(member.number));
            let values: Vec<Value> = match member.kind {
                Kind::Message(of) => {
                    let mut found = pool.pick(of, 3, None, seed);
                    if found.is_empty() {
                        found.push(Message::empty(of));
                    }
                    found.into_iter().map(Value::Message).collect()
                }
                Kind::Bytes => vec![Value::Bytes(vec![0; 4])],
                _ => match set.map(|(_, at)| &self.message.fields[at].value) {
                    Some(Value::Number(value)) => vec![Value::Number(*value)],
                    _ => vec![Value::Number(32)],
                },
            };
            for value in values {
                let field = Field {
                    number: member.number,
                    value,
                };
                let op = match set {
                    Some((_, at)) => Op::Edits(vec![
                        super::step(self.root, self.path, Edit::Insert(at + 1, field)),
                        super::step(self.root, self.path, Edit::Remove(at)),
                    ]),
                    None => edit(self.root, self.path, Edit::Insert(0, field)),
                };
                let group = format!("{}={}", self.group, member.name);
                all.push(Candidate::new("variant", group, op));
            }
        }
    }
}
