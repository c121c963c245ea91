//! An encoding tree drawn in text, with one node marked.

use unicode_width::UnicodeWidthStr;

use super::layout::prefixed;

use crate::model::describe::Parameter;
use crate::model::encoding::{Kind, Layer, Node};

/// Room that the text of a node has at least.
const LEAST_TEXT: usize = 30;

/// A node to underline, and what to say below it.
#[derive(Debug, Clone, Copy)]
pub struct Mark<'a> {
    /// Child indices from the root.
    pub node: &'a [usize],
    /// The remark.
    pub note: &'a str,
}

/// Draws a tree in lines of a width; `full` shows every parameter, otherwise those that name the
/// shape.
pub fn draw(root: &Node, full: bool, mark: Option<Mark<'_>>, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut drawing = Drawing {
        full,
        mark,
        width,
        lines: &mut lines,
    };
    drawing.node(root, "", "", "", &mut Vec::new());
    lines
}

struct Drawing<'a> {
    full: bool,
    mark: Option<Mark<'a>>,
    width: usize,
    lines: &'a mut Vec<String>,
}

impl Drawing<'_> {
    fn node(&mut self, node: &Node, stem: &str, branch: &str, role: &str, path: &mut Vec<usize>) {
        let lead = match role {
            "" => format!("{stem}{branch}"),
            role => format!("{stem}{branch}{role}: "),
        };
        let text = self.text(node);
        let below = match branch {
            "" => String::new(),
            "└─ " => format!("{stem}   "),
            _ => format!("{stem}│  "),
        };
        // Deep trees need their room for the text.
        let width = self.width.max(below.width() + LEAST_TEXT);
        let go_on = match node.children.is_empty() {
            true => format!("{below}     "),
            false => format!("{below}│    "),
        };
        self.lines.extend(prefixed(&lead, &go_on, &text, width));
        if let Some(mark) = self.mark.filter(|mark| mark.node == path.as_slice()) {
            // The line that leads down to the children goes on beside the marks.
            let blank: String = below
                .chars()
                .chain(std::iter::repeat(' '))
                .take(lead.width())
                .collect();
            let underline = "^".repeat(node.kind.name().width());
            let lead = format!("{blank}{underline} ");
            let go_on = format!("{blank}{}", " ".repeat(underline.len() + 1));
            let width = width.max(lead.width() + LEAST_TEXT);
            self.lines.extend(prefixed(&lead, &go_on, mark.note, width));
        }
        let last = node.children.len().saturating_sub(1);
        for (at, child) in node.children.iter().enumerate() {
            let branch = if at == last { "└─ " } else { "├─ " };
            path.push(at);
            self.node(&child.node, &below, branch, &child.role, path);
            path.pop();
        }
    }

    fn text(&self, node: &Node) -> String {
        let shown: Vec<String> = node
            .kind
            .parameters()
            .into_iter()
            .filter(|(name, _)| self.full || names_shape(name))
            .map(|(name, value)| format!("{name} {}", value_text(&value)))
            .collect();
        match shown.is_empty() {
            true => node.kind.name().to_string(),
            false => format!("{}({})", node.kind.name(), shown.join(", ")),
        }
    }
}

/// Parameters that say what an encoding is, rather than how much of it there is.
fn names_shape(name: &str) -> bool {
    matches!(
        name,
        "bits_per_value"
            | "bits_per_offset"
            | "uncompressed_bits_per_value"
            | "dimension"
            | "compression"
            | "nullability"
            | "byte_width"
            | "fields"
            | "scheme"
    )
}

/// A parameter's value in a line of text.
pub fn value_text(value: &Parameter) -> String {
    match value {
        Parameter::Number(number) => number.to_string(),
        Parameter::Signed(number) => number.to_string(),
        Parameter::Flag(flag) => if *flag { "yes" } else { "no" }.to_string(),
        Parameter::Text(text) => text.clone(),
        Parameter::List(words) => format!("[{}]", words.join(", ")),
    }
}

/// The structural layers of a page, outer to inner, in words; empty without any.
pub fn layers(root: &Node) -> String {
    let found: &[Layer] = match &root.kind {
        Kind::MiniBlock { layers, .. }
        | Kind::FullZip { layers, .. }
        | Kind::ConstantLayout { layers, .. }
        | Kind::BlobLayout { layers }
        | Kind::DenseStructure { layers } => layers,
        _ => match root.child("structure").map(|node| &node.kind) {
            Some(Kind::DenseStructure { layers }) => layers,
            _ => &[],
        },
    };
    let words: Vec<String> = found.iter().rev().map(Layer::to_string).collect();
    words.join(" > ")
}
