//! What the shell and `man` need.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Outcome, RunError, print_as};
use lance_lint::printable::Escaping;

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// A command; the program itself when absent
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

impl CompletionsArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        let mut command = Cli::command();
        let name = command.get_name().to_string();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        print_as(Escaping::Own, |out| out.write_all(&script))?;
        Ok(Outcome::Clean)
    }
}

impl ManArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        let mut all = Cli::command();
        all.build();
        let command = match self.command {
            None => all,
            Some(name) => all
                .find_subcommand(&name)
                .ok_or(RunError::Command(name))?
                .clone(),
        };
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(RunError::Write)?;
        print_as(Escaping::Own, |out| out.write_all(&page))?;
        Ok(Outcome::Clean)
    }
}
