//! What `diagnose` prints: what a message means, and what of a dataset it comes from.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use schemars::JsonSchema;
use serde::Serialize;

use super::json::{self, Location, SCHEMA_VERSION, SeverityJson, Tool, tool};
use super::layout::{counted, place, prose, wrapped};
use crate::diagnose::catalogue::{Fault, Kind};
use crate::diagnose::events::{Event, Said, Source};
use crate::diagnose::locate::{Located, TooNew};
use crate::diagnose::{Diagnosis, Recognised, Search, Understood};
use crate::finding::{Finding, FirstSeen};
use crate::printable::printable;

/// What is to be told.
#[derive(Debug)]
pub struct Told<'a> {
    /// What the log came to.
    pub diagnosis: &'a Diagnosis,
    /// What was given to look in, as given.
    pub path: Option<&'a str>,
    /// What looking there came to, when it was looked at.
    pub search: Option<&'a Search<'a>>,
}

impl Told<'_> {
    /// The fault of readers that the message may come from: unless its cause is in the dataset.
    fn fault(&self) -> Option<&'static Fault> {
        let found = self.search.is_some_and(Search::found);
        let cause = self.diagnosis.cause().filter(|_| !found);
        cause.and_then(|cause| cause.entry.fault)
    }
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// Most characters of a message that are shown to people.
const MAX_OF_MESSAGE: usize = 400;
/// The largest number of unrelated findings that are listed.
const MAX_BYSTANDERS: usize = 8;
/// Where what follows a label starts.
const INDENT: usize = 10;

const NOT_HERE: &str = "This dataset does not have what this message comes from. It may be another version \
                        (--version N; `lance-lint --all-versions PATH` looks at all), another dataset, the \
                        reader's release, or something that only reading the values shows (`lance-lint \
                        --decode PATH`).";

const BY_PLACE: &str = "the words of this message are not known; what is said here follows from the source file that it names";

/// Prints it for people.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(out: &mut dyn Write, told: &Told<'_>, width: usize) -> io::Result<()> {
    let width = prose(width);
    let Some(cause) = told.diagnosis.cause() else {
        return write_unrecognised(out, told, width);
    };
    let sure = !cause.is_wrapper() && !cause.is_by_place();
    let style = if sure { GREEN } else { YELLOW };
    let how = match cause.is_by_place() {
        true => "recognised by its place in Lance's source",
        false => "recognised",
    };
    writeln!(
        out,
        "{style}{how}{style:#}{BOLD}: {}{BOLD:#}",
        said(&cause.event, cause.times)
    )?;
    quote(out, &cause.event.message, width)?;
    writeln!(out)?;
    label(out, "means", cause.entry.meaning, width)?;
    if cause.is_by_place() {
        label(out, "note", BY_PLACE, width)?;
    }
    match (cause.entry.kind, cause.entry.rules) {
        (Kind::Wrapper, _) => {}
        (_, []) => label(
            out,
            "rule",
            "none: it is not about what the files hold",
            width,
        )?,
        (_, rules) => label(out, "rule", &likeliest(rules), width)?,
    }
    label(out, "next", cause.entry.advice.next, width)?;
    let located = told.search.is_some_and(|search| !search.located.is_empty());
    let fault = told.fault();
    if let Some(fault) = fault {
        let how = match told.search {
            Some(_) => "no cause of this message is in these files",
            None => "or the files are sound",
        };
        label(out, "fault", &format!("{how}: {}", fault.what), width)?;
        label(out, "instead", fault.instead, width)?;
    }
    // Where nothing is wrong with the data there is nothing to do to it.
    if !located && (fault.is_none() || told.search.is_none()) {
        label(out, "help", cause.entry.advice.help, width)?;
    }
    let others = told.diagnosis.recognised.get(1..).unwrap_or_default();
    write_others(out, others, width)?;
    match told.search {
        Some(search) => write_search(out, told, search, width),
        None => {
            writeln!(out)?;
            paragraph(
                out,
                "Name the dataset to have the column, file, page and writer named: lance-lint diagnose PATH",
                width,
            )
        }
    }
}

/// The rules that a message may come from, the first few.
fn likeliest(rules: &[&str]) -> String {
    const MOST: usize = 4;
    let first: Vec<&str> = rules.iter().take(MOST).copied().collect();
    let more = rules.len().saturating_sub(MOST);
    match more {
        0 => first.join(", "),
        more => format!("{} or {more} more; a dataset tells which", first.join(", ")),
    }
}

/// How and where a message was said.
fn said(event: &Event, times: usize) -> String {
    let what = match (event.said, &event.panicked_at) {
        (Said::Panic, Some(source)) => {
            format!("a panic at {}:{}", source.file, source.line)
        }
        (Said::Panic, None) => "a panic".to_string(),
        (Said::Exception, _) => "an exception".to_string(),
        (Said::Line, _) => "an error".to_string(),
    };
    let more = match times {
        0 | 1 => String::new(),
        times => format!(
            ", and {}",
            counted(times as u64 - 1, "line").replace("line", "more time")
        ),
    };
    format!("{what} (line {} of the log{more})", event.line)
}

fn write_others(out: &mut dyn Write, others: &[Recognised], width: usize) -> io::Result<()> {
    if others.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    writeln!(out, "{BOLD}also in the log{BOLD:#}")?;
    for other in others {
        let text = format!(
            "line {}: {} ({})",
            other.event.line,
            shortened(&other.event.message, 100),
            other.entry.meaning
        );
        for line in wrapped(&format!("  {text}"), width, 4) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn write_search(
    out: &mut dyn Write,
    told: &Told<'_>,
    search: &Search<'_>,
    width: usize,
) -> io::Result<()> {
    let path = told.path.unwrap_or_default();
    writeln!(out)?;
    if !search.found() {
        writeln!(out, "{BOLD}not found in {path}{BOLD:#}")?;
        if told.fault().is_none() {
            paragraph(out, NOT_HERE, width)?;
        }
    }
    if search.located.len() > 1 {
        let several = "Several findings fit the message, and nothing in it tells them apart: it is one of these.";
        paragraph(out, several, width)?;
        writeln!(out)?;
    }
    for (at, located) in search.located.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        write_located(out, path, located, width)?;
    }
    for too_new in &search.too_new {
        writeln!(
            out,
            "{RED}found in {path}{RED:#}{BOLD}: {}{BOLD:#}",
            needs(too_new)
        )?;
        label(
            out,
            "because",
            &format!("of {}", too_new.what.join(", ")),
            width,
        )?;
    }
    if !search.unrelated.is_empty() {
        writeln!(out)?;
        writeln!(out, "{BOLD}not what this message comes from{BOLD:#}")?;
        for (_, finding) in search.unrelated.iter().take(MAX_BYSTANDERS) {
            let text = format!(
                "  {}[{}]: {}",
                finding.severity, finding.rule.id, finding.message
            );
            for line in wrapped(&text, width, 4) {
                writeln!(out, "{line}")?;
            }
        }
        let more = search.unrelated.len().saturating_sub(MAX_BYSTANDERS);
        if more > 0 {
            writeln!(out, "  … and {more} more: lance-lint {path}")?;
        }
    }
    Ok(())
}

fn needs(too_new: &TooNew<'_>) -> String {
    match too_new.reads {
        Some(release) => format!("it can be read in full since Lance {release}, not before"),
        None => "no release of Lance as it is installed reads it in full".to_string(),
    }
}

fn write_located(
    out: &mut dyn Write,
    path: &str,
    located: &Located<'_>,
    width: usize,
) -> io::Result<()> {
    let finding = located.finding;
    let head = format!("found in {path}");
    let text = format!("{head}: {}", finding.message);
    for (at, line) in wrapped(&text, width, 2).iter().enumerate() {
        match line.strip_prefix(&head).filter(|_| at == 0) {
            Some(rest) => writeln!(out, "{RED}{head}{RED:#}{BOLD}{rest}{BOLD:#}")?,
            None => writeln!(out, "{BOLD}{line}{BOLD:#}")?,
        }
    }
    for (at, spot) in finding.places.iter().enumerate() {
        let arrow = if at == 0 { "-->" } else { "   " };
        writeln!(out, "  {DIM}{arrow}{DIM:#} {}", place(spot))?;
    }
    let more = finding.count.saturating_sub(finding.places.len() as u64);
    if more > 0 {
        writeln!(out, "      … and {}", counted(more, "more place"))?;
    }
    if let Some(column) = &finding.column {
        label(out, "column", column, width)?;
    }
    label(out, "rule", finding.rule.id, width)?;
    if let Some(writer) = writer(located) {
        label(out, "writer", &writer, width)?;
    }
    if !located.evidence.is_empty() {
        label(out, "because", &located.evidence.join("; "), width)?;
    }
    if let Some(cause) = &finding.cause {
        label(out, "cause", cause, width)?;
    }
    for help in &finding.help {
        with_code(out, "help", &help.text, width)?;
    }
    Ok(())
}

/// Who wrote it, and in which version, in words.
fn writer(located: &Located<'_>) -> Option<String> {
    let writer = located.writer();
    match &located.since {
        Some(since) => Some(dated(writer, since)),
        None => writer.map(|writer| format!("{writer}, going by the manifest")),
    }
}

fn dated(writer: Option<&str>, since: &FirstSeen) -> String {
    let writer = writer.unwrap_or("a release that left no name");
    let first = &since.first;
    let operation = first
        .operation
        .map_or(String::new(), |name| format!(" ({name})"));
    let branch = first.branch.as_ref();
    let branch = branch.map_or(String::new(), |branch| format!(" of branch {branch}"));
    format!("{writer}, in version {}{branch}{operation}", first.version)
}

fn write_unrecognised(out: &mut dyn Write, told: &Told<'_>, width: usize) -> io::Result<()> {
    writeln!(out, "{YELLOW}not recognised{YELLOW:#}")?;
    let understood = &told.diagnosis.understood;
    match &understood.last_error {
        None => paragraph(
            out,
            "There is no panic, exception or error in this text.",
            width,
        )?,
        Some(event) => {
            paragraph(
                out,
                &format!(
                    "No message of Lance that is known is in this text. The last error in it, {}:",
                    said(event, 1)
                ),
                width,
            )?;
            quote(out, &event.message, width)?;
        }
    }
    writeln!(out)?;
    for (name, text) in facts(understood) {
        label(out, name, &text, width)?;
    }
    let path = told.path.unwrap_or("PATH");
    label(
        out,
        "next",
        &format!(
            "paste the whole of stderr, with the line that says `panicked at`; `lance-lint {path}` and `lance-lint \
             --decode {path}` look for faults without a message"
        ),
        width,
    )?;
    label(
        out,
        "report",
        &format!(
            "`lance-lint bundle {path} -o report.json` gathers what a maintainer needs, without any values; add \
             it and this text to an issue"
        ),
        width,
    )
}

/// What can be told of a log, by name.
fn facts(understood: &Understood) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let sources: Vec<String> = understood.sources.iter().map(spelt).collect();
    for (name, all) in [
        ("source", &sources),
        ("paths", &understood.paths),
        ("names", &understood.names),
    ] {
        if !all.is_empty() {
            facts.push((name, all.join(", ")));
        }
    }
    if let Some(release) = understood.release {
        facts.push(("release", format!("Lance {release}")));
    }
    if !understood.lance && understood.last_error.is_some() {
        facts.push((
            "Lance",
            "nothing in the text shows that Lance ran".to_string(),
        ));
    }
    facts
}

fn spelt(source: &Source) -> String {
    format!("{}:{}", source.file, source.line)
}

/// A message, shortened, behind a bar.
fn quote(out: &mut dyn Write, message: &str, width: usize) -> io::Result<()> {
    let text = shortened(message, MAX_OF_MESSAGE);
    for line in textwrap::wrap(&text, width.saturating_sub(4).max(40)) {
        writeln!(out, "  {DIM}|{DIM:#} {line}")?;
    }
    Ok(())
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_string(),
    }
}

fn paragraph(out: &mut dyn Write, text: &str, width: usize) -> io::Result<()> {
    for line in wrapped(text, width, 0) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// A labelled text; its lines after the first are code and stay as they are.
fn label(out: &mut dyn Write, name: &str, text: &str, width: usize) -> io::Result<()> {
    with_code(out, name, &printable(text), width)
}

/// The same for text whose lines after the first are code, which is kept whole.
fn with_code(out: &mut dyn Write, name: &str, text: &str, width: usize) -> io::Result<()> {
    let mut lines = text.lines();
    let head = format!(
        "{:<INDENT$}{}",
        format!("{name}:"),
        lines.next().unwrap_or_default()
    );
    for (at, line) in wrapped(&head, width, INDENT).iter().enumerate() {
        let split = line.split_at_checked(name.len() + 1);
        match split.filter(|_| at == 0) {
            Some((name, rest)) => writeln!(out, "{BOLD}{name}{BOLD:#}{rest}")?,
            None => writeln!(out, "{line}")?,
        }
    }
    for code in lines {
        writeln!(out, "{:INDENT$}  {}", "", printable(code))?;
    }
    Ok(())
}

/// What a log means, and what of a dataset it comes from.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "lance-lint diagnose")]
pub struct Document {
    /// The version of this document's shape.
    pub schema_version: u32,
    /// What made it.
    pub tool: Tool,
    /// Whether a message is known.
    pub recognised: bool,
    /// The rule that describes what it comes from: that of the first location, else the likeliest.
    pub rule: Option<String>,
    /// All rules that may, the likeliest first.
    pub rules: Vec<String>,
    /// What the message means.
    pub meaning: Option<String>,
    /// What to check next.
    pub next: String,
    /// How to fix it; null where the files are sound and the reader is at fault.
    pub help: Option<String>,
    /// The fault of readers that makes some releases say it of sound files. With a dataset: only when
    /// that has no cause for it.
    pub reader_fault: Option<FaultJson>,
    /// Whether the message only says that something else failed, which is told elsewhere.
    pub wrapper: bool,
    /// Whether the words of the message are not known, so that the meaning follows from the place in
    /// Lance's source that it names.
    pub by_place: bool,
    /// The message; the last error when none is known.
    pub message: Option<MessageJson>,
    /// Other messages in the log that are known.
    pub also: Vec<AlsoJson>,
    /// What else can be told of the log.
    pub understood: UnderstoodJson,
    /// What was given to look in.
    pub path: Option<String>,
    /// Whether it has the cause; null when nothing was looked at.
    pub found: Option<bool>,
    /// Where the message comes from, the likeliest first.
    pub located: Vec<LocatedJson>,
    /// Datasets that the reader is too old for.
    pub too_new: Vec<TooNewJson>,
    /// Findings that the message does not come from.
    pub unrelated: Vec<BystanderJson>,
}

/// A fault of readers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FaultJson {
    /// Which releases say the message, and of what.
    pub what: &'static str,
    /// What to do in its place.
    pub instead: &'static str,
}

/// A message in a log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MessageJson {
    /// `panic`, `exception` or `line`.
    pub said: &'static str,
    /// The line of the log, from 1.
    pub line: usize,
    /// What was said, in one line, with escapes undone.
    pub text: String,
    /// Where it panicked.
    pub source: Option<SourceJson>,
    /// How many events of the log say it.
    pub times: usize,
}

/// A place in sources.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SourceJson {
    /// The file, from its crate's folder on.
    pub file: String,
    /// The line.
    pub line: u32,
}

/// A message that is not the first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AlsoJson {
    /// The message.
    pub message: MessageJson,
    /// What it means.
    pub meaning: String,
    /// Rules that describe what it comes from.
    pub rules: Vec<String>,
    /// Whether it only says that something else failed.
    pub wrapper: bool,
}

/// What can be told of a log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnderstoodJson {
    /// Places in Lance's sources.
    pub sources: Vec<SourceJson>,
    /// The release of Lance that ran.
    pub release: Option<String>,
    /// Paths of datasets and of files in them.
    pub paths: Vec<String>,
    /// What is quoted and may be the name of a field.
    pub names: Vec<String>,
    /// Whether there is any sign of Lance.
    pub lance: bool,
}

/// A place that a message comes from.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LocatedJson {
    /// The rule.
    pub rule: &'static str,
    /// What is wrong, in a sentence.
    pub message: String,
    /// Where.
    #[serde(flatten)]
    pub location: Location,
    /// Who made the version in which it came up, or the one looked at.
    pub writer: Option<String>,
    /// The version in which it came up, when that was looked up.
    pub since_version: Option<u64>,
    /// What the commit of that version did.
    pub operation: Option<&'static str>,
    /// What in the message points to it.
    pub evidence: Vec<String>,
    /// Why it came about, when the evidence tells.
    pub cause: Option<String>,
    /// Ways to fix it; lines after the first are code.
    pub help: Vec<String>,
}

/// A dataset that a reader is too old for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TooNewJson {
    /// The dataset.
    pub dataset: String,
    /// The first release that reads all of it.
    pub reads_since: Option<String>,
    /// What older ones do not know.
    pub what: Vec<String>,
}

/// A finding that a message does not come from.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BystanderJson {
    /// The rule.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: SeverityJson,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The first place.
    pub location: Location,
}

/// The JSON Schema of [`Document`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Document)
}

/// The document of what is told.
pub fn document(told: &Told<'_>) -> Document {
    let cause = told.diagnosis.cause();
    let located = told.search.map_or(&[][..], |search| &search.located);
    let too_new = told.search.map_or(&[][..], |search| &search.too_new);
    let of_entry = cause.map_or(&[][..], |cause| cause.entry.rules);
    let mut rules: Vec<&str> = located.iter().map(|found| found.finding.rule.id).collect();
    if !too_new.is_empty() {
        rules.push("reader-too-old");
    }
    let mut all: Vec<String> = Vec::new();
    for rule in rules.into_iter().chain(of_entry.iter().copied()) {
        if !all.iter().any(|known| known == rule) {
            all.push(rule.to_string());
        }
    }
    let understood = &told.diagnosis.understood;
    let recognised = told.diagnosis.recognised.iter();
    Document {
        schema_version: SCHEMA_VERSION,
        tool: tool(),
        recognised: cause.is_some(),
        rule: all.first().cloned(),
        rules: all,
        meaning: cause.map(|cause| cause.entry.meaning.to_string()),
        next: match cause {
            Some(cause) => cause.entry.advice.next.to_string(),
            None => "paste the whole of stderr; else gather a report with lance-lint bundle PATH -o report.json"
                .to_string(),
        },
        help: cause
            .filter(|_| told.fault().is_none() || told.search.is_none())
            .map(|cause| cause.entry.advice.help.to_string()),
        reader_fault: told.fault().map(|fault| FaultJson {
            what: fault.what,
            instead: fault.instead,
        }),
        wrapper: cause.is_some_and(Recognised::is_wrapper),
        by_place: cause.is_some_and(Recognised::is_by_place),
        message: match cause {
            Some(cause) => Some(message_json(&cause.event, cause.times)),
            None => understood.last_error.as_ref().map(|event| message_json(event, 1)),
        },
        also: recognised.skip(1).map(also_json).collect(),
        understood: UnderstoodJson {
            sources: understood.sources.iter().map(source_json).collect(),
            release: understood.release.map(|release| release.to_string()),
            paths: understood.paths.clone(),
            names: understood.names.clone(),
            lance: understood.lance,
        },
        path: told.path.map(str::to_string),
        found: told.search.map(Search::found),
        located: located.iter().flat_map(located_json).collect(),
        too_new: too_new.iter().map(too_new_json).collect(),
        unrelated: told.search.map_or(Vec::new(), |search| {
            let unrelated = search.unrelated.iter();
            unrelated
                .map(|(subject, finding)| BystanderJson {
                    rule: finding.rule.id,
                    severity: json::severity(finding.severity),
                    message: finding.message.clone(),
                    location: json::location(subject, finding, finding.places.first()),
                })
                .collect()
        }),
    }
}

fn message_json(event: &Event, times: usize) -> MessageJson {
    MessageJson {
        said: match event.said {
            Said::Panic => "panic",
            Said::Exception => "exception",
            Said::Line => "line",
        },
        line: event.line,
        text: event.message.clone(),
        source: event.panicked_at.as_ref().map(source_json),
        times,
    }
}

fn source_json(source: &Source) -> SourceJson {
    SourceJson {
        file: source.file.clone(),
        line: source.line,
    }
}

fn also_json(other: &Recognised) -> AlsoJson {
    AlsoJson {
        message: message_json(&other.event, other.times),
        meaning: other.entry.meaning.to_string(),
        rules: other
            .entry
            .rules
            .iter()
            .map(|rule| (*rule).to_string())
            .collect(),
        wrapper: other.is_wrapper(),
    }
}

/// One for each place of a finding; one without a place for a finding that has none.
fn located_json(located: &Located<'_>) -> Vec<LocatedJson> {
    let finding: &Finding = located.finding;
    let places = finding.places.iter().map(Some);
    let none = finding.places.is_empty().then_some(None);
    let since = located.since.as_ref();
    places
        .chain(none)
        .map(|place| LocatedJson {
            rule: finding.rule.id,
            message: finding.message.clone(),
            location: json::location(located.subject, finding, place),
            writer: located.writer().map(str::to_string),
            since_version: since.map(|since| since.first.version),
            operation: since.and_then(|since| since.first.operation),
            evidence: located.evidence.clone(),
            cause: finding.cause.clone(),
            help: finding.help.iter().map(|help| help.text.clone()).collect(),
        })
        .collect()
}

fn too_new_json(too_new: &TooNew<'_>) -> TooNewJson {
    TooNewJson {
        dataset: too_new.subject.path.clone(),
        reads_since: too_new.reads.map(|release| release.to_string()),
        what: too_new.what.clone(),
    }
}
