//! What the binary prints for every fixture, held against golden files.

#![allow(clippy::expect_used)]

mod common;

use common::{fixtures, golden, lint, stderr, stdout, without_time};

#[test]
fn every_fixture_prints_what_it_did() {
    for fixture in fixtures() {
        let output = lint(&[&fixture]);
        assert_eq!(stderr(&output), "", "{fixture}");
        let status = output.status.code().expect("no signal");
        let text = format!("exit status {status}\n{}", without_time(&stdout(&output)));
        let name = fixture.trim_start_matches("testdata/").replace('/', "__");
        golden(&format!("text/{name}.txt"), &text);
    }
}

#[test]
fn no_golden_file_outlives_its_fixture() {
    let known: Vec<String> = fixtures()
        .iter()
        .map(|fixture| {
            format!(
                "{}.txt",
                fixture.trim_start_matches("testdata/").replace('/', "__")
            )
        })
        .collect();
    for entry in std::fs::read_dir(common::root().join("tests/golden/text")).expect("golden files")
    {
        let name = entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("UTF-8");
        if std::env::var_os("BLESS").is_some() && !known.contains(&name) {
            let _ = std::fs::remove_file(common::root().join("tests/golden/text").join(&name));
            continue;
        }
        assert!(known.contains(&name), "no fixture for {name}");
    }
}

#[test]
fn the_founding_case_reads_like_this() {
    let json = stdout(&lint(&["testdata/daft-blob.lance", "--format", "json"]));
    golden("daft-blob.json", &json);
    let text = stdout(&lint(&[
        "inspect",
        "testdata/daft-blob.lance",
        "--column",
        "blob",
    ]));
    golden("daft-blob.inspect.txt", &text);
    let help = stdout(&lint(&["--help"]));
    golden("help.txt", &help);
    let help = stdout(&lint(&["inspect", "--help"]));
    golden("help-inspect.txt", &help);
}
