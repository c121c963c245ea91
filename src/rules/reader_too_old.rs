use super::{Rule, WholeView, manifest_place};
use crate::finding::{Findings, RuleInfo};
use crate::model::readers::{Reason, Release};

rule! {
    /// The dataset cannot be read by a Lance release that you named with `--reader`.
    ///
    /// ## What readers do
    /// Many such releases open the dataset all the same, and count its rows. The first scan fails
    /// or panics. Others fail in `lance.dataset(uri)`. The finding gives the call and the words for
    /// that release, such as:
    ///
    /// ```text
    /// This dataset cannot be read by this version of Lance. … Flags: 16
    /// ```
    ///
    /// Only the sum of the flags stands there, not their names (lance-format/lance#1797).
    /// lance-lint names what the release does not know.
    ///
    /// ## How it comes about
    /// The dataset was written, or changed, by a newer release, with a file version, an encoding or
    /// a feature flag that came later. Which release reads what is known from trying. Every release
    /// of the table opened and scanned datasets with one feature each.
    ///
    /// ## How to mend it
    /// Upgrade the reader. The finding names the first release that reads all of it:
    ///
    /// ```text
    /// pip install 'pylance>=14.0.2'
    /// ```
    ///
    /// Or write the data anew for old readers, without what they do not know:
    ///
    /// ```python
    /// table = lance.dataset(uri).to_table()
    /// lance.write_dataset(table, other_uri, data_storage_version="2.0")
    /// ```
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
        for release in view.asked_readers {
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
                INFO.finding(format!("Lance {release} cannot read this dataset"))
                    .at(manifest_place(view.snapshot))
                    .instead(
                        range(readers.reads, readers.until),
                        format!("Lance {release}, which does not know {}", what.join(", ")),
                    )
                    .reader(
                        if opens { "to_table()" } else { "lance.dataset(uri)" },
                        says,
                    )
                    .mend(match (readers.reads, readers.until) {
                        (Some(_), Some(until)) => {
                            format!("use a release that reads it:\npip install 'pylance=={until}'")
                        }
                        (Some(reads), None) => {
                            format!("upgrade the reader:\npip install 'pylance>={reads}'")
                        }
                        (None, _) => "use the release that wrote it, with the settings that it had".to_string(),
                    })
                    .mend(
                        "or write the data anew for old readers, without what they do not know:\n\
                         lance.write_dataset(lance.dataset(uri).to_table(), other_uri, data_storage_version=\"2.0\")",
                    ),
            );
        }
    }
}

fn range(first: Option<Release>, last: Option<Release>) -> String {
    match (first, last) {
        (Some(first), Some(last)) if first == last => format!("Lance {first}"),
        (Some(first), Some(last)) => format!("Lance {first} to {last}"),
        (Some(first), None) => format!("Lance {first} or later"),
        (None, _) => "no release as it is installed".to_string(),
    }
}
