use super::{Rule, WholeView, fixes, manifest_place};
use crate::finding::{Findings, Remedy, RuleInfo};
use crate::model::logical_type::LogicalType;
use crate::model::reader_name::first_lancedb;
use crate::model::readers::{Reason, Release};
use crate::model::schema::FieldTree;
use crate::model::version::FileVersion;

rule! {
    /// The dataset cannot be read by a Lance release that you named with `--reader`.
    ///
    /// ## What readers do
    /// Many such releases open the dataset all the same, and count its rows. The first scan fails
    /// or panics. Others fail in `lance.dataset(uri)`. The finding gives the call and the words
    /// for that release, such as:
    ///
    /// ```text
    /// This dataset cannot be read by this version of Lance. … Flags: 16
    /// ```
    ///
    /// Only the sum of the flags stands there, not their names (lance-format/lance#1797).
    /// lance-lint names what the release does not know.
    ///
    /// ## How it comes about
    /// The dataset was written, or changed, by a newer release, with a file version, an encoding
    /// or a feature flag that came later. Which release reads what is known from trying. Every
    /// release of the table opened and scanned datasets with one feature each.
    ///
    /// ## How to fix it
    /// Upgrade the reader. The finding names the first release that reads all of it:
    ///
    /// ```text
    /// pip install 'pylance>=14.0.2'
    /// ```
    ///
    /// For a reader that was named as a release of LanceDB (`--reader lancedb==0.30.2`) it names
    /// the first release of LanceDB with such a Lance inside.
    ///
    /// Or write the data to a new dataset for old readers, without what they do not know. The
    /// finding prints the calls: a table of blobs holds their descriptors only, so those must be
    /// read as bytes.
    ///
    /// The new dataset has no history and no indices. If no release reads it as it is installed,
    /// use the one that wrote it, with the settings that it had.
    ///
    /// ## When it is silent
    /// The rule is silent unless a release is named. The header says in any case since which
    /// release the dataset is read.
    static INFO = Error "reader-too-old", "a release that --reader names cannot read the dataset";
}

/// See [`INFO`].
pub struct ReaderTooOld;

impl Rule for ReaderTooOld {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn whole(&self, view: &WholeView<'_>, findings: &mut Findings) {
        let readers = view.readers;
        for reader in view.asked_readers {
            let release = &reader.lance;
            if readers.has(*release) {
                continue;
            }
            let before = |since: Option<Release>| since.is_none_or(|since| *release < since);
            let after = |until: Option<Release>| until.is_some_and(|until| *release > until);
            let keeps = readers
                .reasons
                .iter()
                .filter(|reason| before(reason.reads) || after(reason.until));
            let reasons: Vec<&Reason> = keeps.collect();
            let opens = !before(readers.opens);
            let what: Vec<&str> = reasons.iter().map(|reason| reason.what.as_str()).collect();
            let mut blocking = reasons.iter();
            let first = blocking.find(|reason| opens || before(reason.opens));
            let says = first.map_or("fails", |reason| reason.says.as_str());
            findings.add(
                INFO.finding(format!("{reader} cannot read this dataset"))
                    .at(manifest_place(view.snapshot))
                    .instead(
                        range(readers.reads, readers.until),
                        format!("{reader}, which does not know {}", what.join(", ")),
                    )
                    .reader(
                        if opens {
                            "to_table()"
                        } else {
                            "lance.dataset(uri)"
                        },
                        says,
                    )
                    .help(match (readers.reads, readers.until) {
                        (Some(_), Some(until)) => Remedy::with_code(format!(
                            "use a release that reads it:\npip install 'pylance=={until}'"
                        )),
                        (Some(reads), None) => upgrade(reads, reader.lancedb.is_some()),
                        (None, _) => {
                            "use the release that wrote it, with the settings that it had".into()
                        }
                    })
                    .help_all(for_old_readers(&view.snapshot.schema)),
            );
        }
    }
}

/// How a reader that reads the dataset is installed.
fn upgrade(reads: Release, lancedb: bool) -> Remedy {
    let (package, release) = match lancedb {
        false => ("pylance", reads),
        true => match first_lancedb(reads) {
            Some(first) => ("lancedb", first),
            None => {
                return Remedy::with_code(format!(
                    "no release of lancedb that is known here has Lance {reads} inside; read it with \
                     pylance:\npip install 'pylance>={reads}'"
                ));
            }
        },
    };
    Remedy::with_code(format!(
        "upgrade the reader:\npip install '{package}>={release}'"
    ))
}

fn range(first: Option<Release>, last: Option<Release>) -> String {
    match (first, last) {
        (Some(first), Some(last)) if first == last => format!("Lance {first}"),
        (Some(first), Some(last)) => format!("Lance {first} to {last}"),
        (Some(first), None) => format!("Lance {first} or later"),
        (None, _) => "no release as it is installed".to_string(),
    }
}

/// A copy that old releases read: in 2.0, which has no maps and no fixed-size lists of structs.
fn for_old_readers(schema: &FieldTree) -> Option<Remedy> {
    let mut types = schema.fields.iter().map(|field| &field.logical_type);
    let since_2_1 = |logical_type: &LogicalType| {
        matches!(
            logical_type,
            LogicalType::Map | LogicalType::FixedSizeListStruct
        )
    };
    match types.any(since_2_1) {
        true => None,
        false => fixes::copy(
            "or write the data to a new dataset for old readers",
            schema,
            &[],
            FileVersion::V2_0,
        ),
    }
}
