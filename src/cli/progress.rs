//! How far a check is, on a terminal, and what Ctrl-C does to it.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{
    HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle,
};

use super::INTERRUPTED;
use lance_lint::check::Progress;
use lance_lint::storage::{StopReason, Storage};

/// What is done sooner is done silently.
const PATIENCE: Duration = Duration::from_millis(500);

/// Time between two drawings.
const PERIOD: Duration = Duration::from_millis(100);

/// A line on the terminal that is gone at the end.
pub struct Display {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Display {
    /// Shows how far a run is while it lives; nothing where standard error is no terminal.
    pub fn start(progress: Arc<Progress>, storage: Arc<dyn Storage>) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let shown = io::stderr().is_terminal().then(|| {
            let ended = ended.clone();
            thread::spawn(move || draw(&ended, &progress, storage.as_ref()))
        });
        Self {
            ended,
            thread: shown,
        }
    }

    /// Takes the line away.
    pub fn end(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.end();
    }
}

fn draw(ended: &AtomicBool, progress: &Progress, storage: &dyn Storage) {
    let started = Instant::now();
    let mut bar: Option<ProgressBar> = None;
    while !ended.load(Ordering::Relaxed) {
        thread::park_timeout(PERIOD);
        if started.elapsed() < PATIENCE {
            continue;
        }
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        bar.set_message(line(progress, storage, started.elapsed()));
        bar.tick();
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

/// One line that fits a narrow terminal.
fn line(progress: &Progress, storage: &dyn Storage, elapsed: Duration) -> String {
    let (done, all) = progress.fragments();
    let meter = storage.meter();
    let findings = progress.findings();
    let read = format!(
        "{} · {} {}",
        HumanBytes(meter.bytes()),
        HumanCount(findings),
        if findings == 1 { "finding" } else { "findings" },
    );
    if meter.halted().is_some() {
        return format!("stopping · {read}");
    }
    if all == 0 {
        return format!("opening · {read}");
    }
    let left = match done {
        0 => String::new(),
        done => {
            let each = elapsed.as_secs_f64() / done as f64;
            let left = Duration::from_secs_f64(each * all.saturating_sub(done) as f64);
            format!(" · {} left", HumanDuration(left))
        }
    };
    format!(
        "{} of {} fragments{left} · {read}",
        HumanCount(done),
        HumanCount(all)
    )
}

/// Lets Ctrl-C end the run with what was found so far; pressed again, it ends the process.
pub fn end_on_interrupt(storage: Arc<dyn Storage>) {
    let pressed = AtomicBool::new(false);
    // Where no handler can be set, Ctrl-C does what it always did.
    let _ = ctrlc::set_handler(move || {
        if pressed.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        storage.meter().halt(StopReason::Interrupted);
    });
}
