//! The output for people.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::layout::{bytes, counted, number, place, prose, wrapped, wrapped_styled};
use super::table;
use super::tree::{self, Mark};
use crate::check::{DatasetFacts, Report, SubjectKind, SubjectReport};
use crate::finding::{FailureKind, Finding, FirstSeen, Severity};
use crate::model::readers::{OLDEST, Readers};
use crate::model::target::BRANCHES;
use crate::printable::printable;

/// What to print and how.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Findings only.
    pub quiet: bool,
    /// The column tables.
    pub table: bool,
    /// The findings and the summary.
    pub findings: bool,
    /// How wide lines may be.
    pub width: usize,
    /// How long the run took.
    pub elapsed: Duration,
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default().bold();

/// What stands before each line of a tree.
const TREE_INDENT: usize = 6;
/// Datasets that fail which are named at the end; what is over is counted.
const MAX_FAILING: usize = 50;

/// The colour of a severity.
pub(super) fn style(severity: Severity) -> Style {
    let colour = match severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Info => AnsiColor::Cyan,
    };
    Style::new().bold().fg_color(Some(colour.into()))
}

/// Writes a report.
///
/// # Errors
/// Whatever the writer says.
pub fn write(out: &mut dyn Write, report: &Report, options: Options) -> io::Result<()> {
    let several = are_several(report);
    let mut first = true;
    let mut in_brief = false;
    for subject in &report.subjects {
        if options.quiet && subject.findings.is_empty() {
            continue;
        }
        // Among several, one in which nothing is found takes a line.
        let brief = several && !options.quiet && options.findings && is_healthy(subject);
        if !(first || brief && in_brief) {
            writeln!(out)?;
        }
        (first, in_brief) = (false, brief);
        if brief {
            in_a_line(out, subject)?;
            continue;
        }
        if options.quiet {
            // Whose findings these are must still be told apart.
            if report.subjects.len() > 1 {
                writeln!(out, "{BOLD}{}{BOLD:#}", subject.path)?;
            }
        } else {
            header(out, subject, several, options)?;
            let is_wrong = subject.findings.iter().any(|f| f.severity > Severity::Info);
            if options.table && (is_wrong || !several || !options.findings) {
                columns(out, subject, options)?;
            }
        }
        if options.findings || options.quiet {
            let (shown, alike) = folded(&subject.findings);
            for (at, finding) in shown.iter().enumerate() {
                if at > 0 || !options.quiet {
                    writeln!(out)?;
                }
                write_finding(out, subject, finding, options)?;
            }
            for (rule, findings) in alike {
                writeln!(out)?;
                write_alike(out, rule, &findings, options)?;
            }
        }
    }
    if options.findings && !options.quiet {
        writeln!(out)?;
        summary(out, report, options)?;
    }
    Ok(())
}

/// Whether a report is about several datasets, or several files by themselves. The files of a
/// dataset that is lost belong to it.
fn are_several(report: &Report) -> bool {
    let subjects = report.subjects.iter();
    let files = subjects.filter(|subject| matches!(subject.kind, SubjectKind::File));
    let files = files.count();
    match report.subjects.len() - files {
        0 => files > 1,
        datasets => datasets > 1,
    }
}

/// Whether there is nothing to say of a subject.
fn is_healthy(subject: &SubjectReport) -> bool {
    subject.findings.is_empty()
        && subject.ignored.is_empty()
        && subject.notes.is_empty()
        && !matches!(subject.kind, SubjectKind::UnreadableDataset)
}

/// A subject in which nothing is found, in one line.
fn in_a_line(out: &mut dyn Write, subject: &SubjectReport) -> io::Result<()> {
    let mut parts = Vec::new();
    if let SubjectKind::Dataset(facts) = &subject.kind {
        parts.push(format!("version {}", facts.version));
    }
    let live = subject.physical_rows.saturating_sub(subject.deleted_rows);
    parts.push(counted(live, "row"));
    parts.push(bytes(subject.bytes));
    writeln!(
        out,
        "{BOLD}{}{BOLD:#} · {} · {GREEN}no findings{GREEN:#}",
        printable(&subject.path),
        parts.join(" · ")
    )
}

fn header(
    out: &mut dyn Write,
    subject: &SubjectReport,
    several: bool,
    options: Options,
) -> io::Result<()> {
    let mut parts = Vec::new();
    match &subject.kind {
        SubjectKind::Dataset(facts) => dataset_parts(subject, facts, &mut parts),
        SubjectKind::UnreadableDataset => parts.push("manifest not readable".to_string()),
        SubjectKind::File => {
            parts.push("single data file".to_string());
            if !subject.file_versions.is_empty() {
                parts.push(counted(subject.physical_rows, "row"));
            }
        }
    }
    if subject.bytes > 0 {
        parts.push(bytes(subject.bytes));
    }
    match subject.file_versions.as_slice() {
        [] => {}
        [(version, _)] => parts.push(format!("file version {version}")),
        many => {
            let versions: Vec<String> = many
                .iter()
                .map(|(version, files)| format!("{version} ({})", number(*files)))
                .collect();
            parts.push(format!("file versions {}", versions.join(", ")));
        }
    }
    if let SubjectKind::Dataset(facts) = &subject.kind {
        if let Some(writer) = &facts.writer {
            parts.push(format!("written by {writer}"));
        }
        parts.push(readable(&facts.readers));
        let mut flags = facts.reader_flags.clone();
        let more = facts
            .writer_flags
            .iter()
            .filter(|flag| !facts.reader_flags.contains(flag));
        flags.extend(more.map(|flag| format!("{flag} (writers)")));
        if !flags.is_empty() {
            parts.push(format!("flags: {}", flags.join(", ")));
        }
    }
    // Datasets in several folders may have one name.
    let name = match several {
        true => subject.path.as_str(),
        false => name(subject),
    };
    let name = printable(name);
    let name = name.as_ref();
    let line = format!("{name} · {}", parts.join(" · "));
    let width = options.width;
    for (at, line) in wrapped(&line, width, 2).into_iter().enumerate() {
        match line.strip_prefix(name).filter(|_| at == 0) {
            Some(rest) => writeln!(out, "{BOLD}{name}{BOLD:#}{rest}")?,
            None => writeln!(out, "{line}")?,
        }
    }
    for note in &subject.notes {
        for line in wrapped(&format!("note: {note}"), prose(options.width), 6) {
            writeln!(out, "{DIM}{line}{DIM:#}")?;
        }
    }
    Ok(())
}

/// Who can read it.
fn readable(readers: &Readers) -> String {
    match (readers.reads, readers.until) {
        (Some(reads), Some(until)) if reads == until => {
            return format!("read by lance {reads} only");
        }
        (Some(reads), Some(until)) => return format!("read by lance {reads} to {until} only"),
        _ => {}
    }
    match (readers.reads, readers.opens) {
        (Some(reads), Some(opens)) if OLDEST < opens && opens < reads => {
            format!("read by lance {reads}+ (opened by {opens}+)")
        }
        (Some(reads), _) => format!("read by lance {reads}+"),
        (None, Some(opens)) => format!("read by no release of lance (opened by {opens}+)"),
        (None, None) => "opened by no release of lance".to_string(),
    }
}

/// The last part of a dataset's path, that of the dataset for a branch; a file's whole path.
fn name(subject: &SubjectReport) -> &str {
    let path = match &subject.kind {
        SubjectKind::File => return &subject.path,
        SubjectKind::UnreadableDataset => subject.path.as_str(),
        SubjectKind::Dataset(facts) => {
            let branch = facts
                .branch
                .as_ref()
                .map(|branch| format!("/{BRANCHES}/{branch}"));
            let root = branch.and_then(|branch| subject.path.strip_suffix(branch.as_str()));
            root.unwrap_or(&subject.path)
        }
    };
    path.rsplit('/')
        .find(|part| !part.is_empty())
        .unwrap_or(path)
}

fn dataset_parts(subject: &SubjectReport, facts: &DatasetFacts, parts: &mut Vec<String>) {
    let branch = facts
        .branch
        .as_ref()
        .map(|branch| format!(" of branch {branch}"));
    parts.push(format!(
        "version {}{}",
        facts.version,
        branch.unwrap_or_default()
    ));
    if subject.fragments == facts.total_fragments {
        parts.push(counted(subject.fragments, "fragment"));
    } else {
        parts.push(format!(
            "{} of {}",
            number(subject.fragments),
            counted(facts.total_fragments, "fragment")
        ));
    }
    let live = subject.physical_rows.saturating_sub(subject.deleted_rows);
    match subject.deleted_rows {
        0 => parts.push(counted(live, "row")),
        deleted => parts.push(format!(
            "{} (+ {} deleted)",
            counted(live, "row"),
            number(deleted)
        )),
    }
    if facts.overlaid_fragments > 0 {
        parts.push(format!(
            "overlays on {} (listed below are the files beneath them)",
            counted(facts.overlaid_fragments, "fragment")
        ));
    }
}

fn columns(out: &mut dyn Write, subject: &SubjectReport, options: Options) -> io::Result<()> {
    let lines = table::draw(subject, options.width);
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let findings = subject.findings.iter();
    let kinds: BTreeSet<(Severity, &str)> = findings.map(|f| (f.severity, f.rule.id)).collect();
    let marks: Vec<(String, Style)> = kinds
        .into_iter()
        .map(|(severity, rule)| (format!("{} {rule}", table::sign(severity)), style(severity)))
        .collect();
    for (at, line) in lines.iter().enumerate() {
        if at == 0 {
            writeln!(out, "{DIM}{line}{DIM:#}")?;
            continue;
        }
        // The verdict is the last column, and nothing else in a row looks like one.
        let verdict = marks.iter().find(|(mark, _)| line.ends_with(mark.as_str()));
        match verdict {
            Some((mark, style)) => {
                let rest = line.strip_suffix(mark.as_str()).unwrap_or(line);
                writeln!(out, "{rest}{style}{mark}{style:#}")?;
            }
            None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

/// Most findings of one rule that are written out in full, when there are many more.
const MAX_IN_FULL: usize = 3;
/// More findings of one rule than this are folded.
const FOLD_FROM: usize = 6;

type Folded<'a> = (Vec<&'a Finding>, Vec<(&'static str, Vec<&'a Finding>)>);

/// Parts findings into those to write out and those that are like others of their rule but for
/// the column.
fn folded(findings: &[Finding]) -> Folded<'_> {
    let mut totals: BTreeMap<(&str, Severity), (usize, usize)> = BTreeMap::new();
    for finding in findings {
        totals
            .entry((finding.rule.id, finding.severity))
            .or_default()
            .0 += 1;
    }
    let mut shown = Vec::new();
    let mut alike: Vec<(&'static str, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        let key = (finding.rule.id, finding.severity);
        let (total, written) = totals.entry(key).or_default();
        if finding.column.is_none() || *total <= FOLD_FROM || *written < MAX_IN_FULL {
            *written += 1;
            shown.push(finding);
            continue;
        }
        match alike.iter_mut().find(|(rule, _)| *rule == finding.rule.id) {
            Some((_, more)) => more.push(finding),
            None => alike.push((finding.rule.id, vec![finding])),
        }
    }
    (shown, alike)
}

fn write_alike(
    out: &mut dyn Write,
    rule: &str,
    findings: &[&Finding],
    options: Options,
) -> io::Result<()> {
    let width = prose(options.width);
    let columns: Vec<&str> = findings
        .iter()
        .filter_map(|f| f.column.as_deref())
        .collect();
    let text = format!(
        "… {rule} in {} too: {}",
        counted(columns.len() as u64, "more column"),
        columns.join(", ")
    );
    for line in wrapped(&text, width, 2) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn write_finding(
    out: &mut dyn Write,
    subject: &SubjectReport,
    finding: &Finding,
    options: Options,
) -> io::Result<()> {
    let style = style(finding.severity);
    let width = prose(options.width);
    let head = format!("{}[{}]", finding.severity, finding.rule.id);
    let message = wrapped(&format!("{head}: {}", finding.message), width, 2);
    for (at, line) in message.iter().enumerate() {
        match line.strip_prefix(&head).filter(|_| at == 0) {
            Some(rest) => writeln!(out, "{style}{head}{style:#}{BOLD}{rest}{BOLD:#}")?,
            None => writeln!(out, "{BOLD}{line}{BOLD:#}")?,
        }
    }
    for (at, spot) in finding.places.iter().enumerate() {
        let arrow = if at == 0 { "-->" } else { "   " };
        let lines = wrapped(&format!("      {}", place(spot)), options.width, 8);
        for (at, line) in lines.iter().enumerate() {
            match line.strip_prefix("      ").filter(|_| at == 0) {
                Some(first) => writeln!(out, "  {DIM}{arrow}{DIM:#} {first}")?,
                None => writeln!(out, "{line}")?,
            }
        }
    }
    let more = finding.count.saturating_sub(finding.places.len() as u64);
    if more > 0 {
        let among = match (&subject.kind, finding.fragments) {
            (SubjectKind::Dataset(_), fragments) if fragments > 1 && finding.since.is_none() => {
                format!(
                    "; in all {} in {} of {}",
                    counted(finding.count, "place"),
                    number(fragments),
                    counted(subject.fragments, "fragment")
                )
            }
            _ => String::new(),
        };
        writeln!(out, "      … and {}{among}", counted(more, "more place"))?;
    } else if subject.fragments > 1 && finding.fragments > 0 && finding.since.is_none() {
        let of = counted(subject.fragments, "fragment");
        writeln!(out, "      in {} of {of}", number(finding.fragments))?;
    }
    match &finding.tree {
        Some(marked) => {
            let mark = Mark {
                node: &marked.node,
                note: &marked.note,
            };
            let width = options.width.saturating_sub(TREE_INDENT);
            for line in tree::draw(&marked.encoding.root, false, Some(mark), width) {
                writeln!(out, "   {DIM}|{DIM:#}  {line}")?;
            }
        }
        None => {
            if let Some(expected) = &finding.expected {
                field(out, "expected", expected, width)?;
            }
            if let Some(found) = &finding.found {
                field(out, "found", found, width)?;
            }
        }
    }
    for reader in &finding.readers {
        field(
            out,
            "reader",
            &format!("{} {}", reader.call, reader.effect),
            width,
        )?;
    }
    decoder(out, finding, width)?;
    if let Some(cause) = &finding.cause {
        field(out, "cause", cause, width)?;
    }
    if let Some(since) = &finding.since {
        field(out, "since", &since_text(since), width)?;
    }
    for help in &finding.help {
        with_code(out, "help", &help.text, width)?;
    }
    Ok(())
}

/// In which versions something is, and who made the first.
fn since_text(since: &FirstSeen) -> String {
    let first = &since.first;
    let branch = first.branch.as_ref();
    let by = match (&first.writer, first.operation) {
        (Some(writer), Some(operation)) => format!(", made by {writer} ({operation})"),
        (Some(writer), None) => format!(", made by {writer}"),
        (None, Some(operation)) => format!(", made by a release that left no name ({operation})"),
        (None, None) => String::new(),
    };
    format!(
        "version {}{}{by}; in {}{}",
        first.version,
        branch.map_or(String::new(), |branch| format!(" of branch {branch}")),
        counted(since.versions, "version"),
        if since.in_latest {
            ""
        } else {
            ", and not in the latest"
        }
    )
}

/// What a decoder did, each thing that it said once.
fn decoder(out: &mut dyn Write, finding: &Finding, width: usize) -> io::Result<()> {
    let mut said: Vec<(FailureKind, &str)> = Vec::new();
    for decode_failures in &finding.decode_failures {
        let thing = (decode_failures.failing, decode_failures.message.as_str());
        if said.contains(&thing) {
            continue;
        }
        said.push(thing);
        let mut parts = Vec::new();
        if let Some(fragment) = decode_failures.fragment.filter(|_| finding.fragments > 1) {
            parts.push(format!("fragment {fragment}"));
        }
        match &decode_failures.column {
            None => parts.push("all columns".to_string()),
            // Those above and below the finding's own column may be the ones that were read.
            column if *column != finding.column => {
                parts.extend(column.iter().map(|column| format!("column `{column}`")));
            }
            Some(_) => {}
        }
        parts.extend(decode_failures.page.map(|page| format!("page {page}")));
        let rows = decode_failures.rows.as_ref();
        parts.extend(rows.map(|rows| format!("rows {}..{}", rows.start, rows.end)));
        let (verb, message) = (decode_failures.failing.verb(), &decode_failures.message);
        let text = format!("{}: {verb}: {message}", parts.join(", "));
        field(out, "decoder", &text, width)?;
    }
    let more = finding
        .decode_failure_count
        .saturating_sub(said.len() as u64);
    if more > 0 {
        let times = counted(more, "more time");
        field(out, "decoder", &format!("fails {times}"), width)?;
    }
    Ok(())
}

/// One remark of a finding.
fn field(out: &mut dyn Write, name: &str, text: &str, width: usize) -> io::Result<()> {
    with_code(out, name, &printable(text), width)
}

/// One remark of a finding. Lines after the first are code and are kept whole.
fn with_code(out: &mut dyn Write, name: &str, text: &str, width: usize) -> io::Result<()> {
    let mut lines = text.lines();
    let label = format!("   = {:<10}", format!("{name}:"));
    let indent = label.chars().count();
    let first = lines.next().unwrap_or_default();
    for (at, line) in wrapped(&format!("{label}{first}"), width, indent)
        .iter()
        .enumerate()
    {
        match line.strip_prefix(&label).filter(|_| at == 0) {
            Some(rest) => writeln!(out, "{DIM}{label}{DIM:#}{rest}")?,
            None => writeln!(out, "{line}")?,
        }
    }
    for code in lines {
        writeln!(out, "{}{}", " ".repeat(indent + 2), printable(code))?;
    }
    Ok(())
}

/// Writes counts and costs, and what is to be said of the run as a whole.
pub(super) fn summary(out: &mut dyn Write, report: &Report, options: Options) -> io::Result<()> {
    let mut counts = Vec::new();
    for severity in Severity::ALL.into_iter().rev() {
        let count = report.count(severity);
        if count > 0 {
            let style = style(severity);
            let noun = of_severity(count, severity);
            counts.push(format!("{style}{noun}{style:#}"));
        }
    }
    if counts.is_empty() {
        counts.push(format!("{GREEN}no findings{GREEN:#}"));
    }
    if report.ignored() > 0 {
        counts.push(format!("{} ignored", report.ignored()));
    }
    let subjects = match report.subjects.len() {
        0 | 1 => String::new(),
        many => format!(" in {many} datasets and files"),
    };
    let decoded = report.decoded.map(|decoded| {
        format!(
            " · decoded {} of {} in {} with {}",
            counted(decoded.pages, "page"),
            counted(decoded.columns, "column"),
            counted(decoded.files, "file"),
            match decoded.failures {
                0 => "no failure".to_string(),
                failures => counted(failures, "failure"),
            }
        )
    });
    // Other versions and all of their files do not count as bytes of the subject.
    let whole = match report.bytes() {
        whole if report.bytes_read > whole => String::new(),
        whole => format!(" of {}", bytes(whole)),
    };
    let line = format!(
        "{}{subjects}{} · read {}{whole} in {} · {}",
        counts.join(" · "),
        decoded.unwrap_or_default(),
        bytes(report.bytes_read),
        counted(report.requests, "request"),
        time(options.elapsed)
    );
    for line in wrapped_styled(&line, options.width, 2) {
        writeln!(out, "{line}")?;
    }
    let mut rules: Vec<&str> = Vec::new();
    for finding in report.subjects.iter().flat_map(|subject| &subject.findings) {
        if !rules.contains(&finding.rule.id) {
            rules.push(finding.rule.id);
        }
    }
    let more = match rules.as_slice() {
        [] => String::new(),
        [rule] => format!("For more information, run: lance-lint explain {rule}"),
        [first, ..] => {
            format!(
                "For more information, run: lance-lint explain RULE, such as lance-lint explain {first}"
            )
        }
    };
    for line in wrapped(&more, options.width, 2) {
        if !line.is_empty() {
            writeln!(out, "{DIM}{line}{DIM:#}")?;
        }
    }
    for note in &report.notes {
        let width = prose(options.width);
        for line in wrapped(&format!("note: {note}"), width, 6) {
            writeln!(out, "{DIM}{line}{DIM:#}")?;
        }
    }
    failing(out, report)
}

/// Findings of a severity, counted: `2 errors`.
fn of_severity(count: usize, severity: Severity) -> String {
    match severity {
        Severity::Info => format!("{count} info"),
        _ => counted(count as u64, severity.word()),
    }
}

/// Names those of several datasets that make a run fail, with what was found in each.
fn failing(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let all = report.subjects.len();
    let failing = report.subjects.iter().filter(|subject| subject.fails());
    let failing: Vec<&SubjectReport> = failing.collect();
    if all < 2 || failing.is_empty() {
        return Ok(());
    }
    let verb = if failing.len() == 1 { "fails" } else { "fail" };
    writeln!(out, "{} of {all} {verb}:", failing.len())?;
    for subject in failing.iter().take(MAX_FAILING) {
        let mut counts = Vec::new();
        for severity in Severity::ALL.into_iter().rev() {
            let findings = subject.findings.iter();
            let findings = findings.filter(|finding| finding.severity == severity);
            let count = findings.count();
            if count > 0 {
                counts.push(of_severity(count, severity));
            }
        }
        writeln!(
            out,
            "  {BOLD}{}{BOLD:#}: {}",
            subject.path,
            counts.join(", ")
        )?;
    }
    match failing.len().saturating_sub(MAX_FAILING) {
        0 => Ok(()),
        more => writeln!(out, "  … and {more} more; --quiet prints findings only"),
    }
}

fn time(elapsed: Duration) -> String {
    match elapsed.as_millis() {
        0 => "under 1 ms".to_string(),
        ms @ 1..10_000 => format!("{} ms", number(u64::try_from(ms).unwrap_or(u64::MAX))),
        _ => format!("{:.1} s", elapsed.as_secs_f64()),
    }
}
