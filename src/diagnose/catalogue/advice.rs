//! What to do, for all messages that ask for the same.

/// What to do about a message, when no dataset is at hand to say more.
#[derive(Debug)]
pub struct Advice {
    /// What to check next, as a clause.
    pub next: &'static str,
    /// How to fix it, as a clause.
    pub help: &'static str,
}

/// The schema declares a blob, and the pages are not one.
pub static BLOB_KEY: Advice = Advice {
    next: "find the column whose pages are not what its blob key says: `lance-lint PATH` names it, with the \
           file, the page and the writer",
    help: "take the blob key off the column when its values are to stay plain, or read the values and write \
           them again as blobs; `lance-lint PATH` prints the code for either",
};

/// The schema and the file disagree about a type.
pub static SCHEMA: Advice = Advice {
    next: "compare the manifest's schema with that of the data file: `lance-lint PATH` names the column on \
           which they differ; ask who committed the version (a commit of another schema, or files added \
           under foreign field ids)",
    help: "go back to the version before that commit (`ds = lance.dataset(uri, version=N); ds.restore()`), or \
           commit the files again under the schema that they were written with",
};

/// A page cannot be what its writer wrote.
pub static DAMAGED_PAGE: Advice = Advice {
    next: "find the page: `lance-lint PATH` names the file, column and page where the encoding and the bytes \
           disagree; compare the file's size and checksum with a copy",
    help: "restore the file from a copy, or write the column again from its source; the other columns can \
           still be read",
};

/// A file is missing, cut off or overwritten.
pub static DAMAGED_FILE: Advice = Advice {
    next: "look at the file that the message names: is it there, is its size what it was, does it end in \
           `LANC`? Was it copied in part, is it a Git LFS pointer, did a cleanup remove it?",
    help: "restore the file from a copy; else go back to a version that does not need it \
           (`lance.dataset(uri, version=N).restore()`)",
};

/// The reader is older than the data.
pub static UPGRADE: Advice = Advice {
    next: "compare the release that reads with the one that wrote: `python -c \"import lance; \
           print(lance.__version__)\"`; `lance-lint PATH` says since which release the dataset is readable",
    help: "upgrade the reader, or write the data again for old readers: \
           `lance.write_dataset(table, new_uri, data_storage_version=\"2.0\")`",
};

/// The data is older than a format that was still unfinished.
pub static PRE_STABLE: Advice = Advice {
    next: "find out which release wrote the file: `lance-lint PATH` says so; only that one reads it",
    help: "read it with the release that wrote it, and write it again with a stable file version",
};

/// The manifest says something that cannot be.
pub static MANIFEST: Advice = Advice {
    next: "look at what the last commits did: `lance-lint --all-versions PATH` says in which version the fault \
           came up and who made it",
    help: "go back to the version before (`lance.dataset(uri, version=N).restore()`), or make the commit again \
           with what it lacked",
};

/// Deletions do not fit.
pub static DELETIONS: Advice = Advice {
    next: "look at the deletion file that the message or `lance-lint PATH` names: is it there, and of this \
           dataset?",
    help: "restore the deletion file from a copy; without it, the rows it listed cannot be told from the others",
};

/// An index does not fit; the data is well.
pub static INDEX: Advice = Advice {
    next: "the data is not hurt: scans without the index still read it; `lance-lint PATH` names the index",
    help: "drop the index and build it again: `ds.drop_index(name)`, then `ds.create_scalar_index(…)` or \
           `ds.create_index(…)`",
};

/// Row ids do not fit.
pub static ROW_IDS: Advice = Advice {
    next: "find the fragment whose row ids do not fit: `lance-lint PATH` names it; fragments that were made \
           elsewhere and committed here bring foreign row ids",
    help: "go back to the version before that commit, and add the data through `lance.write_dataset(…, \
           mode=\"append\")`",
};

/// The metadata of a field asks for what cannot be.
pub static METADATA: Advice = Advice {
    next: "look at the metadata of the fields that are written: `lance-lint PATH` lists keys and values that \
           Lance does not take",
    help: "set the value to one that Lance takes, or leave the key out, and write again",
};

/// The type is not one for the file version.
pub static STORAGE_VERSION: Advice = Advice {
    next: "look which file version is written or read, and which types it has: `lance-lint PATH` shows both",
    help: "write with a newer file version (`data_storage_version=\"2.2\"`), or change the column's type",
};

/// A base path leads nowhere.
pub static BASE_PATH: Advice = Advice {
    next: "the dataset is a clone, or has files elsewhere: check that the place that its base path names is \
           there and is reachable from this machine; `lance-lint PATH` shows the base paths",
    help: "put the other dataset back where the base path says, or make the clone again",
};

/// The cause is in what was printed elsewhere.
pub static STDERR: Advice = Advice {
    next: "the cause is not in this line: it is in a panic that another thread printed to stderr. Look for \
           `panicked at` in the whole of stderr and paste that; in a notebook or a job runner it is in the \
           log of the process, not of the cell",
    help: "run the same read again with `RUST_BACKTRACE=1` and keep stderr (`python read.py 2> panic.txt`), \
           then `lance-lint diagnose PATH < panic.txt`",
};

/// Something is wrong, and the message does not say what.
pub static ANY_PAGE: Advice = Advice {
    next: "the message names no column: run `lance-lint PATH`, and `lance-lint --decode PATH` when that finds \
           nothing",
    help: "what to do depends on the finding: `lance-lint PATH` prints it",
};

/// The storage, not the data.
pub static STORAGE: Advice = Advice {
    next: "check the address, the credentials and the permissions: try to list the folder with the storage's \
           own tools",
    help: "give the reader access (`storage_options=…`), or correct the address",
};

/// The storage, or a file that is not whole.
pub static STORAGE_OR_FILE: Advice = Advice {
    next: "look at the file that the message names, and at the storage that it is in: can it be reached, is it \
           whole? `lance-lint PATH` compares each file's size and metadata with what the manifest says",
    help: "where the storage refused, give the reader access; where a file is cut, restore it from a copy",
};

/// A transaction file is not there.
pub static TRANSACTION: Advice = Advice {
    next: "the data can still be read; look whether `_transactions/` was copied with the dataset",
    help: "restore the file from a copy; else open the latest version again and repeat the write from there",
};

/// There is nothing to do.
pub static NOTHING: Advice = Advice {
    next: "nothing: no data and no index is hurt; look in the log for another message when something failed",
    help: "nothing has to be done",
};

/// No dataset is where one was looked for.
pub static NO_DATASET: Advice = Advice {
    next: "check the path: a dataset is a folder with `_versions/` in it; look whether the version that was \
           asked for is still there (`ds.versions()`), and whether the manifests are",
    help: "correct the path or the version; when the manifests are gone, restore `_versions/` from a copy",
};
