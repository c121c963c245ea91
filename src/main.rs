//! The command line: parse arguments, run, exit status.

mod cli;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Outcome};

use lance_lint::printable::{Escaping, printable_lines, write_escaped};

/// The job could not be done: bad usage, path not found, no permission.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let given = cli::arguments(std::env::args_os());
    let arguments = match Cli::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(error) => {
            let error = cli::meant::hinted(error, &given);
            // Help and version are no failures. A closed pipe is none either.
            let code = if error.use_stderr() { FAILED } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match arguments.run() {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Unrecognised) => ExitCode::from(FAILED),
        Ok(Outcome::Interrupted) => ExitCode::from(cli::INTERRUPTED),
        Err(error) => {
            let _ = write_escaped(&mut io::stderr(), Escaping::Text, |err| {
                writeln!(err, "lance-lint: {}", printable_lines(&error.to_string()))
            });
            ExitCode::from(FAILED)
        }
    }
}
