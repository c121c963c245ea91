//! Exit status, errors, filters and streams, as a user meets them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use std::process::{Command, Stdio};

use common::{copy, lint, root, stderr, stdout};
use serde_json::Value;

const SEED: &str = "testdata/daft-blob.lance";
const CLEAN: &str = "testdata/clean/blob-v1-three-fragments-2.1";

fn status(arguments: &[&str]) -> i32 {
    lint(arguments).status.code().expect("no signal")
}

fn json(arguments: &[&str]) -> Value {
    let mut all = arguments.to_vec();
    all.extend(["--format", "json"]);
    serde_json::from_str(&stdout(&lint(&all))).expect("valid JSON")
}

fn file_in(dataset: &str, folder: &str) -> String {
    let mut names: Vec<String> = std::fs::read_dir(root().join(dataset).join(folder))
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .filter(|name| name.ends_with(".lance") || name.ends_with(".manifest"))
        .collect();
    names.sort();
    format!("{dataset}/{folder}/{}", names[0])
}

#[test]
fn exit_status_follows_the_findings() {
    assert_eq!(status(&[CLEAN]), 0);
    assert_eq!(status(&[SEED]), 1);
    assert_eq!(status(&[CLEAN, SEED]), 1);
    let warning = "testdata/broken/blob-key-false-2.0";
    assert_eq!(status(&[warning]), 0);
    assert_eq!(status(&[warning, "--fail-on", "warning"]), 1);
    assert_eq!(status(&[warning, "--fail-on", "info"]), 1);
}

#[test]
#[cfg(not(feature = "decode"))]
fn decoding_explains_how_to_get_it() {
    let output = lint(&["--decode", CLEAN]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    assert_eq!(
        stderr(&output),
        "lance-lint: --decode needs a build with Lance's own decoder: \
         cargo install lance-lint --features decode (needs protoc)\n"
    );
}

#[test]
fn what_cannot_be_done_is_one_sentence_and_status_2() {
    let cases: [(&[&str], &str); 12] = [
        (
            &["no/such.lance"],
            "no/such.lance does not exist; expected a Lance dataset",
        ),
        (
            &["src"],
            "src is not a Lance dataset: it has no _versions folder",
        ),
        (
            &["ftp://host/x.lance"],
            "ftp:// is not a store that lance-lint can read",
        ),
        (
            &["https://host/x.lance?token=abc"],
            "cannot read https://host/x.lance?***: a URL with a query is not taken",
        ),
        (
            &["s3:///x.lance"],
            "not a URL of a store: s3://BUCKET/PATH is",
        ),
        (
            &[SEED, "--max-bytes", "10"],
            "stopped by --max-bytes 10 before",
        ),
        (
            &[SEED, "--version", "9"],
            "has no version 9; its only version is 1",
        ),
        (
            &[SEED, "--tag", "gold"],
            "has no tag \"gold\"; it has no tags",
        ),
        (&[SEED, "--branch", "dev"], "has no branch \"dev\""),
        (
            &[SEED, "--column", "Blob"],
            "has no column Blob; did you mean blob?",
        ),
        (
            &[SEED, "--fragment", "7"],
            "has no fragment 7; its only fragment is 0",
        ),
        (
            &["inspect", SEED, "--column", "blob", "--page", "5"],
            "has no page 5",
        ),
    ];
    for (arguments, expected) in cases {
        let output = lint(arguments);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert_eq!(stdout(&output), "");
    }
    assert_eq!(status(&[]), 2);
    assert_eq!(status(&["--no-such-flag", SEED]), 2);
}

#[test]
fn a_file_of_a_dataset_stands_for_that_part_of_it() {
    let data = file_in(SEED, "data");
    let found = json(&[&data]);
    assert_eq!(found["findings"][0]["rule"], "blob-stored-plain");
    assert_eq!(found["findings"][0]["location"]["dataset"], SEED);
    let manifest = file_in(SEED, "_versions");
    assert_eq!(
        json(&[&manifest])["findings"][0]["rule"],
        "blob-stored-plain"
    );
    // Only the named file of three is looked at.
    let one = json(&[&file_in(CLEAN, "data")]);
    assert_eq!(one["subjects"][0]["data_files"], 1);
    assert_eq!(json(&[CLEAN])["subjects"][0]["data_files"], 3);
}

#[test]
fn several_paths_of_one_dataset_are_one_subject() {
    let data = file_in(SEED, "data");
    let slash = format!("{SEED}/");
    let url = format!("file://{}", root().join(SEED).display());
    let found = json(&[SEED, &slash, &data, &url]);
    assert_eq!(found["subjects"].as_array().expect("subjects").len(), 1);
    assert_eq!(found["summary"]["errors"], 1);
    // As when all files of a new dataset are handed over by a hook.
    let manifest = file_in(SEED, "_versions");
    let found = json(&[&data, &manifest]);
    assert_eq!(found["subjects"].as_array().expect("subjects").len(), 1);
    assert_eq!(found["summary"]["errors"], 1);
}

#[test]
fn a_data_file_elsewhere_is_held_against_its_own_schema() {
    let scratch = tempfile::tempdir().expect("a folder");
    let copy = scratch.path().join("page one.lance");
    std::fs::copy(root().join(file_in(SEED, "data")), &copy).expect("a copy");
    let found = json(&[copy.to_str().expect("UTF-8")]);
    // The seed's file is sound by itself: the key is in the manifest only.
    assert_eq!(found["summary"]["errors"], 0);
    let subject = &found["subjects"][0];
    assert_eq!(subject["kind"], "file");
    assert_eq!(
        subject["columns"][0]["encodings"][0]["notation"],
        "binary(offsets u64, bytes)"
    );
}

#[test]
fn filters_narrow_what_is_looked_at() {
    let found = json(&[CLEAN, "--fragment", "1", "--column", "name"]);
    let subject = &found["subjects"][0];
    assert_eq!(subject["fragments"], 1);
    let columns: Vec<_> = subject["columns"]
        .as_array()
        .expect("columns")
        .iter()
        .collect();
    assert_eq!(columns.len(), 1);
    assert_eq!(columns[0]["path"], "name");
    assert_eq!(columns[0]["encodings"][0]["pages"], 1);
}

#[test]
fn quiet_prints_findings_only_and_nothing_when_clean() {
    assert_eq!(stdout(&lint(&["--quiet", CLEAN])), "");
    let quiet = stdout(&lint(&["--quiet", SEED]));
    assert!(quiet.starts_with("error[blob-stored-plain]"), "{quiet}");
    assert!(!quiet.contains(" · read "), "{quiet}");
    let no_table = stdout(&lint(&["--no-table", SEED]));
    assert!(
        !no_table.contains("stored as") && no_table.contains("error["),
        "{no_table}"
    );
    let columns = stdout(&lint(&["--columns-only", SEED]));
    assert!(
        columns.contains("stored as") && !columns.contains("error["),
        "{columns}"
    );
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let plain = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lance-lint"));
        command
            .args(arguments)
            .current_dir(root())
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE");
        if let Some((name, value)) = variable {
            command.env(name, value);
        }
        !command.output().expect("runs").stdout.contains(&0x1b)
    };
    assert!(plain(&[SEED], None));
    assert!(!plain(&[SEED], Some(("CLICOLOR_FORCE", "1"))));
    assert!(!plain(&[SEED, "--color", "always"], None));
    assert!(!plain(
        &[SEED, "--color", "always"],
        Some(("NO_COLOR", "1"))
    ));
    assert!(plain(
        &[SEED, "--color", "never"],
        Some(("CLICOLOR_FORCE", "1"))
    ));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lance-lint"))
        .args([SEED, "--format", "json"])
        .current_dir(root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn output_is_the_same_from_run_to_run() {
    let all: Vec<String> = common::broken_fixtures();
    let mut arguments: Vec<&str> = all.iter().map(String::as_str).collect();
    arguments.extend(["--format", "json"]);
    let first = lint(&arguments);
    assert!(first.stdout.len() > 10_000);
    for _ in 0..3 {
        assert_eq!(first.stdout, lint(&arguments).stdout);
    }
}

#[test]
fn both_spellings_of_the_version_flag_work() {
    let expected = format!("lance-lint {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(stdout(&lint(&["-V"])), expected);
    assert_eq!(stdout(&lint(&["--version"])), expected);
}

#[cfg(unix)]
#[test]
fn no_permission_is_status_2_and_names_the_path() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = tempfile::tempdir().expect("a folder");
    let dataset = scratch.path().join("x.lance");
    copy(&root().join(SEED), &dataset);
    let versions = dataset.join("_versions");
    std::fs::set_permissions(&versions, std::fs::Permissions::from_mode(0o000)).expect("chmod");
    let readable = std::fs::read_dir(&versions).is_ok();
    let output = lint(&[dataset.to_str().expect("UTF-8")]);
    std::fs::set_permissions(&versions, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    // The superuser reads everything.
    if !readable {
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains("permission denied"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn one_bad_path_does_not_silence_the_others() {
    let output = lint(&[SEED, "no/such.lance", CLEAN]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no/such.lance does not exist"));
    let text = stdout(&output);
    assert!(text.contains("error[blob-stored-plain]") && text.contains("three-fragments"));
}

#[test]
fn bytes_behind_the_end_of_a_data_file_are_a_warning() {
    use std::io::Write;
    let scratch = tempfile::tempdir().expect("a folder");
    let dataset = scratch.path().join("with space.lance");
    copy(&root().join(CLEAN), &dataset);
    let data = std::fs::read_dir(dataset.join("data")).expect("a folder");
    let file = data
        .map(|entry| entry.expect("an entry").path())
        .min()
        .expect("a file");
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(file)
        .expect("opens");
    file.write_all(&[0; 100]).expect("writes");
    let found = json(&[dataset.to_str().expect("UTF-8")]);
    assert_eq!(found["summary"]["errors"], 0);
    assert_eq!(found["findings"][0]["rule"], "file-size-mismatch");
    assert_eq!(found["findings"][0]["severity"], "warning");
    assert_eq!(found["subjects"][0]["columns"][0]["pages"], 3);
}
