//! What a case comes to: the decoder's outcome beside the checker's verdict.

use std::collections::BTreeMap;
use std::path::Path;

use crate::bases::Base;
use crate::checker::Verdict;
use crate::subject::{Assembled, signed, top_level};
use crate::wire::Message;
use crate::worker::{Reply, Rows, Worker};

/// What the decoder does with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    SameData,
    /// Values that are not the base's, in words.
    OtherData(String),
    Fails(String),
}

impl Outcome {
    pub fn word(&self) -> &'static str {
        match self {
            Self::SameData => "same data",
            Self::OtherData(_) => "other data",
            Self::Fails(_) => "fails",
        }
    }

    pub fn message(&self) -> &str {
        match self {
            Self::SameData => "",
            Self::OtherData(text) | Self::Fails(text) => text,
        }
    }
}

/// How outcome and verdict go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Bad, and said to be.
    Found,
    /// Bad, and not said to be.
    Miss,
    /// A harmless change of which an error or a warning is given.
    FalseAlarm,
    /// An error about what no read of this test minds.
    Strict,
    /// A warning about what no read of this test minds.
    Warned,
    /// Well, and silent.
    Silent,
    /// The checker did not do its work.
    Broken,
}

impl Class {
    pub fn of(outcome: &Outcome, verdict: &Verdict, harmless: bool) -> Self {
        if verdict.failure.is_some() {
            return Self::Broken;
        }
        let loud = verdict.rejects() || verdict.warns();
        match (outcome, loud) {
            (Outcome::Fails(_) | Outcome::OtherData(_), true) => Self::Found,
            (Outcome::Fails(_) | Outcome::OtherData(_), false) => Self::Miss,
            (Outcome::SameData, false) => Self::Silent,
            (Outcome::SameData, true) if harmless => Self::FalseAlarm,
            (Outcome::SameData, true) if verdict.rejects() => Self::Strict,
            (Outcome::SameData, true) => Self::Warned,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Miss => "miss",
            Self::FalseAlarm => "false alarm",
            Self::Strict => "strict",
            Self::Warned => "warned",
            Self::Silent => "silent",
            Self::Broken => "broken",
        }
    }
}

/// Digests by field id.
pub type Digests = BTreeMap<i64, String>;

/// What an unmutated base reads as.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    pub whole: Digests,
    pub taken: Digests,
}

/// One request and its reply.
pub type Told = (String, Reply);

fn indices(rows: u64) -> Vec<u32> {
    let last = u32::try_from(rows.saturating_sub(1)).unwrap_or(u32::MAX);
    let mut indices = vec![0, last / 3, last / 2, last];
    indices.dedup();
    indices
}

/// Reads an unmutated base. Its columns must read alone as they do together.
pub fn baseline(worker: &mut Worker, path: &Path, base: &Base) -> Result<Baseline, String> {
    let case = base.subject.assemble();
    std::fs::write(path, &base.file).map_err(|error| error.to_string())?;
    let whole = |reply: Reply| match reply {
        Reply::Read { rows, digests } if rows == base.rows => Ok(digests),
        Reply::Read { rows, .. } => Err(format!("{rows} rows instead of {}", base.rows)),
        other => Err(other.to_string()),
    };
    if let Some(failure) = worker.open(path, &case).failure() {
        return Err(failure);
    }
    let all = Rows::Range(0, base.rows);
    let together = whole(worker.read(None, &all))?;
    for (id, name) in &base.top {
        let alone = whole(worker.read(Some(&[*id]), &all))?;
        if alone.get(id) != together.get(id) || !alone.contains_key(id) {
            return Err(format!(
                "field {name} does not read alone as it does with others"
            ));
        }
    }
    let taken = match worker.read(None, &Rows::Indices(indices(base.rows))) {
        Reply::Read { digests, .. } => digests,
        other => return Err(other.to_string()),
    };
    // The file put together again must be as good as the one that was taken apart.
    std::fs::write(path, &case.file).map_err(|error| error.to_string())?;
    if let Some(failure) = worker.open(path, &case).failure() {
        return Err(format!("put together again: {failure}"));
    }
    if whole(worker.read(None, &all))? != together {
        return Err("put together again: other data".to_string());
    }
    Ok(Baseline {
        whole: together,
        taken,
    })
}

/// Reads a case in every way. `told` gets every reply when it is there; otherwise reading stops at
/// the first failure.
pub fn decode(
    worker: &mut Worker,
    path: &Path,
    case: &Assembled,
    base: &Base,
    known: &Baseline,
    by_name: bool,
    mut told: Option<&mut Vec<Told>>,
) -> Outcome {
    std::fs::write(path, &case.file).expect("there is room for a small file");
    let mut outcome = Outcome::SameData;
    let opened = worker.open(path, case);
    let failure = opened.failure();
    if let Some(told) = told.as_deref_mut() {
        told.push(("open".to_string(), opened));
    }
    if let Some(failure) = failure {
        return Outcome::Fails(format!("open: {failure}"));
    }
    let fields = case.message.children("fields");
    let top = top_level(&fields);
    let shapes: Vec<(i64, String, bool)> = top
        .iter()
        .map(|field| {
            let before = of_base(field, base, by_name);
            let whole = before.is_none_or(|(id, _)| {
                let known = base.subject.manifest.children("fields");
                below(*id, &known, by_name) == below(field.0, &fields, by_name)
            });
            (field.0, field.1.clone(), whole)
        })
        .collect();
    // A manifest that counts no rows leaves it to the file.
    let rows = match case.physical_rows() {
        0 => base.rows,
        stated => stated,
    };
    let mut ids: Vec<i64> = top.iter().map(|(id, _)| *id).collect();
    ids.dedup();
    let mut plan: Vec<(String, Option<Vec<i64>>, Rows)> =
        vec![("all columns".to_string(), None, Rows::Range(0, rows))];
    for id in &ids {
        plan.push((
            format!("field {id} alone"),
            Some(vec![*id]),
            Rows::Range(0, rows),
        ));
    }
    if rows > 0 {
        plan.push(("take".to_string(), None, Rows::Indices(indices(rows))));
    }
    for (what, columns, wanted) in plan {
        let reply = worker.read(columns.as_deref(), &wanted);
        let found = match (&reply, &wanted) {
            (Reply::Read { rows, .. }, Rows::Range(..)) if *rows != base.rows => {
                Outcome::OtherData(format!("{what}: {rows} rows instead of {}", base.rows))
            }
            (Reply::Read { digests, .. }, Rows::Range(..)) => compare(
                &what,
                digests,
                &known.whole,
                columns.as_deref(),
                &shapes,
                base,
                by_name,
            ),
            // Rows are chosen by how many there are said to be.
            (Reply::Read { .. }, Rows::Indices(_)) if rows != base.rows => Outcome::SameData,
            (Reply::Read { digests, .. }, Rows::Indices(_)) => {
                compare(&what, digests, &known.taken, None, &shapes, base, by_name)
            }
            (Reply::Error(text), _) if text.contains(IN_NO_FILE) => {
                let field = top
                    .iter()
                    .find(|(id, _)| columns.as_deref() == Some(&[*id]));
                match field.and_then(|field| of_base(field, base, by_name)) {
                    Some((_, name)) => {
                        Outcome::OtherData(format!("{what}: field {name} is in no file"))
                    }
                    None => Outcome::SameData,
                }
            }
            (failed, _) => {
                Outcome::Fails(format!("{what}: {}", failed.failure().unwrap_or_default()))
            }
        };
        if let Some(told) = told.as_deref_mut() {
            told.push((what, reply));
        }
        let worse = matches!(
            (&outcome, &found),
            (Outcome::SameData, _) | (Outcome::OtherData(_), Outcome::Fails(_))
        );
        if worse {
            outcome = found;
        }
        if told.is_none() && matches!(outcome, Outcome::Fails(_)) {
            break;
        }
    }
    outcome
}

/// What the worker says of a field that is in no file, and of which a dataset's reader makes nulls.
const IN_NO_FILE: &str = "none of the columns asked for is in the file";

/// The base's field that a mutated one stands for.
fn of_base<'a>(
    (id, name): &(i64, String),
    base: &'a Base,
    by_name: bool,
) -> Option<&'a (i64, String)> {
    base.top.iter().find(|(base_id, base_name)| match by_name {
        true => base_name == name,
        false => base_id == id,
    })
}

/// All fields below one, at any depth, by the mark that they are compared by.
fn below(id: i64, fields: &[&Message], by_name: bool) -> Vec<String> {
    let mut above = vec![id];
    let mut marks = Vec::new();
    // A parent stands before its children.
    for field in fields {
        let own = signed(field.get("id"));
        if above.contains(&signed(field.get("parent_id"))) && own != id {
            above.push(own);
            marks.push(match by_name {
                true => field.text("name"),
                false => own.to_string(),
            });
        }
    }
    marks
}

/// Holds digests against the base's. A field that has other members than it had, or in another order,
/// is another type, and there is nothing to compare it with.
fn compare(
    what: &str,
    found: &Digests,
    known: &Digests,
    only: Option<&[i64]>,
    top: &[(i64, String, bool)],
    base: &Base,
    by_name: bool,
) -> Outcome {
    for (id, name, whole) in top {
        if only.is_some_and(|only| !only.contains(id)) {
            continue;
        }
        let Some((base_id, _)) = of_base(&(*id, name.clone()), base, by_name) else {
            continue;
        };
        match (found.get(id), known.get(base_id)) {
            (Some(found), Some(known)) if found == known => {}
            (Some(_), Some(_)) if *whole => {
                return Outcome::OtherData(format!("{what}: field {name} has other values"));
            }
            (None, Some(_)) => {
                return Outcome::OtherData(format!("{what}: field {name} is in no file"));
            }
            _ => {}
        }
    }
    Outcome::SameData
}
