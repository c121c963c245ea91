use super::keys::{change_and_copy, change_metadata};
use super::{FieldView, Rule, ignore_key};
use crate::finding::{Finding, Findings, RuleInfo};
use crate::model::schema::IGNORE_KEY;
use crate::model::version::FileVersion;
use crate::typecheck::keys::{HintContext, KeyInfo, bad_value};

rule! {
    /// A field carries an encoding key with a value that the key cannot take: `ZSTD` for
    /// `lance-encoding:compression`, whose schemes are in lower case, `8MB` for
    /// `lance-encoding:dict-max-size`, which is a number of bytes, or a ratio above 1.
    ///
    /// ## What readers do
    /// The data that is there can be read. What the next write does depends on the key and on the
    /// file version:
    ///
    /// - Most values are ignored, as if the key were not there. 2.0 ignores nearly all.
    /// - A scheme that does not exist fails from 2.1 on: `Unknown compression scheme: …`. So does
    ///   such a layout: `Cannot determine structural encoding for field …`.
    /// - `sparse` below 2.3 fails: `… requests sparse structural encoding, which is not enabled by
    ///   the selected file format`.
    /// - `fsst` on large strings or binaries in 2.0 fails: `Encoding task failed …`. For
    ///   dictionaries in 2.2 it fails with `fsst is not usable as a general buffer compressor`.
    /// - `dict-size-ratio` and `dict-max-size` make the writer panic, on pages of 100 values or
    ///   more: `Invalid parameter: …`.
    /// - Thresholds of v2 blobs fail: `Invalid blob threshold metadata …`.
    ///
    /// ## How it comes about
    /// Metadata can be set to nearly anything. `update_field_metadata` checks the thresholds of v2
    /// blobs only, and 2.0 ignores what later versions refuse. Which values are legal was hard to
    /// find out (lance-format/lance#4348).
    ///
    /// `dict-size-ratio` is read since Lance 0.39 and `dict-max-size` since 14.0. Older writers
    /// ignore them.
    ///
    /// ## How to fix it
    /// Set a value that the key can take (pylance 14). Data that was written meanwhile was written
    /// without the key, and has to be written again for it:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.update_field_metadata({"column": {"lance-encoding:compression": "zstd"}})
    /// lance.write_dataset(lance.dataset(uri).scanner(), new_uri)
    /// ```
    ///
    /// ## When it is silent
    /// Files of 0.1 read no such key. That is `metadata-key-ineffective`.
    static INFO = Warning "metadata-value-invalid", "an encoding key has a value that it cannot take, and a write ignores it or fails";
}

/// See [`INFO`].
pub struct MetadataValueInvalid;

impl Rule for MetadataValueInvalid {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn field(&self, view: &FieldView<'_>, findings: &mut Findings) {
        // An empty dataset that does not say its version is judged as the default of 14.0.2.
        let version = view.version.unwrap_or(FileVersion::V2_2);
        if let Some(value) = view.field.metadata.get(IGNORE_KEY) {
            findings.extend(ignores(view, value));
        }
        for (name, value) in &view.field.metadata {
            let Some(info) = KeyInfo::of(name) else {
                continue;
            };
            let Some(asking) = HintContext::new(view.schema, view.at, version) else {
                continue;
            };
            let Some(bad) = bad_value(info.key, value, &asking) else {
                continue;
            };
            let path = &view.field.path;
            let finding = INFO
                .finding(format!(
                    "column `{path}` has {name} = {value:?}, which must be {}",
                    bad.allowed
                ))
                .column(path)
                .at(view.place())
                .instead(bad.allowed, value.as_str())
                .reader(
                    format!("write_dataset(…, mode=\"append\") in {version}"),
                    bad.effect,
                );
            let away = change_metadata(&[(view.field, vec![(name.as_str(), None)])]);
            findings.add(match bad.meant {
                Some(meant) => finding.help(change_and_copy(
                    "say it as Lance does",
                    &[(view.field, vec![(name.as_str(), Some(meant))])],
                    view.schema,
                    view.version,
                )),
                None => finding.help_code(format!(
                    "set another value, or take the key away (pylance 14):\n{away}"
                )),
            });
        }
    }
}

/// What is no rule in the key that says which rules to ignore.
fn ignores<'a>(view: &'a FieldView<'_>, value: &'a str) -> impl Iterator<Item = Finding> {
    let unknown = ignore_key::parse(value).rules.into_iter();
    unknown.filter_map(Result::err).map(move |unknown| {
        let path = &view.field.path;
        INFO.finding(format!(
            "column `{path}` has {IGNORE_KEY} = {value:?}: {unknown}"
        ))
        .column(path)
        .at(view.place())
        .instead(
            "rules of lance-lint, a comma between them, then \": reason\"",
            value,
        )
        .help_code(format!(
            "name a rule, or take the key away (pylance 14):\n{}",
            change_metadata(&[(view.field, vec![(IGNORE_KEY, None)])])
        ))
    })
}
