//! What a misspelt name was meant to be.

use strsim::osa_distance;

/// Longest word, in bytes, for which a name is looked for.
const MAX_WORD: usize = 128;

/// The name nearest to `wanted`, if any is near: a slip in every third letter at most, or all of
/// its words in another order or with others between them.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A word of that length is no slip, and the distance takes time by the product of lengths.
    if wanted.len() > MAX_WORD {
        return None;
    }
    let bare = wanted.trim().to_lowercase().replace(['_', ' '], "-");
    let near = (bare.chars().count() / 3).max(1);
    let words: Vec<&str> = bare.split('-').filter(|word| !word.is_empty()).collect();
    let distance = |name: &str| {
        let slips = osa_distance(&bare, name);
        if slips <= near {
            return Some(slips);
        }
        // The beginning of a name, or nearly.
        let start: String = name.chars().take(bare.chars().count()).collect();
        if bare.len() > 3 && osa_distance(&bare, &start) <= near {
            return Some(near + slips);
        }
        let has = |word: &&str| name.split('-').any(|part| part == *word);
        let all = words.len() > 1 && words.iter().all(has);
        // Behind every name that is a slip away.
        all.then_some(near + slips)
    };
    let scored = names
        .into_iter()
        .filter_map(|name| Some((distance(name)?, name)));
    scored.min_by_key(|(score, _)| *score).map(|(_, name)| name)
}

/// `; did you mean …?` when a name is near, else nothing.
pub fn hint<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(wanted, names) {
        Some(name) => format!("; did you mean {name}?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_words_left_out_are_seen_through() {
        let names = ["blob-stored-plain", "blob-in-list", "data-file-missing"];
        let near = |wanted| nearest(wanted, names);
        assert_eq!(near("blob-stord-plain"), Some("blob-stored-plain"));
        assert_eq!(near("BLOB_STORED_PLAIN"), Some("blob-stored-plain"));
        assert_eq!(near("blob-plain"), Some("blob-stored-plain"));
        assert_eq!(near("missing-data"), Some("data-file-missing"));
        assert_eq!(near("E501"), None);
        assert_eq!(near("blob-stord"), Some("blob-stored-plain"));
    }
}
