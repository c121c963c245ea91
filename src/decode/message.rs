//! What a decoder said, cut down to what tells something.

/// Most characters of a message that are kept.
const MAX_CHARACTERS: usize = 400;

/// In one line, without where the decoder's sources or the user's files are on this machine.
/// `path` is the file that was read, `name` what to call it.
pub fn told(message: &str, path: &str, name: &str) -> String {
    let mut text = message.replace(path, name);
    // Stores name a path without its root.
    let below_root = path.trim_start_matches('/');
    if !below_root.is_empty() {
        text = text.replace(below_root, name);
    }
    let words: Vec<String> = text.split_whitespace().map(without_directories).collect();
    let text = words.join(" ");
    // Where in this program an error was made says nothing of the file.
    let text = match text.split_once(", src/decode/") {
        Some((said, _)) => said,
        None => &text,
    };
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_string(),
    }
}

/// A path into cargo's directories begins at the crate.
fn without_directories(word: &str) -> String {
    for (mark, more) in [("/registry/src/", 1), ("/git/checkouts/", 2)] {
        let Some((before, inside)) = word.split_once(mark) else {
            continue;
        };
        let start = before.find('/').unwrap_or(before.len());
        let kept = inside.splitn(more + 1, '/').last().unwrap_or(inside);
        return format!("{}{kept}", before.get(..start).unwrap_or_default());
    }
    word.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_this_machine_are_left_out() {
        let said = "Not here: /d/x.lance,\n and d/x.lance, \
                    /root/.cargo/registry/src/index.crates.io-19/lance-io-14.0.2/src/a.rs:12:3";
        let told = told(said, "/d/x.lance", "data/x.lance");
        assert_eq!(
            told,
            "Not here: data/x.lance, and data/x.lance, lance-io-14.0.2/src/a.rs:12:3"
        );
    }

    #[test]
    fn long_messages_are_cut() {
        let told = told(&"é".repeat(500), "/x", "x");
        assert_eq!(told.chars().count(), MAX_CHARACTERS + 1);
    }
}
