//! What arguments that are not taken were meant to be, as other tools and habit have them.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, Error};

use super::Cli;
use lance_lint::did_you_mean;

/// Options of other tools, and the words for them here. Formats are in [`FORMATS`].
const OPTIONS: &[(&[&str], &str)] = &[
    (
        &["output", "out", "outfile", "o", "report"],
        "did you mean '--output-file FILE', or '--output-file FORMAT=FILE'?",
    ),
    (
        &[
            "no-color",
            "no-colour",
            "nocolor",
            "colour",
            "colors",
            "no-ansi",
            "plain",
        ],
        "did you mean '--color never'?",
    ),
    (
        &[
            "columns",
            "col",
            "cols",
            "c",
            "field",
            "fields",
            "select-column",
        ],
        "did you mean '--column NAME', once for each column?",
    ),
    (
        &["rules", "list-rules", "show-rules"],
        "`lance-lint rules` lists the rules",
    ),
    (
        &["rule", "select", "only", "enable", "include"],
        "all rules are checked; '--ignore RULE' leaves one out, '--error RULE' and '--warn RULE' set its level",
    ),
    (
        &[
            "disable",
            "skip",
            "exclude",
            "allow",
            "suppress",
            "no-rule",
            "ignore-rule",
        ],
        "did you mean '--ignore RULE'?",
    ),
    (
        &[
            "strict",
            "werror",
            "deny-warnings",
            "fail-on-warning",
            "fail-on-warnings",
            "W",
        ],
        "did you mean '--fail-on warning'?",
    ),
    (
        &["no-fail", "no-error", "soft-fail", "warn-only"],
        "did you mean '--exit-zero'?",
    ),
    (
        &["silent", "s", "terse", "short", "brief", "summary"],
        "did you mean '--quiet', '--format concise' or '--statistics'?",
    ),
    (
        &["verbose", "v", "vv", "debug", "trace", "details"],
        "the text says all there is; `lance-lint explain RULE` and `lance-lint inspect PATH --column NAME` say \
         more, '-V' prints the version of lance-lint",
    ),
    (
        &["fix", "repair", "write", "apply", "autofix"],
        "lance-lint only reads; each finding says what to do, and `lance-lint explain RULE` explains the rule",
    ),
    (
        &[
            "path", "uri", "url", "dataset", "table", "input", "file", "i", "f", "d",
        ],
        "PATH is given by itself: lance-lint images.lance",
    ),
    (
        &[
            "lance-version",
            "pylance",
            "lance",
            "for",
            "target",
            "reader-version",
            "compat",
        ],
        "did you mean '--reader RELEASE', such as '--reader 0.32.1'?",
    ),
    (
        &["all", "versions", "history"],
        "did you mean '--all-versions'?",
    ),
    (
        &["deep", "full", "values", "read-values", "data", "thorough"],
        "did you mean '--decode'?",
    ),
    (
        &["pages", "buffers", "encoding", "encodings", "tree"],
        "`lance-lint inspect PATH --column NAME` shows the pages of a column with their encodings",
    ),
    (
        &["explain", "why"],
        "did you mean the command: lance-lint explain RULE?",
    ),
    (
        &["threads", "jobs", "j", "workers", "parallel", "t", "n"],
        "all cores are used; '--concurrency N' sets the reads at once in object stores",
    ),
    (
        &[
            "region",
            "aws-region",
            "endpoint",
            "endpoint-url",
            "profile",
            "access-key-id",
            "secret-access-key",
            "storage-options",
            "storage",
        ],
        "did you mean '--storage-option KEY=VALUE', such as '--storage-option aws_region=eu-west-1'?",
    ),
    (
        &["conf", "cfg", "config-file", "settings"],
        "did you mean '--config FILE'?",
    ),
];

/// Words for formats, and the formats.
const FORMATS: &[(&str, &str)] = &[
    ("json", "json"),
    ("jsonl", "json-lines"),
    ("ndjson", "json-lines"),
    ("json-lines", "json-lines"),
    ("sarif", "sarif"),
    ("junit", "junit"),
    ("junit-xml", "junit"),
    ("xml", "junit"),
    ("github", "github"),
    ("github-actions", "github"),
    ("gitlab", "gitlab"),
    ("codeclimate", "gitlab"),
    ("code-quality", "gitlab"),
    ("concise", "concise"),
    ("oneline", "concise"),
    ("grep", "concise"),
    ("text", "text"),
    ("txt", "text"),
    ("human", "text"),
    ("pretty", "text"),
    ("console", "text"),
];

/// Words that stand where a command may, and what to say of them.
const WORDS: &[(&[&str], &str)] = &[
    (
        &[
            "check", "lint", "scan", "verify", "validate", "analyze", "analyse", "test", "run",
            "audit", "fsck",
        ],
        "a check needs no command: lance-lint PATH",
    ),
    (
        &[
            "show", "info", "describe", "schema", "columns", "list", "ls", "print", "view", "cat",
            "head", "stats",
        ],
        "`lance-lint PATH` shows all columns, `lance-lint inspect PATH --column NAME` the pages of one",
    ),
    (
        &["fix", "repair", "recover"],
        "lance-lint only reads; each finding says what to do",
    ),
    (
        &["history", "log", "versions", "blame"],
        "did you mean: lance-lint PATH --all-versions?",
    ),
    (&["decode"], "did you mean: lance-lint PATH --decode?"),
    (
        &["compare"],
        "did you mean the command diff: lance-lint diff LEFT RIGHT?",
    ),
    (
        &["debug", "panic", "crash"],
        "did you mean the command diagnose: lance-lint diagnose PATH < panic.txt?",
    ),
    (
        &["report", "export", "dump"],
        "did you mean '--output-file FILE', or the command bundle: lance-lint bundle PATH -o FILE?",
    ),
    (
        &["clean", "cleanup", "gc", "vacuum", "prune", "unused"],
        "`lance-lint orphans PATH` lists the files that no version names; lance-lint deletes nothing",
    ),
    (
        &["version"],
        "`lance-lint -V` prints the version of lance-lint, `lance-lint PATH` those of a dataset",
    ),
];

/// Adds to an error of the command line what was meant, where that can be told.
pub fn hinted(mut error: Error, given: &[OsString]) -> Error {
    let mut all = Cli::command();
    all.build();
    let command = command_of(&all, given);
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg);
    let value = text(ContextKind::InvalidValue);
    let tip = match (error.kind(), argument, value) {
        (ErrorKind::UnknownArgument, Some(argument), _) => unknown(&all, command, &argument),
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, Some(argument), Some(value)) => {
            invalid(&argument, &value)
        }
        (ErrorKind::MissingRequiredArgument, Some(argument), _) => missing(command, &argument),
        (ErrorKind::InvalidSubcommand, ..) => {
            text(ContextKind::InvalidSubcommand).and_then(|word| of_word(&all, &word))
        }
        _ => None,
    };
    if let Some(tip) = tip {
        // What clap guesses from the letters alone stands in the way of it.
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::SuggestedValue);
        error.remove(ContextKind::SuggestedSubcommand);
        let tips = vec![StyledStr::from(tip)];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        return error;
    }
    without_secrets(error)
}

/// Takes what was given out of an error, where it resembles nothing that could have been meant: it may
/// be a secret that went astray.
fn without_secrets(mut error: Error) -> Error {
    let has = |kind| error.get(kind).is_some();
    match error.kind() {
        ErrorKind::UnknownArgument if !has(ContextKind::SuggestedArg) => {
            let name = ContextValue::String("…".to_string());
            error.insert(ContextKind::InvalidArg, name);
            error.remove(ContextKind::Suggested);
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::TooManyValues
            if !has(ContextKind::SuggestedValue) && has(ContextKind::InvalidValue) =>
        {
            let value = error.get(ContextKind::InvalidValue);
            let is_empty = matches!(value, Some(ContextValue::String(text)) if text.is_empty());
            if !is_empty {
                error.insert(
                    ContextKind::InvalidValue,
                    ContextValue::String("…".to_string()),
                );
            }
        }
        _ => {}
    }
    error
}

/// What a path that does not exist and is but a word was meant to be: a command, or what needs
/// none.
pub fn path(path: &OsStr) -> Option<String> {
    let word = path.to_str()?;
    let is_word = word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    if !is_word || word.len() < 2 || Path::new(path).exists() {
        return None;
    }
    let tip = of_word(&Cli::command(), word)?;
    Some(format!("{word} does not exist; {tip}"))
}

/// The format that a word stands for, where it is not its name.
pub fn format(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let mut formats = FORMATS.iter();
    formats
        .find(|(known, _)| *known == lower)
        .map(|(_, format)| *format)
}

fn of_word(all: &Command, word: &str) -> Option<String> {
    if let Some((_, tip)) = WORDS.iter().find(|(words, _)| words.contains(&word)) {
        return Some((*tip).to_string());
    }
    let commands = all
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let names: Vec<&str> = commands.map(Command::get_name).collect();
    if names.contains(&word) {
        return Some(format!("a command comes first: lance-lint {word} …"));
    }
    let near = did_you_mean::nearest(word, names)?;
    Some(format!("did you mean the command {near}?"))
}

/// The command that arguments are for.
fn command_of<'a>(all: &'a Command, given: &[OsString]) -> &'a Command {
    let first = given.get(1).and_then(|first| first.to_str());
    first
        .and_then(|name| all.find_subcommand(name))
        .unwrap_or(all)
}

/// How a command is written.
fn written(all: &Command, command: &Command) -> String {
    match command.get_name() == all.get_name() {
        true => "lance-lint PATH".to_string(),
        false => format!("lance-lint {}", command.get_name()),
    }
}

fn has(command: &Command, long: &str) -> bool {
    let mut arguments = command.get_arguments();
    arguments.any(|argument| argument.get_long() == Some(long))
}

/// Whether an option of a command takes a value.
fn takes(command: &Command, long: &str, value: &str) -> bool {
    let named = |argument: &&Arg| argument.get_long() == Some(long);
    let argument = command.get_arguments().find(named);
    let values = argument.map(Arg::get_possible_values).unwrap_or_default();
    values.iter().any(|possible| possible.matches(value, false))
}

fn unknown(all: &Command, command: &Command, argument: &str) -> Option<String> {
    let Some(name) = argument.strip_prefix('-') else {
        return surplus(command, argument);
    };
    let name = name.trim_start_matches('-');
    let name = name.split('=').next().unwrap_or_default();
    if let Some(format) = format(name)
        && takes(command, "format", format)
    {
        return Some(format!("did you mean '--format {format}'?"));
    }
    if command.get_name() == "bundle" && name == "json" {
        return Some("what it writes is JSON".to_string());
    }
    let of_check = command.get_name() == all.get_name();
    let mut options = OPTIONS.iter().filter(|_| of_check);
    if let Some((_, tip)) = options.find(|(words, _)| words.contains(&name)) {
        return Some((*tip).to_string());
    }
    // An option of another command.
    let others = std::iter::once(all).chain(all.get_subcommands());
    let others = others.filter(|other| !other.is_hide_set() && has(other, name));
    let others: Vec<String> = others.map(|other| written(all, other)).collect();
    if let [first, rest @ ..] = others.as_slice() {
        let others = match rest {
            [] => format!("`{first}`"),
            [.., last] => {
                let middle = rest.iter().take(rest.len() - 1);
                let list: Vec<String> = std::iter::once(first)
                    .chain(middle)
                    .map(|other| format!("`{other}`"))
                    .collect();
                format!("{} and `{last}`", list.join(", "))
            }
        };
        return Some(format!("--{name} is an option of {others}"));
    }
    let command = all.find_subcommand(name)?;
    let written = written(all, command);
    Some(format!("did you mean the command `{written}`?"))
}

/// One value too many.
fn surplus(command: &Command, value: &str) -> Option<String> {
    match command.get_name() {
        "inspect" => Some(format!("did you mean '--column {value}'?")),
        "diagnose" => Some(
            "diagnose takes one dataset; a log is read from standard input or with '--log FILE'"
                .to_string(),
        ),
        "diff" => Some("diff takes two, such as images.lance@12 images.lance@13".to_string()),
        "bundle" => Some(format!("did you mean '-o {value}'?")),
        _ => None,
    }
}

fn missing(command: &Command, argument: &str) -> Option<String> {
    let tip = match (command.get_name(), argument) {
        ("diff", "<RIGHT>") => {
            "two versions of a dataset are compared by: lance-lint diff images.lance@12 images.lance@13"
        }
        ("bundle", "--output <FILE>") => "such as '-o report.json', or '-o -' for standard output",
        ("explain", _) => "`lance-lint rules` lists the rules",
        _ => return None,
    };
    Some(tip.to_string())
}

fn invalid(argument: &str, value: &str) -> Option<String> {
    let lower = value.to_lowercase();
    let option = argument.split(' ').next().unwrap_or_default();
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match option {
        "--format" => {
            Some(format!("did you mean '--format {}'?", format(&lower)?))
        }
        "--fail-on" => {
            let tip = match lower.as_str() {
                "never" | "none" | "off" | "no" | "nothing" => "--exit-zero",
                "any" | "all" | "note" | "notes" | "infos" => "--fail-on info",
                "warn" | "warnings" => "--fail-on warning",
                "err" | "errors" => "--fail-on error",
                _ => return None,
            };
            Some(format!("did you mean '{tip}'?"))
        }
        "--color" => {
            let tip = match lower.as_str() {
                "no" | "off" | "false" | "none" | "0" => "never",
                "yes" | "on" | "true" | "force" | "1" => "always",
                _ => return None,
            };
            Some(format!("did you mean '--color {tip}'?"))
        }
        "--version" => Some(match lower.as_str() {
            "latest" | "newest" | "last" | "head" => {
                "without --version it is the latest that is checked".to_string()
            }
            _ if lower.strip_prefix('v').is_some_and(is_number) => {
                format!("did you mean '--version {}'?", lower.trim_start_matches('v'))
            }
            _ if Path::new(value).exists() => {
                "--version chooses a version of the dataset, by its number; -V prints that of lance-lint"
                    .to_string()
            }
            _ => format!("a version is chosen by its number; a tag by '--tag {value}'"),
        }),
        "--fragment" | "--fragments" => {
            let ends = value.split_once("..").or_else(|| value.split_once('-'));
            if let Some((first, last)) = ends.filter(|(a, b)| is_number(a) && is_number(b)) {
                let last = last.trim_start_matches('=');
                let end = match value.contains("..") {
                    true => last.to_string(),
                    false => last.parse::<u64>().ok()?.checked_add(1)?.to_string(),
                };
                return Some(format!("did you mean '--fragments {first}..{end}'?"));
            }
            let ids: Vec<&str> = value.split(',').map(str::trim).collect();
            (ids.len() > 1 && ids.iter().all(|id| is_number(id))).then(|| {
                let each: Vec<String> = ids.iter().map(|id| format!("--fragment {id}")).collect();
                format!("did you mean '{}'?", each.join(" "))
            })
        }
        _ => None,
    }
}
