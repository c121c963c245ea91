use super::{FileView, Rule};
use crate::finding::{Finding, Findings, RuleInfo};
use crate::typecheck::pages::BUFFER_ALIGNMENT;

rule! {
    /// A data file's global buffers are missing, or stand where readers do not take them. Global
    /// buffer 0 is the file's own schema.
    ///
    /// ## What readers do
    /// Readers look at all global buffers before they read any column. `to_table()` fails on the
    /// whole file:
    ///
    /// - No global buffer at all: `File did not contain any global buffers, schema expected`.
    /// - A buffer that ends behind the file: `Global buffer … range … is outside file of size …`.
    /// - In 2.1 and later, a buffer that is not at a multiple of 64 bytes:
    ///   `Global buffer … position … is not aligned to 64 bytes`.
    /// - A schema that stands behind the metadata of the columns: panics with
    ///   `range start must not be greater than end`.
    ///
    /// ## How it comes about
    /// A tool joined or edited files without keeping to the alignment.
    ///
    /// ## How to fix it
    /// Restore the file from a copy, or write it again from its source. The pages themselves may
    /// be sound, but no Lance reader gets to them.
    ///
    /// Or go back to a version that does not name the file. What was committed since is left
    /// behind:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// ## When it is silent
    /// A table of buffers that cannot be read at all is `file-metadata-corrupt`. Files of 2.0 may
    /// have buffers at any byte.
    static INFO = Error "global-buffer-misplaced", "a data file's global buffers are missing or where readers do not take them";
}

/// See [`INFO`].
pub struct GlobalBufferMisplaced;

impl Rule for GlobalBufferMisplaced {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn file(&self, view: &FileView<'_>, findings: &mut Findings) {
        let Ok(data) = view.state else { return };
        let (Some(version), Some(start)) = (data.version, data.metadata_start()) else {
            return;
        };
        // A table that cannot be read is a fault of its own.
        if !data.faults.is_empty() {
            return;
        }
        let buffers = data.global_buffers();
        let finding = |what: String, expected: &str, effect: String| -> Finding {
            INFO.finding(what)
                .at(view.place())
                .instead(expected, "something else")
                .reader("to_table()", effect)
                .help("restore the file from a copy, or write it again from its source")
        };
        let Some(schema) = buffers.first() else {
            findings.add(finding(
                "a data file has no global buffers, so no schema of its own".to_string(),
                "the file's own schema in global buffer 0",
                "fails: File did not contain any global buffers, schema expected".to_string(),
            ));
            return;
        };
        if schema.start > start {
            findings.add(finding(
                "the schema of a data file stands behind the metadata of its columns".to_string(),
                "the file's own schema before the metadata of the columns",
                "panics: range start must not be greater than end".to_string(),
            ));
            return;
        }
        let beyond = buffers
            .iter()
            .enumerate()
            .find(|(_, buffer)| buffer.end > data.size());
        if let Some((at, buffer)) = beyond {
            let (start, end, size) = (buffer.start, buffer.end, data.size());
            findings.add(finding(
                format!("global buffer {at} of a data file ends behind the file"),
                "global buffers within the file",
                format!(
                    "fails: Global buffer {at} range {start}..{end} is outside file of size {size}"
                ),
            ));
            return;
        }
        let bent = buffers
            .iter()
            .enumerate()
            .find(|(_, buffer)| buffer.start % BUFFER_ALIGNMENT != 0);
        if let Some((at, buffer)) = bent.filter(|_| version.is_structural()) {
            findings.add(finding(
                format!(
                    "global buffer {at} of a data file is at byte {}",
                    buffer.start
                ),
                "global buffers at multiples of 64 bytes",
                format!(
                    "fails: Global buffer {at} position {} is not aligned to 64 bytes",
                    buffer.start
                ),
            ));
        }
    }
}
