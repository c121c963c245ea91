use super::{FileFault, FileView, Rule};
use crate::finding::{Findings, RuleInfo};
use crate::format::data_file::Unreadable;
use crate::format::sniff::Looks;
use crate::storage::StorageError;

rule! {
    /// A data file is there and is no Lance file. It is empty, cut off, overwritten, or a Git LFS
    /// pointer stands in its place.
    ///
    /// ## What readers do
    /// `to_table()` fails on the fragment. For a file by itself, `LanceFileReader(path)` fails.
    ///
    /// ```text
    /// file does not appear to be a Lance file (invalid magic: [76, 65, 78, 67])
    /// ```
    ///
    /// The four numbers are LANC, the bytes that the reader expected. They are not what it found
    /// (lance-format/lance#9300). lance-lint shows no bytes of such a file: it
    /// may be anything.
    ///
    /// If the file is shorter than the manifest says, the message is
    /// `Invalid range … for object of size …` or `failed to fill whole buffer`. Very short files
    /// give `does not have sufficient data`.
    ///
    /// ## How it comes about
    /// - An upload or a copy was cut short, so the end of the file is missing.
    /// - The file was overwritten.
    /// - The repository was checked out without Git LFS. The file then is a short text that names
    ///   the real one.
    ///
    /// The finding says which of these it looks like, from the size that the manifest states and
    /// from what stands in the file.
    ///
    /// ## How to fix it
    /// For a Git LFS pointer, run `git lfs pull`.
    ///
    /// Else restore the file from a copy. Or go back to a version that does not name it. What was
    /// committed since is left behind:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    static INFO = Error "data-file-unreadable", "a data file is empty, cut off, overwritten or not a Lance file";
}

/// See [`INFO`].
pub struct DataFileUnreadable;

/// What a file is in place of what it should be, as a clause without a subject.
pub fn looks_clause(looks: &Looks, size: u64) -> Option<String> {
    Some(match looks {
        Looks::Empty => "is empty (0 bytes)".to_string(),
        // The size differs from file to file, and the fault is one.
        Looks::LfsPointer { .. } => {
            "is a Git LFS pointer, not the file that it stands for".to_string()
        }
        Looks::Zeros => format!("holds nothing but zeros ({size} bytes)"),
        Looks::Other(what) => format!("is {what}"),
        Looks::Begins(what) => format!("looks like {what}"),
        Looks::Text => "is text".to_string(),
        Looks::Unknown => return None,
    })
}

/// What is particular to a file in place of what it should be.
pub fn looks_detail(looks: &Looks) -> Option<String> {
    match looks {
        Looks::LfsPointer { size: Some(real) } => Some(format!("for a file of {real} bytes")),
        _ => None,
    }
}

impl Rule for DataFileUnreadable {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn file(&self, view: &FileView<'_>, findings: &mut Findings) {
        let Err(FileFault::Unreadable(fault)) = view.state else {
            return;
        };
        let stated = view.entry.map_or(0, |entry| entry.file_size_bytes);
        let (what, size) = match fault {
            Unreadable::Storage(StorageError::NotFound | StorageError::NotDirectory) => return,
            Unreadable::Storage(error) => (format!("cannot be read ({error})"), None),
            Unreadable::TooShort { size, needed } => (
                format!("has {size} bytes, fewer than the {needed} of its footer"),
                Some(*size),
            ),
            Unreadable::NotLance { size, looks, .. } => {
                // A data file may begin with a value of another format, and be cut off behind it.
                let is_part = matches!(looks, Looks::Begins(_)) && stated > *size;
                let what = match looks_clause(looks, *size).filter(|_| !is_part) {
                    Some(clause) => clause,
                    None if stated > *size => {
                        format!("is cut off: {size} of {stated} bytes are there")
                    }
                    None if stated != 0 && stated < *size => format!(
                        "was overwritten: it has {size} bytes, the manifest says {stated}, and \
                         its end is not that of a Lance file"
                    ),
                    None => "does not end as a Lance file does: it is cut off or overwritten"
                        .to_string(),
                };
                (what, Some(*size))
            }
        };
        let lfs = matches!(
            fault,
            Unreadable::NotLance {
                looks: Looks::LfsPointer { .. },
                ..
            }
        );
        let mut place = view.place();
        place.bytes = size.map(|size| 0..size);
        if let Unreadable::NotLance { looks, .. } = fault {
            place.detail = looks_detail(looks);
        }
        let finding = INFO
            .finding(format!("a data file {what}"))
            .at(place)
            .instead("a file that ends in LANC", what)
            .reader(
                match view.snapshot {
                    Some(_) => "to_table()",
                    None => "LanceFileReader(path)",
                },
                effect(stated, size.unwrap_or(0)),
            );
        findings.add(if lfs {
            finding
                .cause("the repository was checked out without Git LFS")
                .help("git lfs pull")
        } else {
            finding.help(match view.snapshot {
                Some(_) => {
                    "restore the file from a copy, or go back to a version that does not name it"
                }
                None => "restore the file from a copy",
            })
        });
    }
}

/// What readers say: they look for the footer where the manifest's size puts it.
fn effect(stated: u64, size: u64) -> String {
    if stated > size {
        return format!(
            "fails: Invalid range … for object of size {size}, or: failed to fill whole buffer"
        );
    }
    "fails: file does not appear to be a Lance file (invalid magic: [76, 65, 78, 67]) (those are the \
     bytes it expected), or: does not have sufficient data"
        .to_string()
}
