//! Remedies that several rules print, in Python where there is some to paste.
//!
//! Each was run on datasets with dropped columns, deleted rows, indices and stable row ids
//! (`tests/remedies`), which runs everything that this module can print. What a dataset says is
//! written as a Python literal ([`py`]), never as it is.

use std::fmt::Write as _;

use prost::Message;

use super::{Around, IndexState};
use crate::finding::{FRAGMENT_IDS, Finding, Remedy, Scope};
use crate::format::proto::lance::file::Field as WireField;
use crate::model::logical_type::LogicalType;
use crate::model::readers::OldLayout;
use crate::model::schema::{
    BLOB_KEY, BLOB_V2_EXTENSION, BlobDeclaration, EXTENSION_KEY, Field, FieldTree, PACKED_KEYS,
};
use crate::model::snapshot::{Naming, Snapshot};
use crate::model::version::FileVersion;
use crate::printable::printable;

/// A text as a Python string literal. Control characters and whatever a terminal could take for a
/// command are escaped.
pub fn py(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            c if c.is_alphanumeric() || (' '..='~').contains(&c) => literal.push(c),
            c => {
                let code = u32::from(c);
                // Writing to a string does not fail.
                let _ = match code {
                    0..=0xff => write!(literal, "\\x{code:02x}"),
                    0x100..=0xffff => write!(literal, "\\u{code:04x}"),
                    _ => write!(literal, "\\U{code:08x}"),
                };
            }
        }
    }
    literal.push('"');
    literal
}

/// Bytes as a Python literal.
fn py_bytes(bytes: &[u8]) -> String {
    let mut literal = String::from("b\"");
    for byte in bytes {
        let _ = match byte {
            b'"' | b'\\' => write!(literal, "\\{}", char::from(*byte)),
            b' '..=b'~' => write!(literal, "{}", char::from(*byte)),
            byte => write!(literal, "\\x{byte:02x}"),
        };
    }
    literal.push('"');
    literal
}

/// The Python expression that opens the newest version of the branch that a snapshot is on.
fn open(snapshot: &Snapshot) -> String {
    let branch = snapshot.message().branch.as_deref();
    match branch.filter(|branch| !branch.is_empty()) {
        Some(branch) => format!("{OPEN}.checkout_version(({}, None))", py(branch)),
        None => OPEN.to_string(),
    }
}

/// Opens the newest version of a dataset's own line. Remedies say this, and [`settle`] puts the branch
/// in its place.
const OPEN: &str = "lance.dataset(uri)";

/// Opens a dataset, and stops where it is no longer the version that was looked at.
fn open_checked(snapshot: &Snapshot) -> String {
    format!(
        "ds = {OPEN}\n\
         assert ds.version == {}, \"the dataset has changed since: check it again\"",
        snapshot.version()
    )
}

/// What a schema commit makes of the fields that it changes.
pub enum Change<'a> {
    /// The values are of another logical type; what declares them a blob goes.
    Plain(&'a str),
    /// The field is a v1 blob.
    BlobV1,
    /// The field is a v2 blob, with the children that Lance gives one.
    BlobV2,
    /// The field is what another field message says: name, type, nullability and metadata. Its id
    /// and parent stay.
    Like(&'a Field),
}

/// Commits the schema with some fields changed. The ids stay, so that columns which were dropped do
/// not shift the others, and so do deletion files, row ids and the indices of other fields: this is
/// a Project operation, which takes the schema with its field ids from pylance's own message
/// (`LanceSchema.__reduce__`). `None` where the fields cannot be changed in this way: those with
/// children, other than blobs, and detached versions.
pub fn commit_fields(
    why: &str,
    snapshot: &Snapshot,
    changes: &[(&Field, Change<'_>)],
) -> Option<Remedy> {
    if snapshot.entry.naming == Naming::Detached {
        return None;
    }
    let tree = &snapshot.schema;
    let mut lines = Vec::new();
    // The last first: then places of those before stay what they are.
    let mut changes: Vec<(usize, &Field, &Change<'_>)> = changes
        .iter()
        .map(|(field, change)| Some((tree.index_of(field.id)?, *field, change)))
        .collect::<Option<_>>()?;
    changes.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    let mut next_id = next_field_id(snapshot)?;
    for (at, field, change) in &changes {
        let blob = field.blob() == Some(BlobDeclaration::V2);
        let children = tree.subtree(*at).len() - 1;
        let gives = match change {
            Change::Plain(logical_type) => {
                !blob && children > 0 || LogicalType::parse(logical_type).is_nested()
            }
            Change::BlobV1 | Change::BlobV2 => !blob && children > 0,
            Change::Like(like) => children > 0 || !like.children.is_empty(),
        };
        if gives {
            return None;
        }
        let wire = snapshot.message().fields.iter();
        let old = wire.clone().find(|wire| wire.id == field.id)?;
        let new = changed(old, change, &mut next_id)?;
        let literals: Vec<String> = new
            .iter()
            .map(|new| py_bytes(&new.encode_to_vec()))
            .collect();
        let note = py(&field.path);
        lines.push(match children {
            0 if literals.len() == 1 => {
                format!("fields[{at}] = {}  # {note}", literals.concat())
            }
            _ => format!(
                "fields[{at}:{}] = [{}]  # {note}",
                at + 1 + children,
                literals.join(", ")
            ),
        });
    }
    let (_, field, _) = *changes.last()?;
    let why = printable(why);
    Some(Remedy::of_type(
        format!(
            "{why} (no data is rewritten, and older versions stay; pylance 14):\n\
             {}\n\
             make, (metadata, *fields) = ds.lance_schema.__reduce__()  # a message for each field\n\
             {}\n\
             op = lance.LanceOperation.Project(make(metadata, *fields))\n\
             ds = lance.LanceDataset.commit(ds, op, read_version=ds.version)",
            open_checked(snapshot),
            lines.join("\n"),
        ),
        field.id,
    ))
}

/// The id after the last that any field or file has.
fn next_field_id(snapshot: &Snapshot) -> Option<i32> {
    let message = snapshot.message();
    let fields = message.fields.iter().map(|field| field.id);
    let files = message
        .fragments
        .iter()
        .flat_map(|fragment| &fragment.files);
    let in_files = files.flat_map(|file| file.fields.iter().copied());
    let in_files: Option<i32> = in_files.max();
    let allocated = message.max_allocated_field_id.into_iter();
    let greatest = fields.chain(in_files).chain(allocated).max();
    greatest.unwrap_or(-1).checked_add(1)
}

/// A field as it becomes, with the children that it gets.
fn changed(old: &WireField, change: &Change<'_>, next_id: &mut i32) -> Option<Vec<WireField>> {
    let mut new = old.clone();
    let plain = |new: &mut WireField| {
        new.metadata.remove(BLOB_KEY);
        if new
            .metadata
            .get(EXTENSION_KEY)
            .is_some_and(|name| **name == *BLOB_V2_EXTENSION.as_bytes())
        {
            new.metadata.remove(EXTENSION_KEY);
        }
        if new.extension_name == BLOB_V2_EXTENSION {
            new.extension_name.clear();
        }
    };
    match change {
        Change::Plain(logical_type) => {
            plain(&mut new);
            new.logical_type = (*logical_type).to_string();
            // Field type 2 is a leaf.
            new.r#type = 2;
            Some(vec![new])
        }
        Change::BlobV1 => {
            plain(&mut new);
            new.logical_type = "large_binary".to_string();
            new.r#type = 2;
            new.metadata
                .insert(BLOB_KEY.to_string(), b"true".as_slice().into());
            Some(vec![new])
        }
        Change::BlobV2 => {
            plain(&mut new);
            for key in PACKED_KEYS {
                new.metadata.remove(key);
            }
            new.logical_type = "struct".to_string();
            new.r#type = 0;
            let extension = BLOB_V2_EXTENSION.as_bytes().into();
            new.metadata.insert(EXTENSION_KEY.to_string(), extension);
            let mut all = vec![new];
            for (name, logical_type) in [("data", "large_binary"), ("uri", "string")] {
                all.push(WireField {
                    r#type: 2,
                    name: name.to_string(),
                    id: *next_id,
                    parent_id: old.id,
                    logical_type: logical_type.to_string(),
                    nullable: true,
                    ..WireField::default()
                });
                *next_id = next_id.checked_add(1)?;
            }
            Some(all)
        }
        Change::Like(like) => {
            new.name.clone_from(&like.name);
            new.logical_type.clone_from(&like.type_text);
            new.nullable = like.nullable;
            new.metadata = like
                .metadata
                .iter()
                .map(|(key, value)| (key.clone(), value.clone().into_bytes().into()))
                .collect();
            Some(vec![new])
        }
    }
}

/// Gives a column another name.
pub fn rename(path: &str, name: &str) -> Remedy {
    Remedy::with_code(format!(
        "give the column another name (no data is rewritten, and its indices stay):\n\
         {OPEN}.alter_columns({{\"path\": {}, \"name\": {}}})",
        py(path),
        py(name)
    ))
}

/// Lets a field have nulls.
pub fn make_nullable(field: &Field) -> Remedy {
    Remedy::with_code(format!(
        "let the column have nulls (no data is rewritten):\n\
         {OPEN}.alter_columns({{\"path\": {}, \"nullable\": True}})",
        py(&field.path)
    ))
}

/// Changes the metadata of a field to just this.
pub fn replace_metadata<'a>(
    why: &str,
    field: &Field,
    metadata: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Remedy {
    let rest: Vec<String> = metadata
        .into_iter()
        .map(|(key, value)| format!("{}: {}", py(key), py(value)))
        .collect();
    let rest = rest.join(", ");
    let path = py(&field.path);
    let why = printable(why);
    Remedy::of_column(
        format!(
            "{why} (no data is rewritten; before pylance 14: ds.replace_field_metadata({path}, \
             {{{rest}}})):\n\
             ds = {OPEN}\n\
             ds.update_field_metadata({{{path}: {{{rest}}}}}, replace=True)"
        ),
        field.id,
    )
}

/// What a copy of a dataset has not.
pub const COPY_LACKS: &str = "the copy has no indices, tags and older versions";

/// Writes what a dataset holds into a new one; `None` where [`copy_code`] is.
pub fn copy(
    why: &str,
    schema: &FieldTree,
    declare: &[&Field],
    version: FileVersion,
) -> Option<Remedy> {
    let code = copy_code(schema, declare, Some(version))?;
    let why = printable(why);
    Some(Remedy::with_code(format!(
        "{why} ({COPY_LACKS}; pylance 14):\n{code}"
    )))
}

/// Python that writes what a dataset holds into a new one. Blobs are read as bytes, since a table of
/// them holds only their descriptors, and become blobs of the kind that the version has: v2 from 2.2
/// on. Those in `declare` become blobs too. `None` where blobs are nested, for which there is no such
/// call.
pub fn copy_code(
    schema: &FieldTree,
    declare: &[&Field],
    version: Option<FileVersion>,
) -> Option<String> {
    let declared = |field: &Field| declare.iter().any(|other| other.id == field.id);
    let mut blobs = Vec::new();
    for field in &schema.fields {
        if field.blob().is_none() && !declared(field) {
            continue;
        }
        if field.parent.is_some() {
            return None;
        }
        blobs.push(py(&field.name));
    }
    let stated = match version {
        Some(version) => format!(", data_storage_version=\"{version}\""),
        None => String::new(),
    };
    if blobs.is_empty() {
        return Some(format!(
            "lance.write_dataset(lance.dataset(uri).scanner(), new_uri{stated})"
        ));
    }
    let convert = match version.is_none_or(|version| version >= FileVersion::V2_2) {
        true => "blob, values = lance.blob_field(name), lance.blob_array(table[name].to_pylist())",
        false => {
            "blob = pa.field(name, pa.large_binary(), metadata={\"lance-encoding:blob\": \"true\"})\n\
             \x20   values = table[name].cast(pa.large_binary())"
        }
    };
    Some(format!(
        "table = lance.dataset(uri).scanner(blob_handling=\"all_binary\").to_table()  # all in memory\n\
         for name in [{}]:\n\
         \x20   {convert}\n\
         \x20   table = table.set_column(table.schema.get_field_index(name), blob, values)\n\
         lance.write_dataset(table, new_uri{stated})",
        blobs.join(", ")
    ))
}

/// Takes the fragments of a finding out of a dataset, with their rows.
pub fn drop_fragments(why: &str, snapshot: &Snapshot) -> Remedy {
    Remedy::of_fragments(format!(
        "{why} (pylance 14):\n\
         {}\n\
         op = lance.LanceOperation.Delete([], {FRAGMENT_IDS}, \"false\")\n\
         ds = lance.LanceDataset.commit(ds, op, read_version=ds.version)",
        open_checked(snapshot)
    ))
}

/// Drops a column.
pub fn drop_column(why: &str, field: &Field) -> Remedy {
    let why = printable(why);
    Remedy::with_code(format!(
        "{why}:\n{OPEN}.drop_columns([{}])",
        py(&field.path)
    ))
}

/// Drops an index.
pub fn drop_index(why: &str, name: &str) -> Remedy {
    let why = printable(why);
    Remedy::with_code(format!("{why}:\n{OPEN}.drop_index({})", py(name)))
}

/// Reads all columns but the one that a field is of.
pub fn read_without(schema: &FieldTree, field: &Field) -> String {
    let mut top = field;
    while let Some(above) = top.parent.and_then(|above| schema.fields.get(above)) {
        top = above;
    }
    format!(
        "ds = lance.dataset(uri)\n\
         ds.to_table(columns=[n for n in ds.schema.names if n != {}])",
        py(&top.name)
    )
}

/// Makes an older version the newest where the newest takes no commit. `restore()` cannot: it is a
/// commit, and a commit reads the newest version first.
pub fn move_away(snapshot: &Snapshot, around: &Around) -> Remedy {
    let move_it = match around.newer {
        false => "move the manifest away",
        true => "move the manifest away, and any newer one that does not open",
    };
    match around.older {
        Some(older) => moved(
            snapshot,
            &format!("{move_it}: the dataset then opens as version {older}"),
        ),
        None => "restore the manifest from a copy; there is no older version".into(),
    }
}

/// As [`move_away`], where it is not known whether there is an older version.
pub fn move_away_if_older(snapshot: &Snapshot) -> Remedy {
    moved(
        snapshot,
        "if there is an older version, move the newest manifest away: the dataset then opens as that",
    )
}

fn moved(snapshot: &Snapshot, how: &str) -> Remedy {
    let path = &snapshot.entry.path;
    Remedy::with_code(format!(
        "{how}, without what was committed since (restore() fails, since it reads the newest \
         version first):\n\
         mv {path} {path}.broken"
    ))
}

/// For a version that is wrong as a whole. Which version was right, only a look at all tells.
pub const GO_BACK: &str = "go back to the last version without it, which `--all-versions` shows, by \
                           lance.dataset(uri, version=N).restore(); what was committed since is lost";

/// A commit that changes no rows, with which a current release puts right what it knows.
pub const COMMIT_NOTHING: &str = "a commit of a current release puts it right, even one that changes nothing:\n\
                                  lance.dataset(uri).delete(\"false\")";

/// Reads what only an old release reads, and writes it again with a current one: `to_table()` there,
/// through an Arrow file, since that release would write nulls away.
pub fn rewrite_old(layout: &OldLayout, schema: &FieldTree) -> String {
    let blob = |root: &usize| {
        let below = schema.subtree(*root);
        below
            .filter_map(|at| schema.fields.get(at))
            .any(|field| field.blob().is_some())
    };
    let (blobs, others): (Vec<usize>, Vec<usize>) =
        schema.roots.iter().partition(|root| blob(root));
    let names = |roots: &[usize]| {
        let fields = roots.iter().filter_map(|at| schema.fields.get(*at));
        let names: Vec<String> = fields.map(|field| py(&field.name)).collect();
        names.join(", ")
    };
    let (columns, without) = match blobs.is_empty() {
        true => (String::new(), String::new()),
        false => (
            format!("columns=[{}]", names(&others)),
            format!(
                " (without the blob columns {}, of which to_table() gives no bytes)",
                names(&blobs)
            ),
        ),
    };
    let release = layout.install;
    format!(
        "nothing is damaged: with pylance {release} and pandas in an environment of its own, write \
         lance.dataset(uri).to_table({columns}) to an Arrow file (pyarrow.feather.write_feather){without}, and \
         write that to a new dataset with today's pylance; it has one version and no indices"
    )
}

/// Fits the remedies of findings to the dataset, when all of it is known: those that change a whole
/// column go where other fragments do not need them or where not all were looked at, those that give
/// a column another type drop the indices on it, and those about fragments get their ids.
pub fn settle(
    findings: &mut [Finding],
    snapshot: &Snapshot,
    indices: &[IndexState],
    complete: bool,
) {
    for finding in findings {
        let mut withheld: Option<String> = None;
        let (fragments, ids) = (finding.fragments, fragment_ids(finding));
        finding.help.retain_mut(|help| match help.scope.take() {
            None => true,
            Some(Scope::Fragments) => match &ids {
                Some(ids) => {
                    help.text = help.text.replace(FRAGMENT_IDS, ids);
                    true
                }
                None => false,
            },
            Some(Scope::Column { field, retypes }) => {
                let holding = holding(snapshot, field);
                if fragments < holding {
                    withheld = Some(match complete {
                        true => format!(
                            "no safe way by public calls: {fragments} of the {holding} fragments that \
                             hold the column have the fault, and a change of the schema would damage \
                             the others; restore the files that have it from a copy, or write their \
                             rows again from their source"
                        ),
                        false => "check the whole dataset first: what to do depends on whether all \
                                  fragments have the fault"
                            .to_string(),
                    });
                    return false;
                }
                if retypes {
                    drop_indices(help, snapshot, field, indices);
                }
                true
            }
        });
        finding.help.extend(withheld.map(Remedy::from));
        let open = open(snapshot);
        if open != OPEN {
            for help in &mut finding.help {
                help.text = help.text.replace(OPEN, &open);
            }
        }
    }
}

/// The ids of the fragments of a finding, as a Python list; `None` where not all are kept.
fn fragment_ids(finding: &Finding) -> Option<String> {
    if finding.count > u64::try_from(finding.places.len()).ok()? {
        return None;
    }
    let ids = finding.places.iter().map(|place| place.fragment);
    let mut ids: Vec<u64> = ids.collect::<Option<_>>()?;
    ids.sort_unstable();
    ids.dedup();
    Some(format!("{ids:?}"))
}

/// How many fragments hold a field, or one below it.
fn holding(snapshot: &Snapshot, field: i32) -> u64 {
    let tree = &snapshot.schema;
    let below = tree.index_of(field).map(|at| tree.subtree(at));
    let ids: Vec<i32> = below
        .into_iter()
        .flatten()
        .filter_map(|at| Some(tree.fields.get(at)?.id))
        .collect();
    let fragments = snapshot.message().fragments.iter();
    let holding = fragments.filter(|fragment| {
        let mut files = fragment.files.iter();
        files.any(|file| file.fields.iter().any(|id| ids.contains(id)))
    });
    holding.count() as u64
}

/// Puts the calls that drop the indices of a field before the line that changes its type.
fn drop_indices(help: &mut Remedy, snapshot: &Snapshot, field: i32, indices: &[IndexState]) {
    let on_it = |state: &&IndexState| {
        let tree = &snapshot.schema;
        let above = tree.index_of(field).into_iter();
        let mut above = above.flat_map(|at| std::iter::once(at).chain(tree.ancestors(at)));
        let index = &state.index;
        index.fields.contains(&field)
            || above.any(|at| {
                let id = tree.fields.get(at).map(|field| field.id);
                id.is_some_and(|id| index.fields.contains(&id))
            })
    };
    let mut names: Vec<&str> = indices
        .iter()
        .filter(on_it)
        .map(|state| state.index.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    let Some((first, code)) = help.text.split_once('\n').filter(|_| !names.is_empty()) else {
        return;
    };
    let drops: Vec<String> = names
        .iter()
        .map(|name| format!("ds.drop_index({})  # build it again afterwards\n", py(name)))
        .collect();
    let marker = "make, (metadata";
    let (before, after) = code.split_at(code.find(marker).unwrap_or(code.len()));
    let plural = if names.len() == 1 { "index" } else { "indices" };
    help.text = format!(
        "{} (the {plural} on the column must be built again):\n{before}{}{after}",
        first.trim_end_matches(':'),
        drops.concat()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_literal() {
        assert_eq!(py("a\"b\\c\nd"), r#""a\"b\\c\nd""#);
        assert_eq!(py("\u{1b}[31m é \u{202e}"), r#""\x1b[31m é \u202e""#);
        assert_eq!(py("\u{e0001}"), r#""\U000e0001""#);
        assert_eq!(py_bytes(b"a\"\\\x00\xff"), r#"b"a\"\\\x00\xff""#);
    }
}
