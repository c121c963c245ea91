//! Python that several rules tell their users to paste.

use super::Around;
use crate::model::readers::OldLayout;
use crate::model::schema::{Field, FieldTree};
use crate::model::snapshot::Snapshot;

/// Commits a schema over the files as they are. `prepare` makes the schema, a line each, and may
/// use `ds`; `schema` is the expression that it is.
pub fn commit(prepare: &str, schema: &str) -> String {
    let gap = if prepare.is_empty() { "" } else { "\n" };
    format!(
        "ds = lance.dataset(uri)\n\
         {prepare}{gap}\
         files = [f.metadata for f in ds.get_fragments()]\n\
         op = lance.LanceOperation.Overwrite({schema}, files)\n\
         lance.LanceDataset.commit(uri, op, read_version=ds.version)"
    )
}

/// Commits the schema with one top-level field replaced by what an expression says.
pub fn commit_field(name: &str, replacement: &str) -> String {
    let fields =
        format!("fields = [{replacement} if f.name == {name:?} else f for f in ds.schema]");
    commit(&fields, "pa.schema(fields)")
}

/// Reads all columns but the one that a field is of.
pub fn read_without(schema: &FieldTree, field: &Field) -> String {
    let mut top = field;
    while let Some(above) = top.parent.and_then(|above| schema.fields.get(above)) {
        top = above;
    }
    format!(
        "ds = lance.dataset(uri)\n\
         ds.to_table(columns=[n for n in ds.schema.names if n != {:?}])",
        top.name
    )
}

/// Makes an older version the newest where the newest takes no commit. `restore()` cannot: it is a
/// commit, and a commit reads the newest version first.
pub fn move_away(snapshot: &Snapshot, around: &Around) -> String {
    let move_it = match around.newer {
        false => "move the manifest away",
        true => "move the manifest away, and any newer one that does not open",
    };
    match around.older {
        Some(older) => moved(
            snapshot,
            &format!("{move_it}: the dataset then opens as version {older}"),
        ),
        None => "restore the manifest from a copy; there is no older version".to_string(),
    }
}

/// As [`move_away`], where it is not known whether there is an older version.
pub fn move_away_if_older(snapshot: &Snapshot) -> String {
    moved(
        snapshot,
        "if there is an older version, move the newest manifest away: the dataset then opens as that",
    )
}

fn moved(snapshot: &Snapshot, how: &str) -> String {
    let path = &snapshot.entry.path;
    format!(
        "{how}, without what was committed since (restore() fails, since it reads the newest \
         version first):\n\
         mv {path} {path}.broken"
    )
}

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
        let names: Vec<String> = fields.map(|field| format!("{:?}", field.name)).collect();
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
        "nothing is damaged: read it with pylance {release} in an environment of its own, and write it \
         again with today's{without}; the new dataset has one version and no indices:\n\
         pip install 'pylance=={release}' pandas\n\
         import lance, pyarrow.feather\n\
         pyarrow.feather.write_feather(lance.dataset(uri).to_table({columns}), \"rows.arrow\")\n\
         # with today's pylance\n\
         lance.write_dataset(pyarrow.feather.read_table(\"rows.arrow\"), new_uri)"
    )
}
