//! Files of this machine.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::{Entry, Location, Meter, Storage, StorageError, Tail};

/// Local files. What it reads is counted in its [`Meter`].
#[derive(Debug, Default)]
pub struct LocalStorage {
    meter: Arc<Meter>,
}

impl LocalStorage {
    /// A storage that counts into `meter`.
    pub fn new(meter: Arc<Meter>) -> Self {
        Self { meter }
    }

    fn open(&self, location: &Location) -> Result<(File, u64), StorageError> {
        let mut options = File::options();
        options.read(true);
        // Opening a pipe waits for its other end, for ever if there is none.
        #[cfg(unix)]
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        let file = options.open(local(location)?).map_err(from_io)?;
        let metadata = file.metadata().map_err(from_io)?;
        if metadata.is_dir() {
            return Err(StorageError::IsDirectory);
        }
        if !metadata.is_file() {
            return Err(StorageError::Other("is not a regular file".to_string()));
        }
        Ok((file, metadata.len()))
    }

    /// Reads `range`, which the caller has held against the file's size.
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

    fn range(&self, location: &Location, range: Range<u64>) -> Result<Bytes, StorageError> {
        let (file, size) = self.open(location)?;
        if range.end > size || range.start > range.end {
            return Err(StorageError::OutOfRange { range, size });
        }
        self.read(file, range, size)
    }

    fn list(&self, location: &Location) -> Result<Vec<Entry>, StorageError> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(local(location)?).map_err(from_io)? {
            let entry = entry.map_err(from_io)?;
            let metadata = match std::fs::metadata(entry.path()) {
                Ok(metadata) => metadata,
                // Removed since the listing began, or a dangling link.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(from_io(error)),
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

    fn meter(&self) -> &Meter {
        &self.meter
    }
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
