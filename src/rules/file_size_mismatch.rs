use super::{FileView, Rule};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::model::version::FileVersion;

rule! {
    /// The manifest states another size for a data file than the file has. Readers trust the
    /// stated size, and look for the footer in the wrong place.
    ///
    /// ## What readers do
    /// If the stated size is too small, `to_table()` fails:
    ///
    /// ```text
    /// file does not appear to be a Lance file (invalid magic: [76, 65, 78, 67])
    /// ```
    ///
    /// The numbers are the bytes that the reader expected, not what it found. If the stated size
    /// is too large, it fails with `Invalid range … for object of size …`.
    ///
    /// A whole file that has more bytes behind its footer is a warning. Readers go by the
    /// manifest's size and read it right.
    ///
    /// ## How it comes about
    /// - Most often the file was overwritten or swapped after the commit. The contents that
    ///   lance-lint lists for it may be another file's.
    /// - The writer stated the wrong size.
    /// - Something appended to the file after the commit.
    ///
    /// ## How to fix it
    /// Restore the file that was committed from a copy. Or go back to a version that does not name
    /// it. What was committed since is left behind:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// For more bytes behind the footer, find out what appends to data files.
    ///
    /// ## When it is silent
    /// A stated size of 0 means that it is not known. For 0.1 files Lance 0.32 to 4.0 stated wrong
    /// sizes, which the reader of 0.1 does not use.
    static INFO = Error "file-size-mismatch", "the manifest states another size for a data file than it has";
}

/// See [`INFO`].
pub struct FileSizeMismatch;

impl Rule for FileSizeMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn file(&self, view: &FileView<'_>, findings: &mut Findings) {
        let (Ok(data), Some(entry)) = (view.state, view.entry) else {
            return;
        };
        if data.trailing_bytes() > 0 {
            let mut place = view.place();
            place.detail = Some(format!("{} bytes", data.trailing_bytes()));
            findings.add(
                INFO.finding("a data file goes on behind the end that the manifest states")
                    .severity(Severity::Warning)
                    .at(place)
                    .instead(
                        "a file that ends in its footer",
                        "more bytes behind the footer",
                    )
                    .reader(
                        "to_table()",
                        "goes by the manifest's size and reads it right",
                    )
                    .cause("something was appended to the file after the commit")
                    .help("find out what appends to data files; restore the file from a copy"),
            );
            return;
        }
        let (stated, real) = (entry.file_size_bytes, data.size());
        // Lance 0.32 to 4.0 stated wrong sizes for 0.1 files, whose reader does not use them.
        let unused = data.version == Some(FileVersion::V0_1);
        if stated == 0 || stated == real || unused {
            return;
        }
        let effect = if stated < real {
            "fails: file does not appear to be a Lance file (invalid magic: [76, 65, 78, 67])"
        } else {
            "fails: Invalid range … for object of size …"
        };
        let mut place = view.place();
        place.detail = Some(format!("{real} bytes, the manifest says {stated}"));
        findings.add(
            INFO.finding("a data file has another size than the manifest states")
                .at(place)
                .instead(format!("{stated} bytes"), format!("{real} bytes"))
                .reader("to_table()", effect)
                .cause("the file was overwritten or swapped after the commit, or its writer stated the wrong size")
                .help("restore the file that was committed from a copy"),
        );
    }
}
