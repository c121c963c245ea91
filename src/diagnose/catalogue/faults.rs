//! Faults of readers: what releases of Lance say of files in which nothing is wrong.

/// What some releases say of sound data. Every clause was seen in the releases that it names.
#[derive(Debug)]
pub struct Fault {
    /// Which releases say it, and of what, as a clause.
    pub what: &'static str,
    /// What to do in its place, as a clause.
    pub instead: &'static str,
}

/// A null struct takes its fields along.
pub static NULL_STRUCT: Fault = Fault {
    what: "pylance 6.0.0 says this when it compacts or appends rows of a struct that may be null and has a field that \
           may not: where the struct is null it takes the field for null too",
    instead: "use pylance 14.0.2, which compacts and appends the same rows",
};

/// Files of 2.2, which the first release that opens them knows in part.
pub static FILES_OF_2_2: Fault = Fault {
    what: "pylance 2.0.1 says this of lists and structs in files of version 2.2, which it opens and does not wholly know",
    instead: "use pylance 6.0.0 or 14.0.2, which read the same files",
};

/// One field of a packed struct.
pub static PACKED_FIELD: Fault = Fault {
    what: "pylance 2.0.1, 6.0.0 and 14.0.2 say this when one field of a packed struct of several fields is read by \
           itself",
    instead: "read the whole struct (`columns=[\"s\"]` in place of `columns=[\"s.x\"]`): these releases read it right",
};
