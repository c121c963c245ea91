//! Every rule explains itself in the same sections, in Markdown that reads well in a terminal.
use lance_lint::rules::RULES;

/// The sections that each explanation has, in this order.
const SECTIONS: [&str; 3] = [
    "## What readers do",
    "## How it comes about",
    "## How to fix it",
];
/// The one that may follow.
const LAST: &str = "## When it is silent";
/// The widest line, in the source.
const WIDTH: usize = 100;
/// What stands before the text of a line in the source.
const BEFORE: usize = "    ///".len();

/// The lines of an explanation, and whether each is within fenced code.
fn lines(explanation: &str) -> Vec<(&str, bool)> {
    let mut fenced = false;
    let lines = explanation.lines().map(|line| {
        let fence = line.trim_start().starts_with("```");
        let within = fenced || fence;
        fenced ^= fence;
        (line, within)
    });
    lines.collect()
}

#[test]
fn explanations_have_the_sections_in_order() {
    for rule in RULES {
        let info = rule.info();
        let headings: Vec<&str> = lines(info.explanation)
            .into_iter()
            .filter(|(line, fenced)| !fenced && line.trim().starts_with('#'))
            .map(|(line, _)| line.trim())
            .collect();
        let (first, rest) = headings.split_at(headings.len().min(SECTIONS.len()));
        assert_eq!(first, SECTIONS, "{}", info.id);
        assert!(rest.is_empty() || rest == [LAST], "{}: {rest:?}", info.id);
        let mut text = info.explanation;
        for heading in headings {
            let Some((before, behind)) = text.split_once(heading) else {
                panic!("{}: {heading} stands twice", info.id)
            };
            assert!(
                !before.trim().is_empty(),
                "{}: empty before {heading}",
                info.id
            );
            text = behind;
        }
        assert!(!text.trim().is_empty(), "{}: empty at the end", info.id);
    }
}

#[test]
fn explanations_begin_with_a_sentence() {
    for rule in RULES {
        let info = rule.info();
        let first = info.explanation.split("\n\n").next().unwrap_or_default();
        let begins = first.trim().starts_with(|c: char| c.is_ascii_uppercase());
        assert!(
            begins && first.trim().ends_with('.'),
            "{}: {first}",
            info.id
        );
    }
}

#[test]
fn explanations_fit_the_width_of_the_source() {
    for rule in RULES {
        let info = rule.info();
        for (line, fenced) in lines(info.explanation) {
            let width = BEFORE + line.chars().count();
            assert!(fenced || width <= WIDTH, "{}: {width}: {line}", info.id);
        }
    }
}

/// What is not tagged is Rust to rustdoc, which would compile it. So is what is indented.
#[test]
fn code_in_explanations_is_fenced_and_tagged() {
    for rule in RULES {
        let info = rule.info();
        let mut open = false;
        for (line, fenced) in lines(info.explanation) {
            if let Some(tag) = line.trim_start().strip_prefix("```") {
                let tags: &[&str] = if open { &[""] } else { &["python", "text"] };
                assert!(tags.contains(&tag.trim()), "{}: {line}", info.id);
                open = !open;
            }
            let indented = line.starts_with("     ");
            assert!(fenced || !indented, "{}: indented: {line}", info.id);
        }
        assert!(!open, "{}: a fence is not closed", info.id);
    }
}
