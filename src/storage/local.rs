//! Files of this machine.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
#[cfg(unix)]
use std::os::fd::OwnedFd;
#[cfg(unix)]
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
#[cfg(unix)]
use rustix::fs::{Mode, OFlags};

use super::bases::dataset_of_branch;
use super::{Bases, Entry, Location, Meter, NotFollowed, Storage, StorageError, Tail};
#[cfg(unix)]
use crate::format::limits::TAIL_GUESS;

/// Local files. What it reads is counted in its [`Meter`].
#[derive(Debug, Default)]
pub struct LocalStorage {
    meter: Arc<Meter>,
    bases: Bases,
    /// Where a run that does not trust datasets may read.
    confines: RwLock<Vec<Confine>>,
    #[cfg(unix)]
    last_folder: RwLock<Option<Arc<Folder>>>,
}

/// A dataset or file that the user named, or a place that they allowed.
#[derive(Debug, PartialEq, Eq)]
struct Confine {
    /// Its path as it was named.
    named: PathBuf,
    /// Its path without symbolic links: what is below `named` must be below this.
    real: PathBuf,
    /// Whether other datasets may lead there.
    is_allowed: bool,
}

/// A folder that was opened. The next file is likely to be in it too, and the system finds it there
/// without walking the path to it again.
#[cfg(unix)]
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    opened: OwnedFd,
}

impl LocalStorage {
    /// A storage that counts into `meter`.
    pub fn new(meter: Arc<Meter>, bases: Bases) -> Self {
        Self {
            meter,
            bases,
            ..Self::default()
        }
    }

    /// A path of this machine that may be read: no symbolic link in it leads out of the confines.
    fn readable<'a>(&self, location: &'a Location) -> Result<&'a Path, StorageError> {
        let path = local(location)?;
        match self.is_confined(path) {
            true => Ok(path),
            false => Err(StorageError::LinkOutside),
        }
    }

    /// Whether no symbolic link in a path leads out of the dataset that it belongs to.
    fn is_confined(&self, path: &Path) -> bool {
        if !self.bases.untrusted {
            return true;
        }
        let Ok(real) = std::fs::canonicalize(path) else {
            // A name that cannot be made out may be opened all the same: one that is too long, or
            // that of an open file which was removed. Of what is not there, the folder counts.
            let folder = path.parent().filter(|above| !above.as_os_str().is_empty());
            return std::fs::metadata(path).is_err()
                && folder.is_none_or(|above| self.is_confined(above));
        };
        let confines = self.confines.read();
        let confines = confines.unwrap_or_else(PoisonError::into_inner);
        let around = confines.iter().filter(|top| path.starts_with(&top.named));
        // A dataset may lie in another one that was named.
        match around.max_by_key(|top| top.named.as_os_str().len()) {
            Some(own) if real.starts_with(&own.real) => true,
            Some(_) => {
                let mut allowed = confines.iter().filter(|top| top.is_allowed);
                allowed.any(|top| real.starts_with(&top.real))
            }
            None => confines.iter().any(|top| real.starts_with(&top.real)),
        }
    }

    /// A file in a folder, which is kept open for the next one.
    #[cfg(unix)]
    fn open_in_folder(&self, path: &Path) -> Option<File> {
        let name = path.file_name()?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())?;
        let last = self.last_folder.read();
        let last = last.unwrap_or_else(PoisonError::into_inner).clone();
        // As bytes: comparing paths part by part costs more than it saves.
        let known = last.filter(|last| last.path.as_os_str() == folder.as_os_str());
        let folder = match known {
            Some(known) => known,
            None if !self.is_confined(folder) => return None,
            None => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let opened = rustix::fs::open(folder, flags, Mode::empty()).ok()?;
                let folder = Arc::new(Folder {
                    path: folder.to_path_buf(),
                    opened,
                });
                let kept = self.last_folder.write();
                *kept.unwrap_or_else(PoisonError::into_inner) = Some(folder.clone());
                folder
            }
        };
        // Opening a pipe waits for its other end, forever if there is none.
        let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        if self.bases.untrusted {
            // Where it leads is looked at before it is opened in the other way.
            flags |= OFlags::NOFOLLOW;
        }
        let file = rustix::fs::openat(&folder.opened, name, flags, Mode::empty());
        file.ok().map(File::from)
    }

    /// The end of a file that is of the size that is stated, without asking for it: it is if one
    /// byte more than there may be does not come.
    #[cfg(unix)]
    fn stated_end(&self, location: &Location, want: u64, stated: u64) -> Option<Tail> {
        let file = self.open_in_folder(location.as_path()?)?;
        let length = usize::try_from(want.min(stated)).ok()?;
        let claim = self.meter.admit(length as u64).ok()?;
        let mut buffer = vec![0; length.checked_add(1)?];
        let read = file.read_at(&mut buffer, stated - length as u64).ok()?;
        if read != length {
            return None;
        }
        buffer.truncate(length);
        claim.came(length);
        Some(Tail {
            size: stated,
            bytes: Bytes::from(buffer),
        })
    }

    fn open(&self, location: &Location) -> Result<(File, u64), StorageError> {
        let (file, metadata) = open_at_once(self.readable(location)?).map_err(from_io)?;
        if metadata.is_dir() {
            return Err(StorageError::IsDirectory);
        }
        if !metadata.is_file() {
            return Err(StorageError::Other("is not a regular file".to_string()));
        }
        Ok((file, metadata.len()))
    }

    /// Reads `range`, which the caller has compared with the file's size.
    fn read(&self, mut file: File, range: Range<u64>, size: u64) -> Result<Bytes, StorageError> {
        let length = range.end.saturating_sub(range.start);
        let claim = self.meter.admit(length)?;
        let capacity = usize::try_from(length).map_err(|_| too_large(length))?;
        let mut buffer = Vec::new();
        buffer
            .try_reserve_exact(capacity)
            .map_err(|_| too_large(length))?;
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start)).map_err(from_io)?;
        }
        file.take(length)
            .read_to_end(&mut buffer)
            .map_err(from_io)?;
        if buffer.len() != capacity {
            // The file shrank between its size and this read.
            return Err(StorageError::OutOfRange { range, size });
        }
        claim.came(buffer.len());
        Ok(Bytes::from(buffer))
    }
}

impl Storage for LocalStorage {
    fn tail(&self, location: &Location, want: u64) -> Result<Tail, StorageError> {
        let (file, size) = self.open(location)?;
        let bytes = self.read(file, size.saturating_sub(want)..size, size)?;
        Ok(Tail { size, bytes })
    }

    #[cfg(unix)]
    fn tail_stated(
        &self,
        location: &Location,
        want: u64,
        stated: u64,
    ) -> Result<Tail, StorageError> {
        // The tail of a larger guess than this would be read into a buffer that is cleared first.
        if stated > 0 && want <= TAIL_GUESS {
            match self.stated_end(location, want, stated) {
                Some(tail) => return Ok(tail),
                None if self.meter.halted().is_some() => return Err(StorageError::Halted),
                // It is of another size, or not there, or no file.
                None => {}
            }
        }
        self.tail(location, want)
    }

    fn range(&self, location: &Location, range: Range<u64>) -> Result<Bytes, StorageError> {
        let (file, size) = self.open(location)?;
        if range.end > size || range.start > range.end {
            return Err(StorageError::OutOfRange { range, size });
        }
        self.read(file, range, size)
    }

    fn list(&self, location: &Location) -> Result<Vec<Entry>, StorageError> {
        let mut entries = Vec::new();
        let folder = self.readable(location)?;
        for entry in std::fs::read_dir(folder).map_err(from_io)? {
            let entry = entry.map_err(from_io)?;
            let is_link = entry.file_type().map_err(from_io)?.is_symlink();
            let metadata = match std::fs::metadata(entry.path()) {
                // Nothing is told of what lies outside.
                Ok(_) if is_link && !self.is_confined(&entry.path()) => {
                    entry.metadata().map_err(from_io)?
                }
                Ok(metadata) => metadata,
                // Removed since the listing began, or a dangling link.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                // A link that leads to itself, or to where nobody may look, hides nothing else of
                // the folder; to read it fails by itself.
                Err(_) => entry.metadata().map_err(from_io)?,
            };
            entries.push(Entry {
                name: entry.file_name().to_string_lossy().into_owned(),
                is_dir: metadata.is_dir(),
                size: if metadata.is_dir() { 0 } else { metadata.len() },
                modified: metadata.modified().ok(),
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn is_dir(&self, location: &Location) -> Result<Option<bool>, StorageError> {
        match std::fs::metadata(local(location)?) {
            Ok(metadata) => Ok(Some(metadata.is_dir())),
            Err(error) => match from_io(error) {
                StorageError::NotFound | StorageError::NotDirectory => Ok(None),
                other => Err(other),
            },
        }
    }

    fn follows(&self, root: &Location, base: &Location) -> Result<(), NotFollowed> {
        self.bases.judge(self, root, base)
    }

    fn follows_links(&self) -> bool {
        !self.bases.untrusted
    }

    fn confine(&self, root: &Location) {
        if !self.bases.untrusted {
            return;
        }
        let root = dataset_of_branch(self, root);
        let allowed = self.bases.allowed.iter().map(|allowed| (allowed, true));
        let tops = std::iter::once((&root, false)).chain(allowed);
        let confine = |(top, is_allowed): (&Location, bool)| {
            let named = top.as_path()?.to_path_buf();
            let real = std::fs::canonicalize(&named).ok()?;
            Some(Confine {
                named,
                real,
                is_allowed,
            })
        };
        let confines = self.confines.write();
        let mut confines = confines.unwrap_or_else(PoisonError::into_inner);
        for top in tops.filter_map(confine) {
            if !confines.contains(&top) {
                confines.push(top);
            }
        }
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }
}

/// Opens what is at a path. A pipe would be waited for until its other end is opened, forever if
/// nobody does.
pub(super) fn open_at_once(path: &Path) -> io::Result<(File, Metadata)> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

fn local(location: &Location) -> Result<&Path, StorageError> {
    let path = location.as_path();
    path.ok_or_else(|| StorageError::Other(format!("{location} is not on this machine")))
}

fn too_large(length: u64) -> StorageError {
    StorageError::Other(format!("no memory for a read of {length} bytes"))
}

fn from_io(error: io::Error) -> StorageError {
    match error.kind() {
        ErrorKind::NotFound => StorageError::NotFound,
        ErrorKind::PermissionDenied => StorageError::Denied,
        ErrorKind::IsADirectory => StorageError::IsDirectory,
        ErrorKind::NotADirectory => StorageError::NotDirectory,
        _ => StorageError::Other(error.to_string()),
    }
}
