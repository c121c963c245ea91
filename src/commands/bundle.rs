//! What a maintainer of Lance needs to understand a dataset, gathered: the findings, what the
//! manifest says, and how data files are laid out. No page is read, and what metadata holds of
//! values is left behind when it is written.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::hash::{HashMap, HashSet};

use crate::check::column_stats::Wanted;
use crate::check::{Report, Request, SubjectReport, dataset, file, refuse_dataset_options};
use crate::finding::{Finding, Place};
use crate::format::data_file::{Footer, Unreadable, read};
use crate::format::encoding::Envelope;
use crate::format::proto::lance::file::Field as WireField;
use crate::format::proto::lance::table::{DataFile as DataFileEntry, Transaction};
use crate::model::data_file::{Caches, Column, DataFile};
use crate::model::encoding::EncodingResult;
use crate::model::history::{self, Tag};
use crate::model::join::{Placement, join};
use crate::model::refs::Refs;
use crate::model::schema::FieldTree;
use crate::model::snapshot::{self, Opened, Selection, Snapshot};
use crate::model::target::{BRANCHES, DATA, Scope, Target, resolve};
use crate::model::version::FileVersion;
use crate::redact::messages as redact;
use crate::redact::{RedactingStorage, Redactor};
use crate::rules::FileFault;
use crate::rules::data_file_unreadable::looks_clause;
use crate::storage::{Location, Storage, StorageError};

/// Data files that are laid open when none is asked for.
const MAX_FILES: usize = 16;
/// Columns of a data file that are laid open when none is asked for.
const MAX_COLUMNS: usize = 200;
/// Columns of a data file that are laid open at all.
const MAX_ASKED_COLUMNS: u32 = 1_000_000;
/// Pages of a column that are laid open when it is not asked for.
const MAX_PAGES: usize = 24;
/// Pages of a column that are laid open when it is.
const MAX_ASKED_PAGES: usize = 10_000;
/// Folders that are listed.
const MAX_FOLDERS: usize = 200;
/// Files of a folder that are listed.
const MAX_ENTRIES: usize = 50;
/// Deepest folder that is listed.
const MAX_DEPTH: usize = 6;

/// What is to be gathered.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// A dataset, a file of one, or a data file.
    pub path: OsString,
    /// Which snapshot.
    pub selection: Selection,
    /// Only these fields and what is below them; all when empty.
    pub columns: Vec<String>,
    /// Only these fragments; all when empty.
    pub fragments: Vec<u64>,
    /// Show names, paths and values of metadata as placeholders.
    pub redact: bool,
    /// Lay all data files open, and list all files.
    pub all_files: bool,
}

/// What was gathered.
#[derive(Debug)]
pub struct Bundle {
    /// What was asked for.
    pub asked: Asked,
    /// What the check found.
    pub report: Report,
    /// The snapshot, and the manifests there are; `None` for a data file by itself.
    pub opened: Option<Opened>,
    /// The record of the commit that made the snapshot.
    pub transaction: Option<Transaction>,
    /// Tags of the dataset.
    pub tags: Vec<Tag>,
    /// Branches of the dataset.
    pub branches: Vec<String>,
    /// The folders of the dataset.
    pub folders: Vec<Folder>,
    /// Whether folders were left out for being too many.
    pub folders_cut: bool,
    /// Data files that were laid open.
    pub files: Vec<FileDump>,
    /// Data files that were looked at and not laid open.
    pub files_left_out: u64,
}

/// The files of a folder.
#[derive(Debug)]
pub struct Folder {
    /// Its path below the dataset's root; empty for the root.
    pub path: String,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The first of them with their sizes.
    pub entries: Vec<(String, u64)>,
}

/// A data file laid open.
#[derive(Debug)]
pub struct FileDump {
    /// Its path as in [`Place::file`].
    pub name: String,
    /// Its fragment.
    pub fragment: Option<u64>,
    /// What is in it, or why that cannot be told.
    pub contents: Result<Contents, String>,
}

/// The metadata of a data file.
#[derive(Debug)]
pub struct Contents {
    /// Its size in bytes.
    pub size: u64,
    /// Bytes behind the end that the manifest states.
    pub trailing: u64,
    /// The two version numbers of the footer.
    pub version: (u16, u16),
    /// Rows that the file counts itself.
    pub rows: Option<u64>,
    /// The footer; 0.1 files have none of this kind.
    pub footer: Option<Footer>,
    /// Where the global buffers stand.
    pub global_buffers: Vec<Range<u64>>,
    /// The fields of its own schema.
    pub schema: Option<Vec<WireField>>,
    /// Parts that cannot be read: where, and a clause.
    pub faults: Vec<(Option<Range<u64>>, String)>,
    /// Physical columns that it has.
    pub total_columns: u32,
    /// Those that were laid open.
    pub columns: Vec<OpenColumn>,
}

/// A column laid open.
#[derive(Debug)]
pub struct OpenColumn {
    /// The physical column.
    pub index: u32,
    /// The field that is read from it: its path and id.
    pub field: Option<(String, i32)>,
    /// Where its metadata stands.
    pub metadata: Option<Range<u64>>,
    /// The column encoding.
    pub encoding: EncodingResult,
    /// Column-level buffers.
    pub buffers: Vec<Range<u64>>,
    /// Parts of its metadata that cannot be read.
    pub faults: Vec<String>,
    /// All pages by their encodings.
    pub groups: Vec<PageGroup>,
    /// Pages laid open.
    pub pages: Vec<PageDump>,
}

/// Pages that are stored alike.
#[derive(Debug)]
pub struct PageGroup {
    /// The notation, or a clause that says why there is none.
    pub notation: String,
    /// Pages.
    pub pages: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A page laid open.
#[derive(Debug)]
pub struct PageDump {
    /// Its number, from 0.
    pub index: u64,
    /// Its rows.
    pub rows: u64,
    /// The top-level row it starts at.
    pub priority: u64,
    /// Its buffers.
    pub buffers: Vec<Range<u64>>,
    /// Offsets and sizes of buffers that the metadata lists.
    pub buffer_counts: (usize, usize),
    /// Its encoding.
    pub encoding: EncodingResult,
    /// The encoding message as it stands in the file.
    pub message: Option<Envelope>,
}

/// Gathers what is asked for.
///
/// # Errors
/// [`Error`] when the path, version, tag, branch, column or fragment does not exist, or access
/// is denied; damage is none.
pub fn bundle(storage: &Arc<dyn Storage>, asked: Asked) -> Result<Bundle, Error> {
    let (targets, errors) = resolve(storage.as_ref(), std::slice::from_ref(&asked.path));
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    let Some(target) = targets.into_iter().next() else {
        return Err(Error::other("there is nothing to bundle".to_string()));
    };
    let redactor = Arc::new(Redactor::new(asked.redact));
    let redacted: Arc<dyn Storage> =
        Arc::new(RedactingStorage::new(storage.clone(), redactor.clone()));
    let mut request = Request {
        selection: asked.selection.clone(),
        columns: asked.columns.clone(),
        fragments: asked.fragments.clone(),
        ..Request::default()
    };
    let gathering = Gathering {
        storage: redacted.as_ref(),
        asked: &asked,
    };
    let mut bundle = match target {
        Target::Dataset { root, scope } => {
            let shown = redactor.root(&root);
            if asked.redact {
                // What does not exist is named to the user by its own name.
                let opened = open(storage.as_ref(), &root, &asked.selection, &scope)?;
                let own = opened.snapshot.map(|snapshot| snapshot.schema);
                if let Some(own) = &own {
                    Wanted::new(own, &asked.columns, &root.to_string())?;
                }
                request.selection = shown_selection(&redactor, redacted.as_ref(), &shown, &asked);
                let scope = shown_scope(&redactor, &scope);
                gathering.meet(&shown, &scope, &request)?;
                let opened = open(redacted.as_ref(), &shown, &request.selection, &scope)?;
                let now = opened.snapshot.as_ref().map(|snapshot| &snapshot.schema);
                request.columns = shown_columns(own.as_ref(), now, &asked.columns);
                gathering.dataset(&shown, scope, &request, opened)?
            } else {
                let opened = open(redacted.as_ref(), &root, &request.selection, &scope)?;
                gathering.dataset(&root, scope, &request, opened)?
            }
        }
        Target::File(location) => {
            refuse_dataset_options(&location, &request)?;
            let shown = match (asked.redact, location.parent()) {
                (true, Some(parent)) => {
                    let name = redactor.relative(&location.file_name());
                    redactor.root(&parent).join(&name)
                }
                _ => location.clone(),
            };
            let schema = |storage: &dyn Storage, location: &Location| {
                let (data, _) = file::open(storage, location);
                data.ok().and_then(|data| data.schema)
            };
            let own = schema(storage.as_ref(), &location);
            if let Some(own) = &own {
                Wanted::new(own, &asked.columns, &location.to_string())?;
            }
            let now = schema(redacted.as_ref(), &shown);
            request.columns = shown_columns(own.as_deref(), now.as_deref(), &asked.columns);
            gathering.file(&shown, &request)?
        }
    };
    bundle.report.requests = storage.meter().requests();
    bundle.report.bytes_read = storage.meter().bytes();
    Ok(bundle)
}

fn open(
    storage: &dyn Storage,
    root: &Location,
    selection: &Selection,
    scope: &Scope,
) -> Result<Opened, Error> {
    let manifest = scope.manifest(selection);
    snapshot::open(storage, root, selection, manifest)
}

fn shown_selection(
    redactor: &Redactor,
    redacted: &dyn Storage,
    root: &Location,
    asked: &Asked,
) -> Selection {
    // Listing is what makes names lead back to files.
    for folder in ["_refs/tags", "_refs/branches", BRANCHES] {
        let _ = redacted.list(&root.join(folder));
    }
    Selection {
        version: asked.selection.version,
        tag: asked.selection.tag.as_deref().map(|tag| redactor.tag(tag)),
        branch: asked
            .selection
            .branch
            .as_deref()
            .map(|b| redactor.branch(b)),
    }
}

fn shown_scope(redactor: &Redactor, scope: &Scope) -> Scope {
    match scope {
        Scope::Parts {
            data_files,
            deletion_files,
        } => Scope::Parts {
            data_files: data_files
                .iter()
                .map(|file| redactor.relative(file))
                .collect(),
            deletion_files: deletion_files.clone(),
        },
        other => other.clone(),
    }
}

/// The paths of fields in a schema that differs in nothing but names.
fn shown_columns(
    own: Option<&FieldTree>,
    now: Option<&FieldTree>,
    columns: &[String],
) -> Vec<String> {
    let (Some(own), Some(now)) = (own, now) else {
        return columns.to_vec();
    };
    let shown = columns.iter().map(|path| {
        let at = own.index_of_path(path);
        let field = at.and_then(|at| now.fields.get(at));
        field.map_or_else(|| path.clone(), |field| field.path.clone())
    });
    shown.collect()
}

struct Gathering<'a> {
    storage: &'a dyn Storage,
    asked: &'a Asked,
}

/// A data file that may be laid open.
struct Candidate<'a> {
    fragment: Option<u64>,
    entry: Option<&'a DataFileEntry>,
    name: String,
    location: Option<Location>,
}

impl Gathering<'_> {
    /// Goes over everything that has a name in a fixed order, so that the names it is shown under
    /// are the same in every run.
    fn meet(&self, root: &Location, scope: &Scope, request: &Request) -> Result<(), Error> {
        let opened = open(self.storage, root, &request.selection, scope)?;
        self.candidates(&opened, scope, request)?
            .iter()
            .filter_map(|candidate| Some((candidate.location.as_ref()?, candidate.entry)))
            .for_each(|(location, entry)| {
                let stated = entry.map_or(0, |entry| entry.file_size_bytes);
                // What cannot be read is told later.
                let _ = read(self.storage, location, stated);
            });
        self.folders(&opened.root);
        Ok(())
    }

    fn dataset(
        &self,
        root: &Location,
        scope: Scope,
        request: &Request,
        opened: Opened,
    ) -> Result<Bundle, Error> {
        let subjects = dataset::check(self.storage, root, scope.clone(), request)?;
        let candidates = self.candidates(&opened, &scope, request)?;
        let explicit = self.asked.all_files
            || !request.fragments.is_empty()
            || matches!(scope, Scope::Parts { .. });
        let chosen = match explicit {
            true => (0..candidates.len()).collect(),
            false => chosen(&candidates, &subjects),
        };
        let caches = Caches::default();
        let laid_open = |at: &usize| {
            let candidate = candidates.get(*at)?;
            let schema = opened.snapshot.as_ref().map(|snapshot| &snapshot.schema);
            Some(self.dump(candidate, schema, &subjects, request, &caches))
        };
        let files: Vec<FileDump> = chosen.iter().filter_map(laid_open).collect();
        let files_left_out = (candidates.len() - files.len()) as u64;
        let snapshot = opened.snapshot.as_ref();
        let mut transaction = snapshot.and_then(|s| history::transaction(self.storage, s));
        if let (Some(message), Some(over)) = (&mut transaction, self.storage.redactor()) {
            redact::transaction(over, message);
        }
        let lines = history::lines(self.storage, root).unwrap_or_default();
        let (folders, folders_cut) = self.folders(&opened.root);
        drop(candidates);
        Ok(Bundle {
            asked: self.asked.clone(),
            report: report(subjects),
            tags: Refs::read_tags(self.storage, root).tags,
            branches: lines.into_iter().filter_map(|line| line.branch).collect(),
            transaction,
            folders,
            folders_cut,
            files,
            files_left_out,
            opened: Some(opened),
        })
    }

    fn file(&self, location: &Location, request: &Request) -> Result<Bundle, Error> {
        let subjects = vec![file::check(self.storage, location, request, true)?];
        let candidate = Candidate {
            fragment: None,
            entry: None,
            name: location.to_string(),
            location: Some(location.clone()),
        };
        let opened = self.dump(&candidate, None, &subjects, request, &Caches::default());
        Ok(Bundle {
            asked: self.asked.clone(),
            report: report(subjects),
            opened: None,
            transaction: None,
            tags: Vec::new(),
            branches: Vec::new(),
            folders: Vec::new(),
            folders_cut: false,
            files: vec![opened],
            files_left_out: 0,
        })
    }

    /// The data files that were looked at.
    fn candidates<'a>(
        &self,
        opened: &'a Opened,
        scope: &Scope,
        request: &Request,
    ) -> Result<Vec<Candidate<'a>>, Error> {
        let alone = |name: &str| Candidate {
            fragment: None,
            entry: None,
            name: format!("{DATA}/{name}"),
            location: Some(opened.root.join(DATA).join(name)),
        };
        let Some(snapshot) = &opened.snapshot else {
            let entries = self.storage.list(&opened.root.join(DATA));
            let entries = entries.unwrap_or_default().into_iter();
            let files = entries.filter(|e| !e.is_dir && e.name.ends_with(".lance"));
            return Ok(files.map(|entry| alone(&entry.name)).collect());
        };
        let message = snapshot.message();
        let mut candidates = Vec::new();
        for (fragment, entry) in dataset::files(snapshot, scope, request)? {
            let Some(fragment) = message.fragments.get(fragment) else {
                continue;
            };
            let Some(entry) = fragment.files.get(entry) else {
                continue;
            };
            let (location, name) = dataset::file_place(snapshot, entry);
            candidates.push(Candidate {
                fragment: Some(fragment.id),
                entry: Some(entry),
                name,
                location: location.ok(),
            });
        }
        if let Scope::Parts { data_files, .. } = scope {
            let known: HashSet<&str> = message
                .fragments
                .iter()
                .flat_map(|fragment| &fragment.files)
                .map(|entry| entry.path.as_str())
                .collect();
            let strangers = data_files.iter().filter(|f| !known.contains(f.as_str()));
            candidates.extend(strangers.map(|name| alone(name)));
        }
        Ok(candidates)
    }

    fn folders(&self, root: &Location) -> (Vec<Folder>, bool) {
        let most = match self.asked.all_files {
            true => usize::MAX,
            false => MAX_ENTRIES,
        };
        let mut folders = Vec::new();
        let mut open = vec![(String::new(), 0)];
        while let Some((path, depth)) = open.pop() {
            if folders.len() >= MAX_FOLDERS {
                return (folders, true);
            }
            let listed = self.storage.list(&root.join(&path)).unwrap_or_default();
            let mut folder = Folder {
                path: path.clone(),
                files: 0,
                bytes: 0,
                entries: Vec::new(),
            };
            for entry in listed.iter().filter(|entry| !entry.is_dir) {
                folder.files += 1;
                folder.bytes = folder.bytes.saturating_add(entry.size);
                if folder.entries.len() < most {
                    folder.entries.push((entry.name.clone(), entry.size));
                }
            }
            let below = listed.iter().rev().filter(|entry| entry.is_dir);
            // Each branch is a dataset of its own.
            let below = below.filter(|entry| depth < MAX_DEPTH && entry.name != BRANCHES);
            open.extend(below.map(|entry| match path.as_str() {
                "" => (entry.name.clone(), 1),
                path => (format!("{path}/{}", entry.name), depth + 1),
            }));
            folders.push(folder);
        }
        (folders, false)
    }

    fn dump(
        &self,
        candidate: &Candidate<'_>,
        schema: Option<&FieldTree>,
        subjects: &[SubjectReport],
        request: &Request,
        caches: &Caches,
    ) -> FileDump {
        let contents = match &candidate.location {
            None => Err("is behind a base path that leads nowhere from here".to_string()),
            Some(location) => self.contents(candidate, location, schema, subjects, request, caches),
        };
        FileDump {
            name: candidate.name.clone(),
            fragment: candidate.fragment,
            contents,
        }
    }

    fn contents(
        &self,
        candidate: &Candidate<'_>,
        location: &Location,
        schema: Option<&FieldTree>,
        subjects: &[SubjectReport],
        request: &Request,
        caches: &Caches,
    ) -> Result<Contents, String> {
        let data = match candidate.entry {
            Some(entry) => {
                let raw = read(self.storage, location, entry.file_size_bytes);
                let mut data = DataFile::new(raw.map_err(|fault| why(&fault))?, caches);
                data.load_legacy_pages(self.storage, location, &entry.fields);
                data
            }
            None => file::open(self.storage, location)
                .0
                .map_err(|fault| match fault {
                    FileFault::Unreadable(fault) => why(&fault),
                    FileFault::Base(_) => "is behind a base path".to_string(),
                })?,
        };
        let own = data.schema.clone();
        let (tree, placed) = match (data.version, candidate.entry, schema, own.as_deref()) {
            (Some(version), Some(entry), Some(schema), _) => {
                let (ids, columns) = (&entry.fields, &entry.column_indices);
                let placed = join(schema, ids, columns, version, data.num_columns());
                (Some(schema), placed)
            }
            (Some(version), _, _, Some(own)) => {
                let placed = file::place(&data, version, own, caches);
                (Some(own), placed)
            }
            _ => (None, Vec::new()),
        };
        let places = places(subjects, &candidate.name);
        let columns = Columns {
            data: &data,
            tree,
            placed: &placed,
            request,
            places: &places,
            caches,
            all: self.asked.all_files,
        };
        let faults = data.faults.iter().map(|fault| {
            let detail = format!("{} {}", fault.part.name(), fault.detail);
            (fault.range.clone(), detail)
        });
        Ok(Contents {
            size: data.size(),
            trailing: data.trailing_bytes(),
            version: data.footer_version(),
            rows: data.rows,
            footer: data.footer().cloned(),
            global_buffers: data.global_buffers().to_vec(),
            schema: data.schema_fields(),
            faults: faults.collect(),
            total_columns: data.num_columns(),
            columns: columns.open(),
        })
    }
}

fn report(subjects: Vec<SubjectReport>) -> Report {
    Report {
        subjects,
        failures: Vec::new(),
        requests: 0,
        bytes_read: 0,
        notes: Vec::new(),
        halt: None,
        decoded: None,
    }
}

/// Why a data file cannot be read, as a clause.
fn why(fault: &Unreadable) -> String {
    match fault {
        Unreadable::Storage(StorageError::NotFound | StorageError::NotDirectory) => {
            "is not there".to_string()
        }
        Unreadable::Storage(error) => format!("cannot be read ({error})"),
        Unreadable::NotLance { size, looks, .. } => looks_clause(looks, *size)
            .unwrap_or_else(|| format!("does not end as a Lance file does ({size} bytes)")),
        Unreadable::TooShort { size, needed } => {
            format!("has {size} bytes, fewer than the {needed} of its footer")
        }
    }
}

fn findings(subjects: &[SubjectReport]) -> impl Iterator<Item = &Finding> {
    subjects.iter().flat_map(|subject| &subject.findings)
}

/// The places of findings in a file.
fn places<'a>(subjects: &'a [SubjectReport], name: &str) -> Vec<&'a Place> {
    let places = findings(subjects).flat_map(|finding| &finding.places);
    places
        .filter(|place| place.file.as_deref() == Some(name))
        .collect()
}

/// The files in which something was found, and the first of each version.
fn chosen(candidates: &[Candidate<'_>], subjects: &[SubjectReport]) -> Vec<usize> {
    let places = findings(subjects).flat_map(|finding| &finding.places);
    let named: HashSet<(Option<u64>, &str)> = places
        .filter_map(|place| Some((place.fragment, place.file.as_deref()?)))
        .collect();
    let mut chosen: BTreeSet<usize> = BTreeSet::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let name = candidate.name.as_str();
        let is_named = named.contains(&(candidate.fragment, name)) || named.contains(&(None, name));
        if is_named && chosen.len() < MAX_FILES {
            chosen.insert(at);
        }
    }
    let mut versions = HashSet::default();
    for (at, candidate) in candidates.iter().enumerate() {
        let version = candidate
            .entry
            .map(|entry| (entry.file_major_version, entry.file_minor_version));
        if versions.insert(version) {
            chosen.insert(at);
        }
    }
    chosen.into_iter().collect()
}

/// The columns of a data file.
struct Columns<'a> {
    data: &'a DataFile,
    tree: Option<&'a FieldTree>,
    placed: &'a [Placement],
    request: &'a Request,
    places: &'a [&'a Place],
    caches: &'a Caches,
    all: bool,
}

impl Columns<'_> {
    fn open(&self) -> Vec<OpenColumn> {
        let tree = self.tree;
        let mut fields: HashMap<u32, usize> = HashMap::default();
        for (at, placement) in self.placed.iter().enumerate() {
            if let Placement::Column(index) = placement {
                fields.entry(*index).or_insert(at);
            }
        }
        let field_of = |index: u32| fields.get(&index).copied();
        let indices = 0..self.data.num_columns().min(MAX_ASKED_COLUMNS);
        let wanted = tree.and_then(|tree| Wanted::new(tree, &self.request.columns, "").ok());
        let asked = !self.request.columns.is_empty();
        let mut chosen: BTreeSet<u32> = BTreeSet::new();
        if asked {
            let has = |at: usize| wanted.as_ref().is_some_and(|wanted| wanted.has(at));
            chosen.extend(indices.filter(|i| field_of(*i).is_some_and(has)));
        } else {
            let named = self.places.iter().filter_map(|place| place.column);
            let named = named.filter(|index| indices.contains(index));
            chosen.extend(named.take(MAX_COLUMNS));
            let most = match self.all {
                true => usize::MAX,
                false => MAX_COLUMNS,
            };
            for index in indices.clone() {
                if chosen.len() >= most {
                    break;
                }
                chosen.insert(index);
            }
        }
        let columns = chosen.into_iter().filter_map(|index| {
            let field = field_of(index).and_then(|at| tree?.fields.get(at));
            let column = match (self.data.version, field) {
                (Some(FileVersion::V0_1), Some(field)) => self.data.legacy_column(field),
                _ => self.data.column(index, self.caches),
            }?;
            let field = field.map(|field| (field.path.clone(), field.id));
            Some(self.column(index, field, column, asked))
        });
        columns.collect()
    }

    fn column(
        &self,
        index: u32,
        field: Option<(String, i32)>,
        column: Column,
        asked: bool,
    ) -> OpenColumn {
        let most = match asked {
            true => MAX_ASKED_PAGES,
            false => MAX_PAGES,
        };
        let mut groups: Vec<PageGroup> = Vec::new();
        for page in &column.pages {
            let notation = match &page.encoding {
                Ok(encoding) => encoding.notation.to_string(),
                Err(fault) => fault.to_string(),
            };
            let known = groups.iter_mut().find(|group| group.notation == notation);
            match known {
                Some(group) => {
                    group.pages += 1;
                    group.rows = group.rows.saturating_add(page.rows);
                    group.bytes = group.bytes.saturating_add(page.bytes());
                }
                None => groups.push(PageGroup {
                    notation,
                    pages: 1,
                    rows: page.rows,
                    bytes: page.bytes(),
                }),
            }
        }
        let here = self
            .places
            .iter()
            .filter(|place| place.column == Some(index));
        let named: HashSet<u64> = here.filter_map(|place| place.page).collect();
        let messages = self.data.page_encodings(index);
        let messages = messages.into_iter().chain(std::iter::repeat(None));
        let pages = (0u64..).zip(column.pages).zip(messages);
        let pages = pages.filter(|((at, _), _)| *at < most as u64 || named.contains(at));
        let pages = pages.map(|((at, page), message)| PageDump {
            index: at,
            rows: page.rows,
            priority: page.priority,
            buffers: page.buffers.into_vec(),
            buffer_counts: page.buffer_counts,
            encoding: page.encoding,
            message,
        });
        OpenColumn {
            index,
            field,
            metadata: self.data.column_metadata_range(index),
            encoding: column.encoding,
            buffers: column.buffers.into_vec(),
            faults: column.faults.into_iter().map(|f| f.detail).collect(),
            groups,
            pages: pages.collect(),
        }
    }
}

impl Bundle {
    /// The snapshot, when its manifest can be read.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.opened.as_ref()?.snapshot.as_ref()
    }
}
