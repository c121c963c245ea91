//! `decode-worker`: the child process in which Lance's own decoder runs.

use clap::Args;

use super::{Outcome, RunError};
use lance_lint::decode::worker;

#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// MiB of address space that the process may take
    #[arg(long, value_name = "MIB")]
    memory: Option<u64>,
}

impl WorkerArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        worker::serve(self.memory).map_err(RunError::Worker)?;
        Ok(Outcome::Clean)
    }
}
