//! Exit status, errors, filters and streams, as a user meets them.
use std::process::{Command, Stdio};

use crate::common::{copy, lint, root, stderr, stdout};
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
            "cannot read https://***: a URL with a query is not taken",
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
    let all: Vec<String> = crate::common::broken_fixtures();
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

/// Writes a file and gives its path.
fn put(folder: &std::path::Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    std::fs::write(&path, bytes).expect("writes");
    path.to_str().expect("UTF-8").to_string()
}

#[test]
fn a_file_of_another_format_is_named_and_is_no_finding() {
    let scratch = tempfile::tempdir().expect("a folder");
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 812\n";
    let cases: [(&str, &[u8], &str); 13] = [
        ("x.parquet", b"PAR1....PAR1", "is a Parquet file"),
        // Whatever its name is.
        ("x.lance", b"PAR1....PAR1", "is a Parquet file"),
        ("x.arrow", b"ARROW1\0\0....ARROW1", "is an Arrow IPC file"),
        (
            "x.zip",
            b"PK\x03\x04....PK\x05\x06\0\0\0\0",
            "is a ZIP archive",
        ),
        ("x.gz", b"\x1f\x8b\x08\0\0\0", "looks like a gzip stream"),
        (
            "x.db",
            b"SQLite format 3\0\x10\0",
            "looks like an SQLite database",
        ),
        ("x.json", b"{\"a\": 1}\n", "is a JSON document"),
        ("x.csv", b"id,caption\n1,cat\n", "is a CSV file"),
        (
            "x.html",
            b"<!DOCTYPE html>\n<h1>404</h1>\n",
            "is an HTML page",
        ),
        (
            "x.xml",
            b"<?xml version=\"1.0\"?><Error/>",
            "is an XML document",
        ),
        (
            "panic.txt",
            b"thread 'main' panicked\n",
            "is text; for a log with an error of a reader: lance-lint diagnose",
        ),
        ("x.bin", b"", "is empty (0 bytes)"),
        ("pointer", pointer, "is a Git LFS pointer"),
    ];
    for (name, bytes, what) in cases {
        let path = put(scratch.path(), name, bytes);
        for arguments in [
            vec![path.as_str()],
            vec!["inspect", &path, "--column", "a"],
            vec!["diff", &path, CLEAN],
        ] {
            let output = lint(&arguments);
            let message = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
            assert!(
                message.contains("is not a Lance file: it ") && message.contains(what),
                "{arguments:?}: {message}"
            );
            assert_eq!(message.lines().count(), 1, "{message}");
            assert_eq!(stdout(&output), "");
        }
    }
}

#[test]
fn a_damaged_data_file_is_a_finding_whatever_stands_in_it() {
    let scratch = tempfile::tempdir().expect("a folder");
    // By itself, by its name.
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d";
    for (name, bytes) in [
        ("cut.lance", &png[..]),
        ("empty.lance", b""),
        ("zeros.lance", &[0; 99]),
    ] {
        let path = put(scratch.path(), name, bytes);
        let found = json(&[&path]);
        assert_eq!(
            found["findings"][0]["rule"], "data-file-unreadable",
            "{name}"
        );
    }
    // In a dataset, whatever it is.
    let dataset = scratch.path().join("x.lance");
    copy(&root().join(SEED), &dataset);
    let data = file_in(dataset.to_str().expect("UTF-8"), "data");
    for (bytes, what) in [
        (&b"PAR1....PAR1"[..], "a data file is a Parquet file"),
        // It is shorter than the manifest says, and begins with a value of that format.
        (&png[..], "a data file is cut off: 12 of "),
    ] {
        std::fs::write(&data, bytes).expect("writes");
        let found = json(&[dataset.to_str().expect("UTF-8")]);
        let finding = &found["findings"][0];
        assert_eq!(finding["rule"], "data-file-unreadable");
        let message = finding["message"].as_str().expect("a message");
        assert!(message.starts_with(what), "{message}");
    }
}

#[test]
fn a_folder_of_another_format_is_named() {
    let scratch = tempfile::tempdir().expect("a folder");
    let cases = [
        ("delta/_delta_log/0.json", "delta", "a Delta Lake table"),
        ("ice/metadata/v1.metadata.json", "ice", "an Iceberg table"),
        ("hudi/.hoodie/hoodie.properties", "hudi", "a Hudi table"),
        ("zarr/zarr.json", "zarr", "a Zarr store"),
        ("hf/dataset_info.json", "hf", "Hugging Face"),
        ("parts/0.parquet", "parts", "it holds Parquet files"),
        ("db/items.lance/_versions/x", "db", "db/items.lance"),
        // What a path that does not exist was meant to be.
        ("db/items.lance/_versions/x", "db/items", "did you mean "),
        (
            "db/items.lance/_versions/x",
            "db/itmes.lance",
            "did you mean ",
        ),
        (
            "db/items.lance/_versions/x",
            "db/items.lance@12",
            "items.lance --version 12",
        ),
        (
            "db/items.lance/_versions/x",
            "db/items.lance@gold",
            "items.lance --tag gold",
        ),
    ];
    for (file, path, what) in cases {
        put(scratch.path(), file, b"{}");
        let path = scratch.path().join(path);
        let output = lint(&[path.to_str().expect("UTF-8")]);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{path:?}");
        assert!(message.contains(what), "{path:?}: {message}");
    }
    let empty = scratch.path().join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    assert!(stderr(&lint(&[empty.to_str().expect("UTF-8")])).contains("it is empty"));
}

#[test]
fn what_is_not_taken_is_told_what_it_was_meant_to_be() {
    let cases: [(&[&str], &str); 39] = [
        (&["--json", SEED], "did you mean '--format json'?"),
        (&["--sarif", SEED], "did you mean '--format sarif'?"),
        (&["--jsonl", SEED], "did you mean '--format json-lines'?"),
        (
            &["inspect", SEED, "--json"],
            "did you mean '--format json'?",
        ),
        (&["bundle", SEED, "--json"], "what it writes is JSON"),
        (
            &["--format", "JSONL", SEED],
            "did you mean '--format json-lines'?",
        ),
        (&["--format", "xml", SEED], "did you mean '--format junit'?"),
        (&[SEED, "--output", "x.json"], "'--output-file FILE'"),
        (&[SEED, "-o", "x.json"], "'--output-file FILE'"),
        (
            &[SEED, "--output-file", "foo=x.txt"],
            "there is no format of that name",
        ),
        (
            &[SEED, "--output-file", "jsonl=x"],
            "did you mean json-lines=x?",
        ),
        (&[SEED, "--no-color"], "did you mean '--color never'?"),
        (&[SEED, "--color", "off"], "did you mean '--color never'?"),
        (&[SEED, "--strict"], "did you mean '--fail-on warning'?"),
        (&[SEED, "--fail-on", "never"], "did you mean '--exit-zero'?"),
        (
            &[SEED, "--fail-on", "warn"],
            "did you mean '--fail-on warning'?",
        ),
        (&[SEED, "--columns", "blob"], "did you mean '--column NAME'"),
        (&[SEED, "--verbose"], "lance-lint explain RULE"),
        (&[SEED, "--fix"], "lance-lint only reads"),
        (&["--dataset", SEED], "PATH is given by itself"),
        (
            &[SEED, "--skip", "known-bug"],
            "did you mean '--ignore RULE'?",
        ),
        (
            &[SEED, "--pylance", "0.32.1"],
            "did you mean '--reader RELEASE'",
        ),
        (
            &[SEED, "--region", "eu-west-1"],
            "did you mean '--storage-option KEY=VALUE'",
        ),
        (
            &[SEED, "--into", "4"],
            "--into is an option of `lance-lint split`",
        ),
        (
            &["inspect", SEED, "--quiet"],
            "--quiet is an option of `lance-lint PATH`",
        ),
        (&[SEED, "--version", "v1"], "did you mean '--version 1'?"),
        (&[SEED, "--version", "gold"], "a tag by '--tag gold'"),
        (&["--version", SEED], "-V prints that of lance-lint"),
        (
            &[SEED, "--fragment", "0-5"],
            "did you mean '--fragments 0..6'?",
        ),
        (
            &[SEED, "--fragment", "1,2"],
            "did you mean '--fragment 1 --fragment 2'?",
        ),
        (
            &["check", SEED],
            "check does not exist; a check needs no command: lance-lint PATH",
        ),
        (&["inpsect", SEED], "did you mean the command inspect?"),
        (&["-q", "rules"], "a command comes first: lance-lint rules"),
        (&["help", "check"], "a check needs no command"),
        (&["inspect", SEED, "blob"], "did you mean '--column blob'?"),
        (
            &["inspect", SEED],
            "such as --column blob; testdata/daft-blob.lance has blob",
        ),
        (&["diff", SEED], "images.lance@12 images.lance@13"),
        (
            &["explain", "blob"],
            "did you mean one of blob-stored-plain, ",
        ),
        (&["explain", "LL-9999"], "the known bugs are LL-0001"),
    ];
    for (arguments, expected) in cases {
        let output = lint(arguments);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let log = put(scratch.path(), "panic.txt", b"thread 'main' panicked\n");
    let output = lint(&["diagnose", &log]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains(&format!("read with --log {log}")));
    // As the text has it.
    assert_eq!(status(&["explain", "error[blob-stored-plain]:"]), 0);
}

#[test]
fn a_reader_is_a_release_of_lance_or_of_lancedb() {
    let fixture = "testdata/clean/by-pylance-14.0.2-2.2";
    let refused = [
        ("99", "99.0.0 is newer than 14.0.2"),
        ("0.40.0", "did you mean lancedb==0.40.0?"),
        (
            "lancedb==99",
            "which Lance is inside lancedb 99.0.0 is not known here",
        ),
        ("daft==0.5.11", "releases of daft are not known here"),
        ("0.5.0", "is older than 0.9.19"),
    ];
    for (reader, why) in refused {
        let output = lint(&[fixture, "--reader", reader]);
        assert_eq!(output.status.code(), Some(2), "{reader}");
        assert!(
            stderr(&output).contains(why),
            "{reader}: {}",
            stderr(&output)
        );
    }
    let found = json(&[fixture, "--reader", "lancedb==0.29.2,lancedb==0.40.0"]);
    let findings = found["findings"].as_array().expect("findings");
    let messages: Vec<&str> = findings
        .iter()
        .filter_map(|f| f["message"].as_str())
        .collect();
    assert_eq!(
        messages,
        ["Lance 2.0.0 (in lancedb 0.29.2) cannot read this dataset"]
    );
    let help = findings[0].to_string();
    assert!(help.contains("pip install 'lancedb>="), "{help}");
}

#[test]
fn damage_brings_no_infos_about_unknown_fields() {
    let scratch = tempfile::tempdir().expect("a folder");
    let dataset = scratch.path().join("x.lance");
    copy(&root().join(CLEAN), &dataset);
    let data = file_in(dataset.to_str().expect("UTF-8"), "data");
    let whole = std::fs::read(&data).expect("reads");
    let end = whole.len() - 40;
    let start: [u8; 8] = whole[end..end + 8].try_into().expect("8 bytes");
    let start = usize::try_from(u64::from_le_bytes(start)).expect("a position");
    let mut damaged = 0;
    // A field that no message has, and behind it what is no protobuf.
    let torn = [0xf8, 0x01, 0x05, 0xf8, 0x02, 0x07, 0x07, 0x07];
    for at in (start..end - torn.len()).step_by(5) {
        let mut bytes = whole.clone();
        bytes[at..at + torn.len()].copy_from_slice(&torn);
        std::fs::write(&data, bytes).expect("writes");
        let found = json(&[dataset.to_str().expect("UTF-8")]);
        let findings = found["findings"].as_array().expect("findings");
        let has = |rule: &str| findings.iter().any(|finding| finding["rule"] == rule);
        if has("file-metadata-corrupt") {
            damaged += 1;
            assert!(!has("unknown-protobuf-field"), "at {at}: {found:#}");
        }
    }
    assert!(damaged > 5, "{damaged}");
}

#[test]
fn of_several_datasets_the_healthy_take_a_line_and_the_failing_are_named_last() {
    let other = "testdata/clean/by-pylance-14.0.2-2.1";
    let text = stdout(&lint(&[
        CLEAN,
        other,
        SEED,
        "testdata/broken/blob-key-false-2.0",
    ]));
    let lines: Vec<&str> = text.lines().collect();
    for (at, healthy) in [CLEAN, other].iter().enumerate() {
        assert!(
            lines[at].starts_with(&format!("{healthy} · version ")),
            "{text}"
        );
        assert!(lines[at].ends_with(" · no findings"), "{text}");
    }
    assert!(
        lines[3].starts_with(&format!("{SEED} · version 1 · ")),
        "{text}"
    );
    assert_eq!(
        lines[lines.len() - 2..],
        ["1 of 4 fails:", &format!("  {SEED}: 1 error")],
        "{text}"
    );
    // By what fails, not by what is an error.
    let strict = stdout(&lint(&[
        CLEAN,
        SEED,
        "testdata/broken/blob-key-false-2.0",
        "--fail-on",
        "warning",
    ]));
    assert!(strict.contains("\n2 of 3 fail:\n"), "{strict}");
    let one = stdout(&lint(&[SEED]));
    assert!(!one.contains(" of 1 fails:"), "{one}");
}

#[test]
fn values_of_blobs_have_a_row() {
    let fixture = "testdata/clean/blob-v1-three-fragments-2.1";
    let found = json(&[fixture]);
    let subject = &found["subjects"][0];
    let outside = subject["bytes_outside_columns"].as_u64().expect("bytes");
    assert!(outside > 0, "{subject:#}");
    let text = stdout(&lint(&[fixture]));
    assert!(
        text.contains("outside of pages: blob values, padding"),
        "{text}"
    );
    // What is in no column is not known of a part of the columns.
    let part = json(&[fixture, "--column", "blob"]);
    assert_eq!(part["subjects"][0]["bytes_outside_columns"], 0);
}

/// The text of a run on a terminal of a width.
fn on_width(arguments: &[&str], columns: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lance-lint"))
        .args(arguments)
        .current_dir(root())
        .env("COLUMNS", columns)
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("runs");
    stdout(&output)
}

#[test]
fn tables_fit_and_lose_nothing() {
    for (at, fixture) in crate::common::fixtures().into_iter().enumerate() {
        // The narrowest for all, the others for some.
        let widths: &[usize] = match at % 8 {
            0 => &[80, 100, 120, 200],
            _ => &[80],
        };
        for &columns in widths {
            let table = on_width(&[&fixture, "--columns-only"], &columns.to_string());
            for line in table.lines() {
                let width = line.chars().count();
                // A path may be longer than a line, and is not broken.
                let is_word = !line.trim().contains(' ');
                assert!(
                    width <= columns || is_word,
                    "{fixture} in {columns}: {width}: {line}"
                );
            }
        }
    }
    let fixture = "testdata/daft-blob.lance";
    let narrow = on_width(&[fixture], "80");
    for (at, line) in narrow.lines().enumerate() {
        // Code is to be copied, so it is kept whole.
        let is_code = line.starts_with("                 ");
        assert!(is_code || line.chars().count() <= 80, "{}: {line}", at + 1);
    }
    for known in [
        "requested: lance-encoding:blob = true",
        "✗ blob-stored-plain",
        "binary(offsets u64, bytes)",
    ] {
        assert!(narrow.contains(known), "{narrow}");
    }
    let wide = on_width(&[fixture], "200");
    assert!(
        wide.contains("requested encoding") && wide.contains("  share"),
        "{wide}"
    );
}
