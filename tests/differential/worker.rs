//! The decoder: processes of `lance-lint decode-worker`, each asked one thing at a time.
//!
//! A decoder that reads what is broken may panic, abort, allocate without end or never answer. Each
//! of these is an answer too.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::subject::{Assembled, signed};

/// How long a reply may take. The only thing that depends on time.
const HANG: Duration = Duration::from_secs(20);
/// MiB of address space that a worker may take: a decoder that wants more has been misled.
const MEMORY: &str = "6000";

/// What came of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Opened,
    Read {
        rows: u64,
        digests: BTreeMap<i64, String>,
    },
    Error(String),
    Panic(String),
    Abort(String),
    Hang,
}

impl Reply {
    /// What failed, if it did.
    pub fn failure(&self) -> Option<String> {
        match self {
            Self::Opened | Self::Read { .. } => None,
            Self::Error(text) => Some(format!("error: {text}")),
            Self::Panic(text) => Some(format!("panic: {text}")),
            Self::Abort(text) => Some(format!("abort: {text}")),
            Self::Hang => Some(format!("hang: no reply in {HANG:?}")),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened => f.write_str("opened"),
            Self::Read { rows, digests } => {
                write!(f, "{rows} rows")?;
                for (id, digest) in digests {
                    write!(f, ", {id}: {}", digest.get(..12).unwrap_or(digest))?;
                }
                Ok(())
            }
            failed => f.write_str(&failed.failure().unwrap_or_default()),
        }
    }
}

/// Rows of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    Range(u64, u64),
    Indices(Vec<u32>),
}

struct Process {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    complaints: Arc<Mutex<String>>,
}

/// A worker that is started again whenever it dies.
pub struct Worker {
    process: Option<Process>,
    next: u64,
    pub starts: u64,
}

impl Worker {
    pub fn new() -> Self {
        Self {
            process: None,
            next: 0,
            starts: 0,
        }
    }

    pub fn open(&mut self, path: &Path, case: &Assembled) -> Reply {
        let file = case.data_file();
        let numbers = |name| -> Vec<i64> {
            let numbers = file.map(|file| file.numbers(name)).unwrap_or_default();
            numbers.into_iter().map(signed).collect()
        };
        self.ask(json!({"open": {
            "path": path,
            "schema": hex(&case.schema()),
            "ids": numbers("fields"),
            "column_indices": numbers("column_indices"),
            "size": file.map_or(0, |file| file.get("file_size_bytes")),
            "rows": case.physical_rows(),
        }}))
    }

    pub fn read(&mut self, columns: Option<&[i64]>, rows: &Rows) -> Reply {
        let rows = match rows {
            Rows::Range(from, to) => json!({"range": [from, to]}),
            Rows::Indices(indices) => json!({"indices": indices}),
        };
        self.ask(json!({"read": {
            "columns": columns, "rows": rows, "digest": true, "blobs": "descriptors",
        }}))
    }

    fn ask(&mut self, mut request: Value) -> Reply {
        self.next += 1;
        let id = self.next;
        request["id"] = json!(id);
        if self.process.is_none() {
            self.process = Some(Process::start());
            self.starts += 1;
        }
        let Some(process) = &mut self.process else {
            unreachable!("it was started just now");
        };
        let sent = writeln!(process.input, "{request}").and_then(|()| process.input.flush());
        let reply = match sent {
            Ok(()) => process.lines.recv_timeout(HANG),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        };
        match reply {
            Ok(line) => understand(id, &line),
            Err(RecvTimeoutError::Timeout) => {
                self.stop();
                Reply::Hang
            }
            Err(RecvTimeoutError::Disconnected) => Reply::Abort(self.stop()),
        }
    }

    /// Ends the process and returns how it ended, with the last that it complained of.
    fn stop(&mut self) -> String {
        let Some(mut process) = self.process.take() else {
            return String::new();
        };
        drop(process.child.kill());
        let status = process
            .child
            .wait()
            .map_or_else(|e| e.to_string(), |status| status.to_string());
        // What it wrote to standard error is there once its end of the pipe is closed.
        std::thread::sleep(Duration::from_millis(20));
        let complaints = process.complaints.lock().unwrap();
        let mut lines = complaints.lines().filter(|line| !line.trim().is_empty());
        match lines.next_back() {
            Some(line) => format!("{status}: {line}"),
            None => status,
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Process {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lance-lint"))
            .args(["decode-worker", "--memory", MEMORY])
            .env("RUST_BACKTRACE", "0")
            .env("RUST_LOG", "off")
            // Readers start a thread per core for computing; there are as many workers already.
            .env("LANCE_CPU_THREADS", "1")
            .env("LANCE_IO_THREADS", "2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the worker starts");
        let input = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        let mut errors = child.stderr.take().expect("it is piped");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let complaints = Arc::new(Mutex::new(String::new()));
        let heard = complaints.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = errors.read(&mut bytes) {
                let mut heard = heard.lock().unwrap();
                // Only the end is of interest, and a decoder may complain a lot.
                if heard.len() > 1 << 16 {
                    heard.clear();
                }
                heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self {
            child,
            input,
            lines,
            complaints,
        }
    }
}

fn understand(id: u64, line: &str) -> Reply {
    let Ok(reply) = serde_json::from_str::<Value>(line) else {
        return Reply::Abort(format!("the worker wrote {line:?}"));
    };
    assert_eq!(reply["id"], json!(id), "replies come in order: {line}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    if let Some(panic) = reply.get("panic") {
        let at = reply.get("at").map(text).unwrap_or_default();
        return Reply::Panic(format!("{} ({at})", text(panic)));
    }
    if let Some(error) = reply.get("error") {
        return Reply::Error(text(error));
    }
    let Some(rows) = reply.get("rows").and_then(Value::as_u64) else {
        return Reply::Opened;
    };
    let digests = reply.get("digests").and_then(Value::as_object);
    let digests = digests.into_iter().flatten();
    Reply::Read {
        rows,
        digests: digests
            .filter_map(|(id, digest)| Some((id.parse().ok()?, text(digest))))
            .collect(),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    text
}
