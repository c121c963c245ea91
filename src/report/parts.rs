//! Reading the parts that JSON reports hold.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::tool;
use crate::check::Part;
use crate::printable::json_error;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    tool: Option<Tool>,
    #[serde(default)]
    subjects: Vec<Subject>,
    #[serde(default)]
    parts: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct Subject {
    path: String,
}

/// The parts in a report, or in several that stand one behind another.
///
/// # Errors
/// A clause without a subject that says what is wrong and what to do.
pub fn read(bytes: &[u8]) -> Result<Vec<Vec<Part>>, String> {
    let documents = serde_json::Deserializer::from_slice(bytes).into_iter::<Document>();
    let mut all = Vec::new();
    for document in documents {
        let document = document.map_err(|error| not_a_report(&json_error(&error)))?;
        all.push(of_document(document)?);
    }
    match all.is_empty() {
        true => Err(not_a_report("it is empty")),
        false => Ok(all),
    }
}

fn not_a_report(why: &str) -> String {
    format!("is not a report ({why}); make it with: lance-lint PATH --fragments A..B --format json")
}

fn of_document(document: Document) -> Result<Vec<Part>, String> {
    let own = tool();
    let Some(made_by) = document.tool.filter(|tool| tool.name == own.name) else {
        return Err(not_a_report("lance-lint did not write it"));
    };
    if made_by.version != own.version {
        return Err(format!(
            "was written by lance-lint {}, and this is {}: make all parts with one version, and \
             merge them with it",
            made_by.version, own.version
        ));
    }
    if document.parts.len() != document.subjects.len() || document.parts.is_empty() {
        let subject = document
            .subjects
            .first()
            .map_or("PATH", |s| s.path.as_str());
        return Err(format!(
            "holds no parts to merge; make it with: lance-lint {subject} --fragments A..B --format \
             json (a dataset as a whole, without --decode)"
        ));
    }
    let parts = document.parts.iter().map(|part| {
        serde_json::from_str(part.get()).map_err(|error| {
            let error = json_error(&error);
            format!("holds a part that does not read ({error}); make it again")
        })
    });
    parts.collect()
}
