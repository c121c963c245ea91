//! Protobuf messages as trees that can be edited field by field.
//!
//! The messages of prost drop what they do not know and cannot hold what is wrong, so mutations
//! work one level below: a message is the list of its fields in wire order. Which length-delimited
//! field is a message, and of what type, comes from the descriptors of `proto/`; the envelope of
//! an encoding (bytes that hold an `Any`, whose type URL names what it holds) is opened too.

use std::collections::HashMap;
use std::sync::OnceLock;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};

/// What the value of a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Message(usize),
    Unsigned32,
    Unsigned64,
    Signed,
    Bool,
    Text,
    Bytes,
}

#[derive(Debug)]
pub struct FieldType {
    pub number: u32,
    pub name: String,
    pub kind: Kind,
    pub repeated: bool,
    /// Which oneof of its message it belongs to; proto3 optionals belong to none here.
    pub oneof: Option<i32>,
}

#[derive(Debug)]
pub struct MessageType {
    /// Such as `lance.encodings21.Flat`.
    pub name: String,
    pub fields: Vec<FieldType>,
}

/// Every message of `proto/`.
#[derive(Debug)]
pub struct Types {
    pub messages: Vec<MessageType>,
    by_name: HashMap<String, usize>,
}

const FILES: [&str; 6] = [
    "encodings_2_0.proto",
    "encodings_2_1.proto",
    "encodings_2_3.proto",
    "file.proto",
    "file2.proto",
    "table.proto",
];

pub fn types() -> &'static Types {
    static TYPES: OnceLock<Types> = OnceLock::new();
    TYPES.get_or_init(|| {
        let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
        Types::new(&protox::compile(FILES, [proto]).expect("the .proto files compile"))
    })
}

impl Types {
    fn new(set: &FileDescriptorSet) -> Self {
        let mut found: Vec<(String, &DescriptorProto)> = Vec::new();
        for file in &set.file {
            for message in &file.message_type {
                gather(file.package(), message, &mut found);
            }
        }
        let by_name: HashMap<String, usize> = found
            .iter()
            .enumerate()
            .map(|(index, (name, _))| (name.clone(), index))
            .collect();
        let messages = found
            .iter()
            .map(|(name, message)| MessageType {
                name: name.clone(),
                fields: message
                    .field
                    .iter()
                    .map(|field| FieldType {
                        number: field.number().unsigned_abs(),
                        name: field.name().to_string(),
                        kind: match field.r#type() {
                            Type::Message => {
                                Kind::Message(by_name[field.type_name().trim_start_matches('.')])
                            }
                            Type::Uint32 => Kind::Unsigned32,
                            Type::Uint64 => Kind::Unsigned64,
                            Type::Bool => Kind::Bool,
                            Type::String => Kind::Text,
                            Type::Bytes => Kind::Bytes,
                            _ => Kind::Signed,
                        },
                        repeated: field.label() == Label::Repeated,
                        oneof: match field.proto3_optional() {
                            true => None,
                            false => field.oneof_index,
                        },
                    })
                    .collect(),
            })
            .collect();
        Self { messages, by_name }
    }

    pub fn named(&self, name: &str) -> usize {
        self.by_name[name]
    }

    pub fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub fn name(&self, message: usize) -> &str {
        &self.messages[message].name
    }

    pub fn field(&self, message: usize, number: u32) -> Option<&FieldType> {
        let fields = &self.messages[message].fields;
        fields.iter().find(|field| field.number == number)
    }

    pub fn number(&self, message: usize, name: &str) -> u32 {
        let fields = &self.messages[message].fields;
        match fields.iter().find(|field| field.name == name) {
            Some(field) => field.number,
            None => panic!("{} has no field {name}", self.name(message)),
        }
    }
}

fn gather<'a>(
    prefix: &str,
    message: &'a DescriptorProto,
    found: &mut Vec<(String, &'a DescriptorProto)>,
) {
    let name = format!("{prefix}.{}", message.name());
    for nested in &message.nested_type {
        gather(&name, nested, found);
    }
    found.push((name, message));
}

/// The value of one field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    Number(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(Vec<u8>),
    Message(Message),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    pub number: u32,
    pub value: Value,
}

/// A message as the list of its fields.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// Its index in [`Types::messages`].
    pub of: usize,
    pub fields: Vec<Field>,
}

impl Message {
    pub fn empty(of: usize) -> Self {
        Self {
            of,
            fields: Vec::new(),
        }
    }

    /// Reads a message of a type; `None` where the bytes are not protobuf.
    pub fn parse(of: usize, bytes: &[u8]) -> Option<Self> {
        let types = types();
        let mut fields = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let key = varint(&mut rest)?;
            let number = u32::try_from(key >> 3).ok()?;
            let declared = types.field(of, number);
            let value = match key & 7 {
                0 => Value::Number(varint(&mut rest)?),
                1 => Value::Fixed64(take(&mut rest, 8)?.try_into().ok()?),
                5 => Value::Fixed32(take(&mut rest, 4)?.try_into().ok()?),
                2 => {
                    let length = usize::try_from(varint(&mut rest)?).ok()?;
                    let payload = take(&mut rest, length)?;
                    match declared {
                        Some(field) => match field.kind {
                            Kind::Message(child) => Value::Message(Self::parse(child, payload)?),
                            Kind::Text => Value::Bytes(payload.to_vec()),
                            Kind::Bytes => match envelope(of, &fields) {
                                Some(child) => match Self::parse(child, payload) {
                                    Some(message) => Value::Message(message),
                                    None => Value::Bytes(payload.to_vec()),
                                },
                                None => Value::Bytes(payload.to_vec()),
                            },
                            // A packed run of numbers: one field each.
                            _ => {
                                let mut run = payload;
                                while !run.is_empty() {
                                    fields.push(Field {
                                        number,
                                        value: Value::Number(varint(&mut run)?),
                                    });
                                }
                                continue;
                            }
                        },
                        None => Value::Bytes(payload.to_vec()),
                    }
                }
                _ => return None,
            };
            fields.push(Field { number, value });
        }
        Some(Self { of, fields })
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_into(&mut out);
        out
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        let types = types();
        let mut at = 0;
        while let Some(field) = self.fields.get(at) {
            let packed = matches!(field.value, Value::Number(_))
                && types
                    .field(self.of, field.number)
                    .is_some_and(|declared| declared.repeated);
            if packed {
                let mut run = Vec::new();
                while let Some(Field {
                    number,
                    value: Value::Number(value),
                }) = self.fields.get(at)
                    && *number == field.number
                {
                    put_varint(*value, &mut run);
                    at += 1;
                }
                put_bytes(field.number, &run, out);
                continue;
            }
            let key = |wire: u64| u64::from(field.number) << 3 | wire;
            match &field.value {
                Value::Number(value) => {
                    put_varint(key(0), out);
                    put_varint(*value, out);
                }
                Value::Fixed64(value) => {
                    put_varint(key(1), out);
                    out.extend_from_slice(value);
                }
                Value::Fixed32(value) => {
                    put_varint(key(5), out);
                    out.extend_from_slice(value);
                }
                Value::Bytes(bytes) => put_bytes(field.number, bytes, out),
                Value::Message(message) => put_bytes(field.number, &message.encode(), out),
            }
            at += 1;
        }
    }

    fn number_of(&self, name: &str) -> u32 {
        types().number(self.of, name)
    }

    /// Where the fields of a name stand.
    pub fn positions(&self, name: &str) -> Vec<usize> {
        let number = self.number_of(name);
        let fields = self.fields.iter().enumerate();
        fields
            .filter(|(_, field)| field.number == number)
            .map(|(at, _)| at)
            .collect()
    }

    pub fn numbers(&self, name: &str) -> Vec<u64> {
        let number = self.number_of(name);
        let fields = self.fields.iter().filter(|field| field.number == number);
        fields
            .filter_map(|field| match field.value {
                Value::Number(value) => Some(value),
                _ => None,
            })
            .collect()
    }

    /// A singular number; 0 when absent.
    pub fn get(&self, name: &str) -> u64 {
        self.numbers(name).last().copied().unwrap_or(0)
    }

    pub fn text(&self, name: &str) -> String {
        match self
            .positions(name)
            .last()
            .map(|at| &self.fields[*at].value)
        {
            Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        }
    }

    pub fn children(&self, name: &str) -> Vec<&Self> {
        let number = self.number_of(name);
        let fields = self.fields.iter().filter(|field| field.number == number);
        fields
            .filter_map(|field| match &field.value {
                Value::Message(message) => Some(message),
                _ => None,
            })
            .collect()
    }

    pub fn child_mut(&mut self, name: &str, nth: usize) -> Option<&mut Self> {
        let at = *self.positions(name).get(nth)?;
        match &mut self.fields[at].value {
            Value::Message(message) => Some(message),
            _ => None,
        }
    }

    /// Replaces all fields of a name by these, where the first of them stood.
    pub fn put(&mut self, name: &str, values: Vec<Value>) {
        let number = self.number_of(name);
        let at = self
            .positions(name)
            .first()
            .copied()
            .unwrap_or(self.fields.len());
        self.fields.retain(|field| field.number != number);
        let at = at.min(self.fields.len());
        let fields = values.into_iter().map(|value| Field { number, value });
        self.fields.splice(at..at, fields);
    }

    pub fn set(&mut self, name: &str, value: u64) {
        self.put(name, vec![Value::Number(value)]);
    }

    pub fn set_text(&mut self, name: &str, value: &str) {
        self.put(name, vec![Value::Bytes(value.as_bytes().to_vec())]);
    }

    pub fn set_numbers(&mut self, name: &str, values: &[u64]) {
        self.put(name, values.iter().copied().map(Value::Number).collect());
    }

    /// The message at a path of field positions.
    pub fn at(&self, path: &[usize]) -> &Self {
        let mut here = self;
        for step in path {
            here = match &here.fields[*step].value {
                Value::Message(message) => message,
                _ => panic!("the path leads through a message"),
            };
        }
        here
    }

    pub fn at_mut(&mut self, path: &[usize]) -> &mut Self {
        let mut here = self;
        for step in path {
            here = match &mut here.fields[*step].value {
                Value::Message(message) => message,
                _ => panic!("the path leads through a message"),
            };
        }
        here
    }

    /// Every message of the tree with its path, parents first.
    pub fn walk(&self, visit: &mut impl FnMut(&[usize], &Self)) {
        self.walk_from(&mut Vec::new(), visit);
    }

    fn walk_from(&self, path: &mut Vec<usize>, visit: &mut impl FnMut(&[usize], &Self)) {
        visit(path, self);
        for (at, field) in self.fields.iter().enumerate() {
            if let Value::Message(message) = &field.value {
                path.push(at);
                message.walk_from(path, visit);
                path.pop();
            }
        }
    }

    /// The names along a path; repeated fields with their number in it when `places` is set.
    pub fn names(&self, path: &[usize], places: bool) -> String {
        let mut names = Vec::new();
        let mut here = self;
        for step in path {
            let field = &here.fields[*step];
            if let Some(name) = here.field_name(*step, places) {
                names.push(name);
            }
            match &field.value {
                Value::Message(message) => here = message,
                _ => break,
            }
        }
        names.join(".")
    }

    /// The name of the field at a position; `None` for what is only envelope.
    pub fn field_name(&self, at: usize, places: bool) -> Option<String> {
        let types = types();
        let field = &self.fields[at];
        let is_envelope = matches!(
            types.name(self.of),
            "lance.file.v2.Encoding" | "lance.file.v2.DirectEncoding"
        ) || types.name(self.of) == "lance.file.v2.Any" && field.number == 2;
        let Some(declared) = types.field(self.of, field.number) else {
            return Some(format!("{}", field.number));
        };
        if is_envelope && matches!(declared.name.as_str(), "direct" | "encoding" | "value") {
            return None;
        }
        if !declared.repeated || !places {
            return Some(declared.name.clone());
        }
        let before = self.fields[..at].iter();
        let nth = before.filter(|other| other.number == field.number).count();
        Some(format!("{}[{nth}]", declared.name))
    }
}

/// The message type that a bytes field holds, where that is known.
fn envelope(of: usize, before: &[Field]) -> Option<usize> {
    let types = types();
    match types.name(of) {
        "lance.file.v2.DirectEncoding" => types.find("lance.file.v2.Any"),
        "lance.file.v2.Any" => before.iter().find_map(|field| match &field.value {
            Value::Bytes(url) if field.number == 1 => {
                types.find(std::str::from_utf8(url).ok()?.trim_start_matches('/'))
            }
            _ => None,
        }),
        _ => None,
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    prost::encoding::decode_varint(rest).ok()
}

fn put_varint(value: u64, out: &mut Vec<u8>) {
    prost::encoding::encode_varint(value, out);
}

fn put_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(u64::from(number) << 3 | 2, out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// A value in few words, for a report.
pub fn show(value: &Value) -> String {
    match value {
        Value::Number(value) if *value > u64::from(u32::MAX) => format!("{}", value.cast_signed()),
        Value::Number(value) => value.to_string(),
        Value::Fixed64(bytes) => format!("{bytes:?}"),
        Value::Fixed32(bytes) => format!("{bytes:?}"),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if bytes.len() <= 60 && !text.contains(char::is_control) => {
                format!("{text:?}")
            }
            _ => format!("{} bytes", bytes.len()),
        },
        Value::Message(message) => show_message(message, 160),
    }
}

/// A message as `name {field: value, ..}`, cut at a length.
pub fn show_message(message: &Message, limit: usize) -> String {
    let types = types();
    let mut text = String::from("{");
    for field in &message.fields {
        if text.len() > 1 {
            text.push_str(", ");
        }
        let name = types.field(message.of, field.number);
        match name {
            Some(declared) => text.push_str(&declared.name),
            None => text.push_str(&field.number.to_string()),
        }
        text.push_str(": ");
        text.push_str(&show(&field.value));
        if text.len() > limit {
            let cut = (0..=limit).rev().find(|at| text.is_char_boundary(*at));
            text.truncate(cut.unwrap_or(0));
            text.push('…');
            break;
        }
    }
    text.push('}');
    text
}
