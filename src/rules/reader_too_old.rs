//! # reader-too-old
//!
//! The dataset cannot be read by a Lance release that `--reader` names. Many such releases open it
//! all the same, and count its rows: the first scan fails or panics. The rule is silent
//! unless a release is named.
//!
//! Which release reads what is known from trying: every release named in the table opened and
//! scanned datasets with one feature each.

use super::{Rule, WholeView, manifest_place};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::model::readers::{NEWEST, Reason, Release};

static INFO: RuleInfo = RuleInfo {
    id: "reader-too-old",
    severity: Severity::Error,
    summary: "a release that --reader names cannot read the dataset",
};

/// See the module.
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
            let keeps = |reason: &&Reason| {
                reason.reads > *release || reason.until.is_some_and(|until| *release > until)
            };
            let reasons: Vec<&Reason> = readers.reasons.iter().filter(keeps).collect();
            let opens = *release >= readers.opens;
            let what: Vec<&str> = reasons.iter().map(|reason| reason.what.as_str()).collect();
            let mut blocking = reasons.iter();
            let first = blocking.find(|reason| opens || reason.opens > *release);
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
                    .mend(format!(
                        "upgrade the reader:\npip install 'pylance>={}'",
                        readers.reads.min(NEWEST)
                    ))
                    .mend(
                        "or write the data anew for old readers, without what they do not know:\n\
                         lance.write_dataset(lance.dataset(uri).to_table(), other_uri, data_storage_version=\"2.0\")",
                    ),
            );
        }
    }
}

fn range(first: Release, last: Option<Release>) -> String {
    match last {
        Some(last) => format!("Lance {first} to {last}"),
        None => format!("Lance {first} or later"),
    }
}
