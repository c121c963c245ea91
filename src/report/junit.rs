//! A JUnit report, as CI systems show test results: a suite for each dataset or file, a case
//! for each finding. What does not make the run fail passes, and says what it is.

use std::io::{self, Write};
use std::path::Path;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::annotation::{Annotation, annotations};
use crate::check::Report;
use crate::printable::printable;

/// Writes a report.
///
/// # Errors
/// Whatever the writer says.
pub fn write(out: &mut dyn Write, report: &Report, base: &Path) -> io::Result<()> {
    let annotations = annotations(report, base);
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let fails =
        |annotation: &&Annotation<'_>| annotation.finding.severity >= annotation.subject.fail_on;
    let failures = annotations.iter().filter(fails).count();
    let clean = report.subjects.iter();
    let clean = clean.filter(|subject| subject.findings.is_empty()).count();
    let mut suites = BytesStart::new("testsuites");
    suites.push_attribute(("name", "lance-lint"));
    suites.push_attribute(("tests", (annotations.len() + clean).to_string().as_str()));
    suites.push_attribute(("failures", failures.to_string().as_str()));
    suites.push_attribute(("errors", "0"));
    xml.write_event(Event::Start(suites))?;
    let mut rest = annotations.as_slice();
    for subject in &report.subjects {
        // They are in the order of their subjects.
        let (own, others) = rest.split_at(subject.findings.len().min(rest.len()));
        rest = others;
        let failures = own.iter().filter(|annotation| fails(annotation)).count();
        let mut suite = BytesStart::new("testsuite");
        suite.push_attribute(("name", legal(&printable(&subject.path)).as_str()));
        suite.push_attribute(("tests", own.len().max(1).to_string().as_str()));
        suite.push_attribute(("failures", failures.to_string().as_str()));
        suite.push_attribute(("errors", "0"));
        suite.push_attribute(("skipped", "0"));
        xml.write_event(Event::Start(suite))?;
        if own.is_empty() {
            xml.write_event(Event::Empty(case("lance-lint", &subject.path)))?;
        }
        for annotation in own {
            let finding = annotation.finding;
            let column = finding.column.as_ref();
            let name = match column {
                Some(column) => format!("{} in column {column}", finding.rule.id),
                None => finding.rule.id.to_string(),
            };
            xml.write_event(Event::Start(case(&name, &subject.path)))?;
            let details = annotation.details().join("\n");
            if fails(&annotation) {
                let mut failure = BytesStart::new("failure");
                failure.push_attribute(("message", legal(&annotation.message()).as_str()));
                failure.push_attribute(("type", finding.severity.word()));
                element(&mut xml, failure, &details)?;
            } else {
                let message = annotation.message();
                let text = format!("{}: {message}\n{details}", finding.severity);
                element(&mut xml, BytesStart::new("system-out"), &text)?;
            }
            xml.write_event(Event::End(BytesEnd::new("testcase")))?;
        }
        xml.write_event(Event::End(BytesEnd::new("testsuite")))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
    drop(xml);
    writeln!(out)
}

fn case(name: &str, class: &str) -> BytesStart<'static> {
    let mut case = BytesStart::new("testcase");
    case.push_attribute(("name", legal(&printable(name)).as_str()));
    case.push_attribute(("classname", legal(&printable(class)).as_str()));
    case.push_attribute(("time", "0"));
    case
}

fn element<W: Write>(xml: &mut Writer<W>, start: BytesStart<'_>, text: &str) -> io::Result<()> {
    let end = start.to_end().into_owned();
    xml.write_event(Event::Start(start))?;
    xml.write_event(Event::Text(BytesText::new(&legal(text))))?;
    xml.write_event(Event::End(end))
}

/// The text without characters that XML 1.0 cannot hold in any form; a damaged dataset has names
/// with anything in them.
fn legal(text: &str) -> String {
    let is_legal = |c: &char| match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => *c >= ' ',
    };
    let replaced = text.chars().map(|c| match is_legal(&c) {
        true => c,
        false => '\u{fffd}',
    });
    replaced.collect()
}
