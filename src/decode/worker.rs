//! The worker: reads through Lance's own decoder in a process of its own, which may panic, hang,
//! run out of memory or abort without harm to anyone else.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lance_core::Error;
use tokio::runtime::{Builder, Runtime};

use super::digest::Digest;
use super::protocol::{Open, Read, Reply, Request, Task};
use super::reader::DataFile;

/// Threads for reads of files, which block.
const BLOCKING_THREADS: usize = 4;

/// Answers requests on standard input until it ends. `memory`: MiB of address space that the
/// process may take; no limit where the platform has none.
///
/// # Errors
/// Standard input or output fails, or the limit or the runtime cannot be set up.
pub fn serve(memory: Option<u64>) -> io::Result<()> {
    limit_memory(memory)?;
    watch_panics();
    let mut worker = Worker {
        runtime: runtime()?,
        open: None,
        file: None,
    };
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let reply = match serde_json::from_str::<Request>(&line?) {
            Ok(request) => worker.answer(request)?,
            Err(error) => Reply {
                error: Some(format!("the request cannot be understood: {error}")),
                ..Reply::default()
            },
        };
        serde_json::to_writer(&mut out, &reply)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}

#[cfg(unix)]
fn limit_memory(memory: Option<u64>) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let Some(mebibytes) = memory else {
        return Ok(());
    };
    let limit = Some(mebibytes.saturating_mul(1 << 20));
    let limit = Rlimit {
        current: limit,
        maximum: limit,
    };
    Ok(setrlimit(Resource::As, limit)?)
}

#[cfg(not(unix))]
fn limit_memory(_memory: Option<u64>) -> io::Result<()> {
    Ok(())
}

/// One thread runs everything: readers start threads of their own where they want them.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
}

struct Worker {
    runtime: Runtime,
    open: Option<Open>,
    /// `None` after a panic, which may have left it in any state.
    file: Option<DataFile>,
}

impl Worker {
    fn answer(&mut self, request: Request) -> io::Result<Reply> {
        first_panic().take();
        let outcome = catch_unwind(AssertUnwindSafe(|| match request.task {
            Task::Open(open) => self.open(open),
            Task::Read(read) => self.read(&read),
        }));
        let panic = first_panic().take();
        let reply = match (outcome, panic) {
            (Ok(Ok(reply)), _) => reply,
            (Ok(Err(error)), None) => Reply {
                error: Some(error.to_string()),
                ..Reply::default()
            },
            // An error after a panic on another thread only says that something went away.
            (_, panic) => {
                let panic = panic.unwrap_or_default();
                self.file = None;
                let old = std::mem::replace(&mut self.runtime, runtime()?);
                old.shutdown_background();
                Reply {
                    panic: Some(panic.message),
                    at: Some(panic.at),
                    ..Reply::default()
                }
            }
        };
        Ok(Reply {
            id: request.id,
            ..reply
        })
    }

    fn open(&mut self, open: Open) -> Result<Reply, Error> {
        self.file = None;
        let open = self.open.insert(open);
        let file = self.runtime.block_on(DataFile::open(open))?;
        let version = file.version();
        self.file = Some(file);
        Ok(Reply {
            version: Some(version),
            ..Reply::default()
        })
    }

    fn read(&mut self, read: &Read) -> Result<Reply, Error> {
        let file = match (&mut self.file, &self.open) {
            (Some(file), _) => file,
            (None, Some(open)) => {
                let file = self.runtime.block_on(DataFile::open(open))?;
                self.file.insert(file)
            }
            (None, None) => return Err(Error::invalid_input("no file is open")),
        };
        let mut rows = 0;
        let mut digests: BTreeMap<i32, Digest> = BTreeMap::new();
        let reading = file.read(read, |schema, batch| {
            rows += batch.num_rows() as u64;
            let columns = schema.fields.iter().zip(batch.columns());
            for (field, column) in columns.filter(|_| read.digest) {
                let digest = digests.entry(field.id).or_default();
                digest.add(column).map_err(Error::not_supported)?;
            }
            Ok(())
        });
        self.runtime.block_on(reading)?;
        let finish = |(id, digest): (i32, Digest)| (id, digest.finish());
        Ok(Reply {
            rows: Some(rows),
            digests: read
                .digest
                .then(|| digests.into_iter().map(finish).collect()),
            ..Reply::default()
        })
    }
}

/// A panic, as its hook sees it.
#[derive(Default)]
struct Panic {
    message: String,
    at: String,
}

static FIRST_PANIC: Mutex<Option<Panic>> = Mutex::new(None);

/// The first panic since it was last taken, on whichever thread.
fn first_panic() -> MutexGuard<'static, Option<Panic>> {
    FIRST_PANIC.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch_panics() {
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned());
        let place = info.location().map(|at| {
            let file = Path::new(at.file()).file_name().unwrap_or_default();
            format!("{}:{}", file.display(), at.line())
        });
        first_panic().get_or_insert(Panic {
            message: text.unwrap_or_default(),
            at: place.unwrap_or_default(),
        });
    }));
}
