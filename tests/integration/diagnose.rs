//! `diagnose` over what real releases print, and over what is none of Lance's messages.
use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::common::{golden, root, stderr, stdout};
use lance_lint::check::{Report, Request, check};
use lance_lint::diagnose::{Diagnosis, diagnose, locate};
use lance_lint::storage::{Options, open};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;

/// A log of a real release, and what it is known to be of.
#[derive(Debug, Deserialize)]
struct Log {
    file: String,
    dataset: String,
    release: String,
    rule: Option<String>,
    column: Option<String>,
}

fn logs() -> Vec<Log> {
    let index = std::fs::read_to_string(root().join("testdata/panics/index.json")).unwrap();
    serde_json::from_str(&index).unwrap()
}

fn text(log: &Log) -> Vec<u8> {
    std::fs::read(root().join("testdata/panics").join(&log.file)).unwrap()
}

fn checked(dataset: &str) -> Report {
    let request = Request {
        paths: vec![format!("testdata/{dataset}").into()],
        ..Request::default()
    };
    check(&open(Options::default()), &request)
}

/// The rules and columns that a log's message comes from in its dataset.
fn located(diagnosis: &Diagnosis, report: &Report) -> Vec<(String, Option<String>)> {
    let search = locate(diagnosis, report);
    let found = search.located.iter().map(|located| {
        let finding = located.finding;
        (finding.rule.id.to_string(), finding.column.clone())
    });
    let too_new = search
        .too_new
        .iter()
        .map(|_| ("reader-too-old".to_string(), None));
    found.chain(too_new).collect()
}

/// Runs the real binary on a log.
fn run(log: &[u8], arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lance-lint"))
        .arg("diagnose")
        .args(arguments)
        .current_dir(root())
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A run that ends for another reason does not read it.
    let _ = stdin.write_all(log);
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).expect("a document")
}

fn founding() -> Vec<u8> {
    let logs = logs();
    let log = logs.iter().find(|log| log.dataset == "daft-blob.lance");
    text(log.expect("the founding case"))
}

#[test]
fn the_logs_are_many_and_of_many_releases() {
    let logs = logs();
    let mut releases: Vec<&str> = logs.iter().map(|log| log.release.as_str()).collect();
    releases.sort_unstable();
    releases.dedup();
    assert!(logs.len() >= 60, "{}", logs.len());
    assert!(releases.len() >= 6, "{releases:?}");
}

#[test]
fn every_log_is_recognised_and_its_cause_is_found() {
    // Base paths of the fixtures are relative to the repository's root, where tests run.
    let failures: Vec<String> = logs()
        .par_iter()
        .filter_map(|log| {
            let diagnosis = diagnose(&text(log));
            let Some(cause) = diagnosis.cause() else {
                return Some(format!("{}: not recognised", log.file));
            };
            let rule = log.rule.as_ref()?;
            let found = located(&diagnosis, &checked(&log.dataset));
            let right = |(found, column): &(String, Option<String>)| {
                found == rule && (log.column.is_none() || *column == log.column)
            };
            (!found.iter().any(right)).then(|| {
                let said = cause.event.text();
                format!(
                    "{}: {rule} {:?}, not {found:?} as {:?} has it: {}",
                    log.file,
                    log.column,
                    cause.entry.rules.first(),
                    said.get(..300).unwrap_or(&said)
                )
            })
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// A message of the campaign, and what it is known to be of.
#[derive(Debug, Deserialize)]
struct Kept {
    file: String,
    by_place: bool,
    rule: String,
}

#[test]
fn messages_of_the_campaign_are_recognised() {
    let folder = root().join("testdata/panics/campaign");
    let index = std::fs::read_to_string(folder.join("index.json")).unwrap();
    let kept: Vec<Kept> = serde_json::from_str(&index).unwrap();
    assert!(kept.len() >= 24, "{}", kept.len());
    for one in kept {
        let diagnosis = diagnose(&std::fs::read(folder.join(&one.file)).unwrap());
        let cause = diagnosis
            .cause()
            .unwrap_or_else(|| panic!("{}: not recognised", one.file));
        let rules = cause.entry.rules;
        assert_eq!(
            cause.is_by_place(),
            one.by_place,
            "{}: {}",
            one.file,
            cause.event.message
        );
        assert!(
            rules.contains(&one.rule.as_str()),
            "{}: {} is not among {rules:?}",
            one.file,
            one.rule
        );
    }
}

#[test]
fn a_dataset_that_is_well_has_no_cause() {
    let output = run(
        &founding(),
        &["testdata/clean/blob-v1-2.0", "--format", "json"],
    );
    assert_eq!(output.status.code(), Some(0));
    let document = json(&output);
    assert_eq!(document["recognised"], true);
    assert_eq!(document["found"], false);
    assert_eq!(document["located"], Value::Array(Vec::new()));
    let output = run(&founding(), &["testdata/clean/blob-v1-2.0"]);
    assert!(stdout(&output).contains("not found in testdata/clean/blob-v1-2.0"));
}

#[test]
fn the_founding_case_reads_like_this() {
    let output = run(&founding(), &["testdata/daft-blob.lance"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    golden("diagnose/daft-blob.txt", &stdout(&output));
    let output = run(
        &founding(),
        &["testdata/daft-blob.lance", "--format", "json"],
    );
    assert_eq!(output.status.code(), Some(1));
    golden("diagnose/daft-blob.json", &stdout(&output));
    let output = run(&founding(), &[]);
    assert_eq!(output.status.code(), Some(0));
    golden("diagnose/daft-blob.without-path.txt", &stdout(&output));
    let help = run(b"", &["--help"]);
    golden("help-diagnose.txt", &stdout(&help));
}

#[test]
fn a_wrapper_alone_says_where_the_cause_is() {
    let log = b"pyarrow.lib.ArrowInvalid: External error: Lance reader producer terminated before end of stream\n";
    let output = run(log, &["--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let document = json(&output);
    assert_eq!(document["wrapper"], true);
    assert_eq!(document["rule"], Value::Null);
    assert!(document["next"].as_str().unwrap().contains("stderr"));
    golden("diagnose/wrapper.txt", &stdout(&run(log, &[])));
}

/// The founding panic as others see it.
const PANIC: &str = "thread 'lance_background_thread' panicked at \
    /home/runner/work/lance/lance/rust/lance-encoding/src/decoder.rs:903:59:";
const SAYS: &str = "called `Result::unwrap()` on an `Err` value: InvalidInput { source: \"Expected a struct \
    encoding because we have a struct field in the schema but got the encoding Legacy(ArrayEncoding { \
    array_encoding: Some(Binary(Binary { indices: None })) })\" }";

fn expect_founding(what: &str, log: &[u8]) {
    let output = run(log, &["testdata/daft-blob.lance", "--format", "json"]);
    let document = json(&output);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{what}: {}",
        document["message"]
    );
    assert_eq!(document["rule"], "blob-stored-plain", "{what}");
    assert_eq!(document["located"][0]["column"], "blob", "{what}");
    assert_eq!(document["located"][0]["page"], 0, "{what}");
    assert_eq!(document["located"][0]["writer"], "lance 0.32.1", "{what}");
}

#[test]
fn what_loggers_and_runtimes_make_of_it_does_not_matter() {
    let escaped = SAYS.replace('"', "\\\\\\\"");
    let mut wide: Vec<u8> = vec![0xff, 0xfe];
    wide.extend(
        format!("{PANIC}\r\n{SAYS}\r\n")
            .encode_utf16()
            .flat_map(u16::to_le_bytes),
    );
    let mut invalid = b"\xff\xfeprogress \xc3\x28\n".to_vec();
    invalid.insert(0, b'x');
    invalid.extend(format!("{PANIC}\n{SAYS}\n").bytes());
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("plain", format!("{PANIC}\n{SAYS}\n").into()),
        ("CRLF", format!("{PANIC}\r\n{SAYS}\r\n").into()),
        ("older form", format!("thread '<unnamed>' panicked at '{SAYS}', lance-encoding/src/decoder.rs:41:6\nnote: run\n").into()),
        ("Ray", format!("\u{1b}[36m(ReadTask pid=4411, ip=10.0.0.7)\u{1b}[0m {PANIC}\n\u{1b}[36m(ReadTask pid=4411, ip=10.0.0.7)\u{1b}[0m {SAYS}\n").into()),
        ("a container's log", format!("2026-05-04T10:11:12.123456789Z stderr F {PANIC}\n2026-05-04T10:11:12.123456790Z stderr F {SAYS}\n").into()),
        ("Docker Compose", format!("worker-1  | {PANIC}\nworker-1  | {SAYS}\n").into()),
        ("Spark", format!("26/05/04 10:11:12 ERROR Executor: Exception in task 3.0 in stage 7.0 (TID 41)\njava.lang.RuntimeException: org.lance.LanceException\n\tat org.lance.ipc.LanceScanner.openStream(Native Method)\nCaused by: java.lang.RuntimeException: LanceError(IO): External error: {SAYS}, rust/lance-encoding/src/decoder.rs:793:22\n\tat org.lance.Fragment.open(Fragment.java:88)\n\t... 12 more\n").into()),
        ("a nested cause", format!("thread 'tokio' (7) panicked at rust/lance/src/io/exec/filtered_read.rs:674:56:\ncalled `Result::unwrap()` on an `Err` value: JoinError::Panic(Id(9), \"{escaped}\", ...)\n").into()),
        ("an exception of Python", format!("Traceback (most recent call last):\n  File \"read.py\", line 3, in <module>\n    ds.take([0])\npyo3_runtime.PanicException: {SAYS}\n").into()),
        ("pytest and an e-mail", format!("> E       pyo3_runtime.PanicException: {SAYS}\n").into()),
        ("the message alone", SAYS.as_bytes().to_vec()),
        ("broken lines", textwrap_lines(SAYS).into()),
        ("UTF-16", wide),
        ("bytes that are no text", invalid),
    ];
    for (what, log) in cases {
        expect_founding(what, &log);
    }
}

/// As an e-mail breaks lines.
fn textwrap_lines(text: &str) -> String {
    let mut lines = String::new();
    for (at, word) in text.split(' ').enumerate() {
        lines.push_str(word);
        lines.push(if at % 9 == 8 { '\n' } else { ' ' });
    }
    lines
}

#[test]
fn the_cause_is_found_in_a_long_log_of_other_things() {
    let mut log = String::new();
    for at in 0..20_000 {
        log.push_str(&format!(
            "2026-05-04 10:11:12,{:03} INFO reader: batch {at} read, 0 errors\n",
            at % 1000
        ));
        if at == 7000 {
            log.push_str(
                "2026-05-04 10:11:12,001 WARN  retry: connection reset by peer, error 104\n",
            );
            log.push_str(&String::from_utf8(founding()).unwrap());
        }
        if at == 9000 {
            log.push_str("RuntimeError: Task was aborted\n");
        }
    }
    expect_founding("a long log", log.as_bytes());
    let document = json(&run(log.as_bytes(), &["--format", "json"]));
    let also = document["also"].as_array().unwrap();
    assert!(
        also.iter().all(|message| message["wrapper"] == true),
        "{also:?}"
    );
    assert!(!also.is_empty());
}

#[test]
fn what_is_none_of_lances_messages_is_not_recognised() {
    let python = "Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    main()\n  \
                  File \"a.py\", line 2, in main\n    return {}['key']\nKeyError: 'key'\n";
    let compiler = "error[E0308]: mismatched types\n --> src/schema.rs:4:5\n  |\n4 |     1\n  |     ^ expected \
                    `String`, found integer\n\nerror: aborting due to previous error\n";
    let other_panic = "thread 'main' panicked at src/decoder.rs:12:5:\nindex out of bounds: the len is 3 but the \
                       index is 7\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
    let quiet = "[2026-05-04T10:11:12Z INFO  lance::dataset] opened images.lance, version 7\n\
                 [2026-05-04T10:11:13Z DEBUG lance_io::scheduler] 17 requests in flight\n";
    let garbage: Vec<u8> = (0..40_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let polars = "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\npyarrow.lib.ArrowInvalid: \
                  Parquet magic bytes not found in footer. Either the file is corrupted or this is not a parquet file.\n";
    for (what, log) in [
        ("nothing", &b""[..]),
        ("blank lines", b"\n\n  \n"),
        ("an exception", python.as_bytes()),
        ("a compiler's error", compiler.as_bytes()),
        ("another program's panic", other_panic.as_bytes()),
        ("a log without an error", quiet.as_bytes()),
        ("garbage", &garbage),
        ("Parquet", polars.as_bytes()),
    ] {
        let output = run(log, &["testdata/daft-blob.lance", "--format", "json"]);
        let document = json(&output);
        assert_eq!(document["recognised"], false, "{what}: {document}");
        assert_eq!(document["rule"], Value::Null, "{what}");
        assert_eq!(output.status.code(), Some(2), "{what}");
    }
    let unknown = "thread 'reader' panicked at src/images.rs:77:9:\n\
                   lance gave no such thing as field 'caption'\n";
    let output = run(unknown.as_bytes(), &[]);
    assert_eq!(output.status.code(), Some(2));
    golden("diagnose/unrecognised.txt", &stdout(&output));
}

#[test]
fn a_message_of_unknown_words_is_told_by_its_place() {
    let unknown = "thread 'tokio-runtime-worker' panicked at /root/.cargo/registry/src/index.crates.io-1949/lance-table-14.0.2/src/io/manifest.rs:77:9:\n\
                   no such thing as a shelf\n";
    let output = run(unknown.as_bytes(), &[]);
    assert_eq!(output.status.code(), Some(0));
    golden("diagnose/by-place.txt", &stdout(&output));
    let document = json(&run(unknown.as_bytes(), &["--format", "json"]));
    assert_eq!(document["by_place"], true);
    assert_eq!(document["rules"][0], "manifest-unreadable");
    assert_eq!(document["understood"]["release"], "14.0.2");
    // It is traced all the same, and a message whose words are known goes first.
    let path = "testdata/broken/manifest-cut-0-2.1";
    let document = json(&run(unknown.as_bytes(), &[path, "--format", "json"]));
    assert_eq!(document["located"][0]["rule"], "manifest-unreadable");
    let both = format!("{unknown}\n{PANIC}\n{SAYS}\n");
    let document = json(&run(both.as_bytes(), &["--format", "json"]));
    assert_eq!(document["by_place"], false);
    assert_eq!(document["rule"], "blob-stored-plain");
}

#[test]
fn a_fault_of_a_reader_asks_nothing_of_the_data() {
    // What pylance 6.0.0 said when it compacted a sound dataset, and 2.0.1 when it read one.
    let null_struct = "OSError: Invalid user input: The field `x` contained null values even though the field is marked \
                       non-null in the schema, /home/runner/work/lance/lance/rust/lance-file/src/writer.rs:397:24\n";
    let lengths = "OSError: Wrapped error: task 15043 panicked with message \"called `Result::unwrap()` on an `Err` value: \
                   InvalidArgumentError(\\\"Incorrect array length for StructArray field \\\\\"k\\\\\", expected 0 got \
                   1\\\")\", /home/runner/work/lance/lance/rust/lance-encoding/src/decoder.rs:1803:39\n";
    for (log, release) in [(null_struct, "14.0.2"), (lengths, "6.0.0")] {
        let output = run(
            log.as_bytes(),
            &["testdata/clean/blob-v1-2.0", "--format", "json"],
        );
        assert_eq!(output.status.code(), Some(0), "{log}");
        let document = json(&output);
        assert_eq!(document["help"], Value::Null, "{log}");
        let instead = document["reader_fault"]["instead"].as_str().unwrap();
        assert!(instead.contains(release), "{instead}");
        // Without a dataset it may be either.
        let document = json(&run(log.as_bytes(), &["--format", "json"]));
        assert!(document["help"].is_string() && document["reader_fault"].is_object());
    }
    let output = run(null_struct.as_bytes(), &["testdata/clean/blob-v1-2.0"]);
    golden("diagnose/reader-fault.txt", &stdout(&output));
    // Where the dataset has the cause, the reader is not blamed.
    let path = "testdata/broken/required-with-nulls-2.0";
    let document = json(&run(null_struct.as_bytes(), &[path, "--format", "json"]));
    assert_eq!(document["located"][0]["rule"], "nulls-in-required-field");
    assert_eq!(document["reader_fault"], Value::Null);
}

#[test]
fn what_indices_make_readers_say_is_told_of_indices() {
    let of_index = |message: &str, rule: &str| {
        let document = json(&run(message.as_bytes(), &["--format", "json"]));
        assert_eq!(document["rule"], rule, "{message}: {document}");
        assert_eq!(document["by_place"], false, "{message}");
        let help = document["help"].as_str().unwrap();
        assert!(help.contains("drop_index"), "{message}: {help}");
    };
    for message in [
        "OSError: Execution error: The input to a take operation specified fragment id 0 but this fragment does not exist in \
         the dataset (uri=data/x, version=4, manifest=data/x/_versions/4.manifest, branch=main)",
        "OSError: Invalid user input: Invalid read params Indices(2,3) for fragment with 2 addressable rows, \
         /home/runner/work/lance/lance/rust/lance/src/dataset/fragment.rs:3739:24",
        "OSError: LanceError: RowAddrTreeMap::from_sorted_iter called with non-sorted input",
        "OSError: Encountered internal error. Overlap in indexed fragments. Please upgrade to lance >= 0.23.0 and trigger a \
         single write to fix this, /home/runner/work/lance/lance/rust/lance/src/index.rs:3734:20",
        "OSError: lance: address-domain index result was not found",
    ] {
        of_index(message, "index-list-invalid");
    }
    of_index(
        "[2026-11-27T08:11:00Z WARN  lance::index::scalar] LabelList index words_idx is old; NOT filters may be incorrect on \
         nullable lists. Consider rebuilding.",
        "index-unsupported",
    );
    // What 14.0.2 logs of an index that 6.0.0 built, and uses.
    let harmless = "[2026-11-27T08:11:00Z WARN  lance::index] Index v_idx has unrecognized type \
                    /lance.table.VectorIndexDetails, ignoring it\n";
    let document = json(&run(harmless.as_bytes(), &["--format", "json"]));
    assert_eq!(document["rules"], Value::Array(Vec::new()));
    assert!(
        document["meaning"]
            .as_str()
            .unwrap()
            .contains("searches use it")
    );
    let log = format!("{harmless}{PANIC}\n{SAYS}\n");
    expect_founding("a harmless line before it", log.as_bytes());
    let document = json(&run(
        b"ValueError: Version not found error: version main:3 does not exist",
        &["--format", "json"],
    ));
    assert_eq!(document["rule"], "tag-without-version");
    let transaction =
        "OSError: LanceError(IO): Object at location /data/x/_transactions/1-ab.txn not found";
    let document = json(&run(transaction.as_bytes(), &["--format", "json"]));
    assert!(
        document["meaning"]
            .as_str()
            .unwrap()
            .contains("Reads do not need it")
    );
}

#[test]
fn a_number_in_message_and_finding_points_to_it() {
    let field = |id: u32| {
        format!(
            "ValueError: Encountered internal error. Index referenced a field with id {id} which did not exist in the schema, \
             /home/runner/work/lance/lance/rust/lance/src/index.rs:2400:20\n"
        )
    };
    let evidence = |id: u32| {
        let path = "testdata/broken/index-field-unknown-2.1";
        json(&run(field(id).as_bytes(), &[path, "--format", "json"]))["located"][0]["evidence"]
            .to_string()
    };
    assert!(
        evidence(77).contains("have the number 77"),
        "{}",
        evidence(77)
    );
    assert!(!evidence(78).contains("number"), "{}", evidence(78));
}

#[test]
fn hostile_messages_are_no_crash_and_move_no_cursor() {
    let start =
        "thread 'x' panicked at rust/lance-encoding/src/decoder.rs:99999999999999999999:1:\n";
    let huge = "9".repeat(400);
    let mut cases = vec![
        format!("{start}\u{1b}]0;title\u{7}\u{1b}[2J\u{8}\u{9b}31m\u{202e}lance error\n"),
        format!(
            "{start}fragment {huge} column {huge} Invalid range {huge}..{huge} for object of size {huge}\n"
        ),
        format!("{start}{}\n", "Expected a struct encoding ".repeat(300)),
        format!("{start}{}\n", "\\\"'`".repeat(2_000)),
        format!("lance error {}\n", "column 'a' ".repeat(600)),
        "lance panicked at 'error\n".repeat(200),
    ];
    for part in ["(", "[", "a.", "Not found ", "RLE ", "corrupt file "] {
        cases.push(format!("{start}{}\n", part.repeat(1_000)));
    }
    for log in cases {
        for format in ["text", "json"] {
            let output = run(
                log.as_bytes(),
                &["testdata/daft-blob.lance", "--format", format],
            );
            let shown: String = log.chars().take(80).collect();
            let code = output.status.code();
            assert!(
                code.is_some_and(|code| code <= 2),
                "{shown}: {code:?} {}",
                stderr(&output)
            );
            let text = stdout(&output);
            let moves =
                |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
            assert!(!text.contains(moves), "{shown}");
        }
    }
}

#[test]
fn the_cause_is_told_from_unrelated_findings() {
    // Two columns are at fault in it, each by a fault of its own; each log was made by reading one.
    for (log, column, rule, other) in [
        ("blob.txt", "blob", "blob-stored-plain", "caption"),
        ("caption.txt", "caption", "field-type-changed", "blob"),
    ] {
        let bytes = std::fs::read(root().join("testdata/panics/two-faults").join(log)).unwrap();
        let output = run(
            &bytes,
            &["testdata/panics/datasets/two-faults", "--format", "json"],
        );
        let document = json(&output);
        assert_eq!(output.status.code(), Some(1), "{log}: {document}");
        let located = document["located"].as_array().unwrap();
        assert!(!located.is_empty());
        for place in located {
            assert_eq!(place["column"], column, "{log}");
            assert_eq!(place["rule"], rule, "{log}");
        }
        let unrelated = document["unrelated"].as_array().unwrap();
        assert!(
            unrelated
                .iter()
                .any(|one| one["location"]["column"] == other),
            "{log}: {unrelated:?}"
        );
    }
}

#[test]
fn a_log_that_is_cut_anywhere_is_no_crash() {
    let log = founding();
    for end in (0..log.len()).step_by(61) {
        let cut = log.get(..end).unwrap();
        let diagnosis = diagnose(cut);
        let report = checked("daft-blob.lance");
        assert!(diagnosis.cause().is_some() || located(&diagnosis, &report).is_empty());
    }
}

#[test]
fn usage_that_cannot_be_is_told() {
    for (arguments, says) in [
        (&["--version", "3"][..], "name it too"),
        (
            &["--log", "no/such/file"][..],
            "cannot read the log no/such/file",
        ),
        (&["no/such/dataset"][..], "no/such/dataset"),
    ] {
        let output = run(SAYS.as_bytes(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
}

#[test]
fn real_output_follows_the_schema() {
    let schema = lance_lint::report::diagnose::json_schema();
    let schema: Value = serde_json::to_value(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for arguments in [
        &["--format", "json"][..],
        &["testdata/daft-blob.lance", "--format", "json"],
    ] {
        let document = json(&run(&founding(), arguments));
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}
