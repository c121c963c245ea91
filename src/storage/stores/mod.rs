//! Object stores, beside the files of this machine.
//!
//! Reads are asynchronous inside and block the thread that asks, so that many threads make many
//! requests at once. What a store fails at for good, such as access that it denies, ends the run:
//! half-read datasets must not look damaged.

mod client;
mod connect;
mod fault;
pub(super) mod names;
mod profile;

use std::future::Future;
use std::ops::Range;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures::future::{Either, select};
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;

use connect::Store;
pub use connect::is_known_option;
use fault::Fault;

use super::{
    Entry, LocalStorage, Location, Meter, NotFollowed, Options, StopReason, Storage, StorageError,
    Tail,
};
use crate::format::limits::{MAX_PROBED_VERSIONS, TAIL_GUESS};
use crate::hash::HashMap;

/// How often a reading thread looks whether the run is at its end.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Times that a body which breaks off is asked for again.
const BODY_RETRIES: u32 = 3;

/// Wait before that, doubled each time.
const BODY_WAIT: Duration = Duration::from_millis(100);

/// Longest wait.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The name in which Lance notes the latest version (lance-table `io/commit.rs`).
const VERSION_HINT: &str = "latest_version_hint.json";

/// What a store is known to hold in a folder.
type Listing = Arc<Vec<Entry>>;

/// A store, or why it cannot be reached.
type Connected = Result<Arc<Store>, String>;

/// Local files and object stores as one storage.
#[derive(Debug)]
pub struct Stores {
    local: LocalStorage,
    meter: Arc<Meter>,
    options: Options,
    runtime: OnceLock<Runtime>,
    stores: Mutex<HashMap<Arc<str>, Connected>>,
    listings: Mutex<HashMap<Location, Result<Listing, StorageError>>>,
    /// When a store that asked to slow down may be asked again.
    braked_until: Mutex<Option<Instant>>,
}

impl Stores {
    /// Connects to nothing yet.
    pub fn new(local: LocalStorage, meter: Arc<Meter>, options: Options) -> Self {
        let given = options.clients.iter().map(|(name, client)| {
            let name = name.trim_end_matches('/');
            let store = Store::of_client(name, client.clone());
            (Arc::from(name), Ok(Arc::new(store)))
        });
        Self {
            local,
            meter,
            stores: Mutex::new(given.collect()),
            options,
            runtime: OnceLock::new(),
            listings: Mutex::default(),
            braked_until: Mutex::default(),
        }
    }

    fn runtime(&self) -> Result<&Runtime, StorageError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let built = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let built = built.map_err(|error| StorageError::Other(error.to_string()))?;
        Ok(self.runtime.get_or_init(|| built))
    }

    /// Runs to the end of a request, or to that of the run.
    fn wait<T>(&self, request: impl Future<Output = T>) -> Result<T, StorageError> {
        self.runtime()?.block_on(async {
            let mut request = pin!(request);
            loop {
                let look_up = pin!(tokio::time::sleep(LOOK_UP));
                match select(request.as_mut(), look_up).await {
                    Either::Left((done, _)) => return Ok(done),
                    // What was asked for within a limit is waited for.
                    Either::Right(_)
                        if matches!(
                            self.meter.halted(),
                            Some(
                                StopReason::Interrupted
                                    | StopReason::Timeout(_)
                                    | StopReason::Failed(_)
                            )
                        ) =>
                    {
                        return Err(StorageError::Halted);
                    }
                    Either::Right(_) => {}
                }
            }
        })
    }

    /// The store of a location, and the key there.
    fn find(&self, location: &Location) -> Result<Option<(Arc<Store>, Key)>, StorageError> {
        let Some((name, path)) = location.as_key() else {
            return Ok(None);
        };
        let key = Key::parse(path).map_err(|_| StorageError::NotFound)?;
        let known = lock(&self.stores).get(name).cloned();
        let store = match known {
            Some(known) => known,
            None => {
                let made = self.wait(connect::connect(name, &self.options.store))?;
                let made = made.map(Arc::new);
                lock(&self.stores).insert(name.clone(), made.clone());
                made
            }
        };
        match store {
            Ok(store) => Ok(Some((store, key))),
            Err(why) => Err(self.fail(location, why)),
        }
    }

    /// Ends the run, since a store does not answer as it must.
    fn fail(&self, location: &Location, why: String) -> StorageError {
        self.meter
            .halt(StopReason::Failed(format!("cannot read {location}: {why}")));
        StorageError::Other(why)
    }

    /// What a fault is to those who asked.
    fn to_error(&self, location: &Location, fault: Fault) -> StorageError {
        match fault {
            Fault::Halted => StorageError::Halted,
            Fault::NotFound => StorageError::NotFound,
            Fault::Range => self.fail(
                location,
                "the store gives other bytes than asked for".into(),
            ),
            Fault::NoListing => {
                let why = "the server lists no folders (it takes no PROPFIND)".to_string();
                StorageError::Other(why)
            }
            Fault::Broken(why) | Fault::Busy(why) | Fault::Failed(why) => self.fail(location, why),
        }
    }

    /// One ranged read with its body, tried again when the body breaks off.
    fn get(
        &self,
        store: &Store,
        key: &Key,
        range: GetRange,
        bytes: u64,
    ) -> Result<(u64, Bytes), Fault> {
        self.retry(store, || {
            let claim = self.meter.admit(bytes).map_err(|_| Fault::Halted)?;
            let options = GetOptions {
                range: Some(range.clone()),
                ..GetOptions::default()
            };
            let read = self.wait(async {
                let result: GetResult = store.inner.get_opts(key, options).await?;
                let size = result.meta.size;
                let expected = result.range.end.saturating_sub(result.range.start);
                let body = result.bytes().await?;
                Ok::<_, object_store::Error>((size, expected, body))
            });
            match read {
                Err(_) => Err(Fault::Halted),
                Ok(Ok((size, expected, body))) if body.len() as u64 == expected => {
                    claim.came(body.len());
                    Ok((size, body))
                }
                Ok(Ok((_, expected, body))) => Err(Fault::Broken(format!(
                    "the answer breaks off after {} of {expected} bytes",
                    body.len()
                ))),
                Ok(Err(error)) => Err(store.fault(&error)),
            }
        })
    }

    /// Asks until there is an answer, or no hope of one.
    fn retry<T>(
        &self,
        store: &Store,
        mut ask: impl FnMut() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let started = Instant::now();
        let mut wait = BODY_WAIT;
        let mut broken = 0;
        loop {
            self.wait_for_back_off()?;
            let fault = match ask() {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            let patient = started.elapsed() < store.patience;
            match &fault {
                Fault::Broken(_) if patient && broken < BODY_RETRIES => {
                    broken += 1;
                    self.pause(wait)?;
                }
                Fault::Busy(_) if patient => self.back_off(wait),
                _ => return Err(fault),
            }
            wait = wait.saturating_mul(2).min(MAX_WAIT);
        }
    }

    /// Lets nobody ask for a while: those who are served would take all that the others wait for.
    fn back_off(&self, wait: Duration) {
        let mut until = lock(&self.braked_until);
        let later = Instant::now() + wait;
        *until = Some(until.map_or(later, |until| until.max(later)));
    }

    /// Waits while nobody may ask.
    fn wait_for_back_off(&self) -> Result<(), Fault> {
        let until = *lock(&self.braked_until);
        match until.and_then(|until| until.checked_duration_since(Instant::now())) {
            Some(wait) => self.pause(wait),
            None => Ok(()),
        }
    }

    /// Asks to make a request that returns no bytes of an object.
    fn ask(&self) -> Result<(), Fault> {
        let claim = self.meter.admit(0);
        claim.map(drop).map_err(|_| Fault::Halted)
    }

    fn pause(&self, wait: Duration) -> Result<(), Fault> {
        // Made inside, where its clock is.
        let slept = self.wait(async { tokio::time::sleep(wait).await });
        slept.map_err(|_| Fault::Halted)
    }

    /// The size of an object.
    fn head(&self, store: &Store, key: &Key) -> Result<u64, Fault> {
        self.retry(store, || {
            self.ask()?;
            match self.wait(store.inner.head(key)) {
                Err(_) => Err(Fault::Halted),
                Ok(Ok(meta)) => Ok(meta.size),
                Ok(Err(error)) => Err(store.fault(&error)),
            }
        })
    }

    /// The last bytes of an object of so many bytes.
    fn end(&self, store: &Store, key: &Key, want: u64, size: u64) -> Result<Tail, Fault> {
        if size == 0 {
            return Ok(Tail {
                size,
                bytes: Bytes::new(),
            });
        }
        let range = size.saturating_sub(want)..size;
        let bytes = range.end - range.start;
        let (real, bytes) = self.get(store, key, GetRange::Bounded(range), bytes)?;
        match real == size {
            true => Ok(Tail { size, bytes }),
            false => Err(Fault::Range),
        }
    }

    /// The last bytes of an object whose size nobody knows.
    fn unknown_end(&self, store: &Store, key: &Key, want: u64) -> Result<Tail, Fault> {
        if store.takes_suffixes {
            let expected = want.min(TAIL_GUESS);
            match self.get(store, key, GetRange::Suffix(want), expected) {
                Ok((size, bytes)) => return Ok(Tail { size, bytes }),
                // An empty object has no last byte, and some servers know no such range.
                Err(Fault::Range) => {}
                Err(fault) => return Err(fault),
            }
        }
        let size = self.head(store, key)?;
        self.end(store, key, want, size)
    }

    /// What a listing that was made before says of a name: its entry, or that it is not there.
    fn listed(&self, location: &Location) -> Option<Option<Entry>> {
        let parent = location.parent()?;
        let listings = lock(&self.listings);
        match listings.get(&parent)? {
            Ok(entries) => {
                let name = location.file_name();
                Some(entries.iter().find(|entry| entry.name == name).cloned())
            }
            Err(StorageError::NotFound) => Some(None),
            Err(_) => None,
        }
    }

    /// Whether a folder above was listed and does not have what leads there.
    fn is_known_absent(&self, location: &Location) -> bool {
        let mut at = Some(location.clone());
        while let Some(here) = at {
            if matches!(self.listed(&here), Some(None)) {
                return true;
            }
            at = here.parent();
        }
        false
    }

    fn list_store(
        &self,
        location: &Location,
        store: &Store,
        key: &Key,
    ) -> Result<Vec<Entry>, Fault> {
        let listed = self.retry(store, || {
            self.ask()?;
            match self.wait(store.inner.list_with_delimiter(Some(key))) {
                Err(_) => Err(Fault::Halted),
                Ok(Ok(listed)) => Ok(listed),
                Ok(Err(error)) => Err(store.fault_of_listing(&error)),
            }
        });
        let listed = match listed {
            Err(Fault::NoListing) if location.file_name() == "_versions" => {
                return self.probe_versions(store, key);
            }
            listed => listed?,
        };
        let folders = listed.common_prefixes.iter().filter_map(|prefix| {
            Some(Entry {
                name: prefix.filename()?.to_string(),
                is_dir: true,
                size: 0,
                modified: None,
            })
        });
        let files = listed.objects.iter().filter_map(|object| {
            Some(Entry {
                name: object.location.filename()?.to_string(),
                is_dir: false,
                size: object.size,
                modified: Some(SystemTime::from(object.last_modified)),
            })
        });
        let mut entries: Vec<Entry> = folders.chain(files).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let pages = entries.len().saturating_sub(1) / store.keys_in_a_page;
        for _ in 0..pages {
            self.ask()?;
        }
        match entries.is_empty() {
            // Stores have no empty folders.
            true => Err(Fault::NotFound),
            false => Ok(entries),
        }
    }

    /// The latest manifest, where a server lists nothing: from the version that Lance noted in
    /// `latest_version_hint.json` upwards, as Lance itself does (lance-table `io/commit.rs`).
    fn probe_versions(&self, store: &Store, folder: &Key) -> Result<Vec<Entry>, Fault> {
        #[derive(serde::Deserialize)]
        struct Hint {
            version: u64,
        }
        let hint = folder.clone().join(VERSION_HINT);
        let hint = match self.unknown_end(store, &hint, TAIL_GUESS) {
            Ok(tail) => tail.bytes,
            Err(Fault::NotFound) => return Err(Fault::NoListing),
            Err(fault) => return Err(fault),
        };
        let Ok(Hint { version }) = serde_json::from_slice(&hint) else {
            return Err(Fault::NoListing);
        };
        let names = |version: u64| {
            [
                format!("{:020}.manifest", u64::MAX - version),
                format!("{version}.manifest"),
            ]
        };
        let mut latest = Vec::new();
        for (count, version) in (version..).enumerate() {
            if count >= MAX_PROBED_VERSIONS {
                return Err(Fault::Failed(format!(
                    "the server has {MAX_PROBED_VERSIONS} versions or more after the one that \
                     _versions/{VERSION_HINT} names, and lists none"
                )));
            }
            let mut found = None;
            for name in names(version) {
                match self.head(store, &folder.clone().join(name.as_str())) {
                    Ok(size) => {
                        found = Some(Entry {
                            name,
                            is_dir: false,
                            size,
                            modified: None,
                        });
                        break;
                    }
                    Err(Fault::NotFound) => {}
                    Err(fault) => return Err(fault),
                }
            }
            match found {
                Some(entry) => latest = vec![entry],
                None => break,
            }
        }
        match latest.is_empty() {
            true => Err(Fault::NoListing),
            false => Ok(latest),
        }
    }

    fn list_remote(
        &self,
        location: &Location,
        store: &Store,
        key: &Key,
    ) -> Result<Listing, StorageError> {
        if let Some(known) = lock(&self.listings).get(location) {
            return known.clone();
        }
        if self.is_known_absent(location) {
            return Err(StorageError::NotFound);
        }
        let listed = self.list_store(location, store, key).map(Arc::new);
        let listed = listed.map_err(|fault| self.to_error(location, fault));
        if !matches!(listed, Err(StorageError::Halted)) {
            lock(&self.listings).insert(location.clone(), listed.clone());
        }
        listed
    }

    fn is_object(
        &self,
        location: &Location,
        store: &Store,
        key: &Key,
    ) -> Result<bool, StorageError> {
        match self.head(store, key) {
            Ok(_) => Ok(true),
            Err(Fault::NotFound) => Ok(false),
            Err(fault) => Err(self.to_error(location, fault)),
        }
    }
}

/// Whether something is more likely a file than a folder, by its name.
fn looks_like_file(location: &Location) -> bool {
    let name = location.file_name();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let in_data = || location.parent().is_some_and(|p| p.file_name() == "data");
    match extension {
        Some("manifest" | "arrow" | "bin" | "txn" | "idx" | "json" | "blob") => true,
        Some("lance") => in_data(),
        _ => false,
    }
}

impl Storage for Stores {
    fn tail(&self, location: &Location, want: u64) -> Result<Tail, StorageError> {
        self.tail_stated(location, want, 0)
    }

    fn tail_stated(
        &self,
        location: &Location,
        want: u64,
        stated: u64,
    ) -> Result<Tail, StorageError> {
        let Some((store, key)) = self.find(location)? else {
            return self.local.tail_stated(location, want, stated);
        };
        let size = match self.listed(location) {
            Some(Some(entry)) if entry.is_dir => return Err(StorageError::IsDirectory),
            Some(Some(entry)) => entry.size,
            _ if self.is_known_absent(location) => return Err(StorageError::NotFound),
            _ => stated,
        };
        if size > 0 {
            match self.end(&store, &key, want, size) {
                Ok(tail) => return Ok(tail),
                // It is not of the size that is stated.
                Err(Fault::Range) => {}
                Err(fault) => return Err(self.to_error(location, fault)),
            }
        }
        let tail = self.unknown_end(&store, &key, want);
        tail.map_err(|fault| self.to_error(location, fault))
    }

    fn range(&self, location: &Location, range: Range<u64>) -> Result<Bytes, StorageError> {
        let Some((store, key)) = self.find(location)? else {
            return self.local.range(location, range);
        };
        let length = range.end.saturating_sub(range.start);
        let out_of_range = |size| StorageError::OutOfRange {
            range: range.clone(),
            size,
        };
        if length == 0 {
            return match range.start > range.end {
                true => Err(out_of_range(0)),
                false => Ok(Bytes::new()),
            };
        }
        match self.get(&store, &key, GetRange::Bounded(range.clone()), length) {
            Ok((size, bytes)) if bytes.len() as u64 != length => Err(out_of_range(size)),
            Ok((_, bytes)) => Ok(bytes),
            Err(Fault::Range) => match self.head(&store, &key) {
                Ok(size) if size < range.end => Err(out_of_range(size)),
                Ok(_) => Err(self.to_error(location, Fault::Range)),
                Err(fault) => Err(self.to_error(location, fault)),
            },
            Err(fault) => Err(self.to_error(location, fault)),
        }
    }

    fn list(&self, location: &Location) -> Result<Vec<Entry>, StorageError> {
        let Some((store, key)) = self.find(location)? else {
            return self.local.list(location);
        };
        let listed = self.list_remote(location, &store, &key)?;
        Ok(listed.as_ref().clone())
    }

    fn is_dir(&self, location: &Location) -> Result<Option<bool>, StorageError> {
        let Some((store, key)) = self.find(location)? else {
            return self.local.is_dir(location);
        };
        if let Some(known) = self.listed(location) {
            return Ok(known.map(|entry| entry.is_dir));
        }
        if self.is_known_absent(location) {
            return Ok(None);
        }
        let is_whole_store = key.as_ref().is_empty();
        let file_first = looks_like_file(location);
        if file_first && self.is_object(location, &store, &key)? {
            return Ok(Some(false));
        }
        match self.list_remote(location, &store, &key) {
            Ok(_) => return Ok(Some(true)),
            Err(StorageError::NotFound) => {}
            // It may list nothing and have the dataset all the same.
            Err(StorageError::Other(_)) if self.meter.halted().is_none() => {
                let versions = location.join("_versions");
                if location.file_name() != "_versions" && self.list(&versions).is_ok() {
                    return Ok(Some(true));
                }
            }
            Err(error) => return Err(error),
        }
        if !file_first && !is_whole_store && self.is_object(location, &store, &key)? {
            return Ok(Some(false));
        }
        Ok(None)
    }

    fn follows(&self, root: &Location, base: &Location) -> Result<(), NotFollowed> {
        self.options.bases.judge(self, root, base)
    }

    fn follows_links(&self) -> bool {
        self.local.follows_links()
    }

    fn confine(&self, root: &Location) {
        self.local.confine(root);
    }

    fn concurrency(&self, location: &Location) -> Option<usize> {
        location.as_key()?;
        Some(self.options.concurrency.max(1))
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
