//! What the binary prints for each fixture, compared with its golden file. One test a fixture, with its
//! name: `cargo test --test fixtures blob`; `BLESS=1` writes the golden files again.
#![allow(clippy::expect_used, clippy::panic)]

mod common;

use std::process::ExitCode;

use common::{fixtures, golden, lint, root, stderr, stdout, without_time};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let mut trials: Vec<Trial> = fixtures().into_iter().map(trial).collect();
    trials.push(Trial::test("no_golden_file_outlives_its_fixture", || {
        outlived()
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The name of the golden file of a fixture.
fn golden_name(fixture: &str) -> String {
    let name = fixture.trim_start_matches("testdata/").replace('/', "__");
    format!("{name}.txt")
}

fn trial(fixture: String) -> Trial {
    let name = fixture.trim_start_matches("testdata/").to_string();
    Trial::test(name, move || {
        let output = lint(&[&fixture]);
        assert_eq!(stderr(&output), "");
        let status = output.status.code().expect("no signal");
        let text = format!("exit status {status}\n{}", without_time(&stdout(&output)));
        golden(&format!("text/{}", golden_name(&fixture)), &text);
        Ok(())
    })
}

fn outlived() -> Result<(), Failed> {
    let known: Vec<String> = fixtures().iter().map(|name| golden_name(name)).collect();
    for entry in std::fs::read_dir(root().join("tests/golden/text"))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.expect("UTF-8").to_string();
        if known.contains(&name) {
            continue;
        }
        if std::env::var_os("BLESS").is_none() {
            return Err(format!("no fixture for {name}").into());
        }
        std::fs::remove_file(path)?;
    }
    Ok(())
}
