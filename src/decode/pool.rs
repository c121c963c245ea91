//! A worker process as its parent sees it: asked, waited for, killed and started again.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::protocol::{Open, Read, Reply, Request, Task};
use crate::finding::FailureKind;

/// Lines of a worker's last words that are kept.
const LAST_LINES: usize = 8;

/// What the workers may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For one page.
    pub timeout: Duration,
    /// MiB of address space, for each worker.
    pub memory: u64,
}

/// How a reading failed.
pub struct Trouble {
    /// How.
    pub failing: FailureKind,
    /// What was said, as it was said.
    pub message: String,
}

/// A worker that is there when needed, whatever became of the one before.
pub struct Worker {
    limits: Limits,
    process: Option<Process>,
    open: Option<Open>,
    is_open: bool,
    last_id: u64,
}

struct Process {
    child: Child,
    input: ChildStdin,
    replies: Receiver<String>,
    last_words: Option<JoinHandle<VecDeque<String>>>,
}

impl Worker {
    /// One that is started when first asked.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            process: None,
            open: None,
            is_open: false,
            last_id: 0,
        }
    }

    /// Opens a file.
    ///
    /// # Errors
    /// No worker can be started.
    pub fn open(&mut self, open: Open) -> io::Result<Result<(), Trouble>> {
        self.open = Some(open);
        self.is_open = false;
        self.ensure_open()
    }

    /// Reads of the file that was opened last.
    ///
    /// # Errors
    /// No worker can be started.
    pub fn read(&mut self, read: Read) -> io::Result<Result<(), Trouble>> {
        if let Err(trouble) = self.ensure_open()? {
            return Ok(Err(trouble));
        }
        self.ask(Task::Read(read))
    }

    fn ensure_open(&mut self) -> io::Result<Result<(), Trouble>> {
        let Some(open) = self.open.as_ref().filter(|_| !self.is_open) else {
            return Ok(Ok(()));
        };
        let outcome = self.ask(Task::Open(open.clone()))?;
        self.is_open = outcome.is_ok();
        Ok(outcome)
    }

    fn ask(&mut self, task: Task) -> io::Result<Result<(), Trouble>> {
        self.last_id += 1;
        let request = Request {
            id: self.last_id,
            task,
        };
        let line = serde_json::to_string(&request)? + "\n";
        let process = match &mut self.process {
            Some(process) => process,
            None => self.process.insert(Process::start(self.limits.memory)?),
        };
        // A worker that is gone is found out below.
        let _ = process.input.write_all(line.as_bytes());
        let line = match process.replies.recv_timeout(self.limits.timeout) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return Ok(Err(self.bury())),
            Err(RecvTimeoutError::Timeout) => {
                let _ = process.child.kill();
                self.bury();
                let seconds = self.limits.timeout.as_secs();
                return Ok(Err(Trouble {
                    failing: FailureKind::Timeout,
                    message: format!("no answer within {seconds} s"),
                }));
            }
        };
        let reply: Reply = serde_json::from_str(&line)?;
        Ok(match (reply.panic, reply.error) {
            (Some(message), _) => {
                let at = reply.at.filter(|at| !at.is_empty());
                let at = at.map(|at| format!(" ({at})")).unwrap_or_default();
                Err(Trouble {
                    failing: FailureKind::Panic,
                    message: format!("{message}{at}"),
                })
            }
            (None, Some(message)) => Err(Trouble {
                failing: FailureKind::Error,
                message,
            }),
            (None, None) => Ok(()),
        })
    }

    /// Lets go of a worker that has died, and says how it did.
    fn bury(&mut self) -> Trouble {
        self.is_open = false;
        let Some(mut process) = self.process.take() else {
            return told_by(&[], None);
        };
        let status = process.child.wait().ok();
        let words = process
            .last_words
            .take()
            .and_then(|words| words.join().ok());
        let words: Vec<String> = words.into_iter().flatten().collect();
        told_by(&words, status)
    }
}

impl Process {
    fn start(memory: u64) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["decode-worker", "--memory", &memory.to_string()])
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let gone = || io::Error::other("a worker without pipes");
        let input = child.stdin.take().ok_or_else(gone)?;
        let output = child.stdout.take().ok_or_else(gone)?;
        let errors = child.stderr.take().ok_or_else(gone)?;
        let (sender, replies) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let last_words = std::thread::spawn(move || {
            let mut last = VecDeque::new();
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                if last.len() == LAST_LINES {
                    last.pop_front();
                }
                last.push_back(line);
            }
            last
        });
        Ok(Self {
            child,
            input,
            replies,
            last_words: Some(last_words),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the last words of a worker and its status tell.
fn told_by(words: &[String], status: Option<ExitStatus>) -> Trouble {
    let said = |text: &str| words.iter().find(|line| line.contains(text));
    if let Some(line) = said("memory allocation of") {
        return Trouble {
            failing: FailureKind::Memory,
            message: line.clone(),
        };
    }
    // The line itself names a thread by a number that differs from run to run.
    if said("has overflowed its stack").is_some() {
        return Trouble {
            failing: FailureKind::Abort,
            message: "stack overflow".to_string(),
        };
    }
    let end = match status {
        Some(status) => status.to_string(),
        None => "the worker is gone".to_string(),
    };
    let last: Vec<&str> = words.iter().map(String::as_str).collect();
    Trouble {
        failing: FailureKind::Abort,
        message: match last.is_empty() {
            true => end,
            false => format!("{end}: {}", last.join(" ")),
        },
    }
}
