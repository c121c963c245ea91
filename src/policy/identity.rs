//! What makes a finding the same one tomorrow, when the data has been written again.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::finding::Finding;

/// A finding without what changes when data is rewritten: file names, fragments, page numbers,
/// offsets and counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The dataset or file, as it is named where this is used.
    pub subject: String,
    /// The rule's id.
    pub rule: &'static str,
    /// The path of the field.
    pub column: Option<String>,
    /// How the pages are stored, as a short notation; of findings about pages only.
    pub pages: Option<String>,
    /// What is wrong, without numbers; of other findings, which nothing else tells apart.
    pub fault: Option<String>,
}

impl Identity {
    /// The identity of a finding about `subject`.
    pub fn new(subject: String, finding: &Finding) -> Self {
        let pages = finding.tree.as_ref();
        let pages = pages.map(|marked| marked.encoding.notation.to_string());
        let by_pages = pages.is_some() && finding.column.is_some();
        Self {
            subject,
            rule: finding.rule.id,
            column: finding.column.clone(),
            fault: (!by_pages).then(|| without_numbers(&finding.message)),
            pages,
        }
    }

    /// 32 hexadecimal digits that stand for it, the same in every build.
    pub fn fingerprint(&self) -> String {
        let mut hasher = SipHasher13::new();
        let parts = [
            Some(self.subject.as_str()),
            Some(self.rule),
            self.column.as_deref(),
            self.pages.as_deref(),
            self.fault.as_deref(),
        ];
        for part in parts {
            hasher.write(part.unwrap_or_default().as_bytes());
            hasher.write(&[0, u8::from(part.is_some())]);
        }
        let hash = hasher.finish128();
        format!("{:016x}{:016x}", hash.h1, hash.h2)
    }
}

/// The text with `N` for each number outside of backticks.
fn without_numbers(text: &str) -> String {
    let is_number = |bare: &str| {
        bare.starts_with(|c: char| c.is_ascii_digit())
            && bare.chars().all(|c| c.is_ascii_digit() || ",.".contains(c))
    };
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
        match is_number(bare) {
            true => word.replace(bare, "N"),
            false => word.to_string(),
        }
    };
    let parts = text.split('`').enumerate().map(|(at, part)| match at % 2 {
        0 => part.split(' ').map(word).collect::<Vec<_>>().join(" "),
        _ => part.to_string(),
    });
    parts.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_and_names_stay() {
        assert_eq!(
            without_numbers("1,234 of 5,000 fragments of column `v 2` in v2 hold 7"),
            "N of N fragments of column `v 2` in v2 hold N"
        );
        assert_eq!(
            without_numbers("versions 3, 4 and 5"),
            "versions N, N and N"
        );
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_build() {
        let identity = Identity {
            subject: "a.lance".to_string(),
            rule: "blob-stored-plain",
            column: Some("blob".to_string()),
            pages: Some("binary(offsets u64, bytes)".to_string()),
            fault: None,
        };
        assert_eq!(identity.fingerprint().len(), 32);
        let other = Identity {
            column: None,
            ..identity.clone()
        };
        assert_ne!(identity.fingerprint(), other.fingerprint());
    }
}
