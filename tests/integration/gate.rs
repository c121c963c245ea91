//! What makes a run fail: levels, configurations, ignores and baselines.
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::common::{copy, root, stderr, stdout};
use serde_json::Value;

/// A folder with copies of datasets, from which the binary is run.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new(datasets: &[(&str, &str)]) -> Self {
        let scratch = Self(tempfile::tempdir().unwrap());
        for (fixture, name) in datasets {
            copy(&root().join("testdata").join(fixture), &scratch.path(name));
        }
        scratch
    }

    /// The founding case, a blob column that says no, and a healthy dataset.
    fn usual() -> Self {
        Self::new(&[
            ("daft-blob.lance", "daft.lance"),
            ("broken/blob-key-false-2.0", "archive/old/no.lance"),
            ("clean/blob-v1-three-fragments-2.1", "clean.lance"),
        ])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lance-lint"));
        command.args(arguments).current_dir(self.0.path());
        for variable in [
            "FORMAT", "FAIL_ON", "IGNORE", "READER", "CONFIG", "BASELINE",
        ] {
            command.env_remove(format!("LANCE_LINT_{variable}"));
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn status(&self, arguments: &[&str]) -> i32 {
        self.run(arguments).status.code().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.extend(["--format", "json"]);
        serde_json::from_str(&stdout(&self.run(&all))).expect("valid JSON")
    }

    /// What is printed on standard error by a run that cannot be done.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            stdout(&output)
        );
        stderr(&output)
    }
}

const NO: &str = "archive/old/no.lance";

#[test]
fn levels_on_the_command_line_win() {
    let scratch = Scratch::usual();
    assert_eq!(scratch.status(&["daft.lance"]), 1);
    assert_eq!(
        scratch.status(&["daft.lance", "--warn", "blob-stored-plain"]),
        0
    );
    assert_eq!(
        scratch.status(&["daft.lance", "--ignore", "blob-stored-plain"]),
        0
    );
    assert_eq!(scratch.status(&["daft.lance", "--exit-zero"]), 0);
    assert_eq!(scratch.status(&[NO]), 0);
    assert_eq!(
        scratch.status(&[NO, "--error", "dataset-health,blob-key-false"]),
        1
    );
    let found = scratch.json(&["daft.lance", "--ignore", "blob-stored-plain"]);
    assert_eq!(found["findings"].as_array().unwrap().len(), 0);
    assert_eq!(found["ignored"][0]["by"], "--ignore");
    assert_eq!(found["ignored"][0]["finding"]["rule"], "blob-stored-plain");
    assert_eq!(found["summary"]["ignored"], 1);
    assert_eq!(found["summary"]["errors"], 0);
    let two = [
        "daft.lance",
        "--warn",
        "blob-in-list",
        "--error",
        "blob-in-list",
    ];
    assert!(
        scratch
            .refusal(&two)
            .contains("blob-in-list is given two levels")
    );
}

#[test]
fn a_misspelt_rule_is_refused_with_the_nearest() {
    let scratch = Scratch::usual();
    for option in ["--ignore", "--warn", "--error", "--info"] {
        let said = scratch.refusal(&["clean.lance", option, "blob-stord-plain"]);
        assert!(said.contains("did you mean blob-stored-plain?"), "{said}");
    }
    let said = scratch.refusal(&["explain", "blob-plain"]);
    assert!(said.contains("did you mean blob-stored-plain?"), "{said}");
    let configs = [
        "[rules]\nblob-stord-plain = \"ignore\"\n",
        "[[override]]\nrules = [\"blob-stord-plain\"]\nlevel = \"info\"\nreason = \"x\"\n",
    ];
    for (text, line) in configs.into_iter().zip([2, 2]) {
        scratch.write("lance-lint.toml", text);
        let said = scratch.refusal(&["clean.lance"]);
        assert!(
            said.starts_with(&format!(
                "lance-lint: lance-lint.toml:{line}: no rule is called"
            )),
            "{said}"
        );
        assert!(said.contains("did you mean blob-stored-plain?"), "{said}");
    }
}

#[test]
fn what_a_configuration_cannot_mean_is_refused_with_its_line() {
    let scratch = Scratch::usual();
    let over = |rest: &str| format!("[[override]]\nrules = [\"known-bug\"]\n{rest}");
    let cases = [
        (
            "fail_on = \"error\"\n".to_string(),
            "1: there is no key \"fail_on\" here; did you mean fail-on?",
        ),
        (
            "fail-on = \"warn\"\n".to_string(),
            "1: \"warn\" is none of info, warning, error; did you mean warning?",
        ),
        (
            "[rules]\n\nknown-bug = \"of\"\n".to_string(),
            "3: the value is none of error, warning, info, ignore",
        ),
        (
            "[rules]\nknown-bug = 3\n".to_string(),
            "2: a level must be a string, not integer",
        ),
        (
            "[rules]\nknown-bug = { reason = \"x\" }\n".to_string(),
            "2: a level is missing",
        ),
        (
            "[rules]\nknown-bug = { level = \"info\", why = \"x\" }\n".to_string(),
            "2: there is no such key here (the keys are level, reason)",
        ),
        (over("level = \"info\"\n"), "1: an override needs a reason"),
        (over("reason = \"x\"\n"), "1: an override needs a level"),
        (
            over("column = [\"a\"]\n"),
            "3: there is no key \"column\" here; did you mean columns?",
        ),
        (
            "[[override]]\nlevel = \"info\"\nreason = \"x\"\n".to_string(),
            "1: an override needs rules, paths or columns",
        ),
        (
            "override = 3\n".to_string(),
            "1: must be tables: [[override]]",
        ),
        ("[rules\n".to_string(), "1: "),
    ];
    for (text, expected) in cases {
        scratch.write("lance-lint.toml", &text);
        let said = scratch.refusal(&["clean.lance"]);
        assert!(
            said.starts_with(&format!("lance-lint: lance-lint.toml:{expected}")),
            "{text}: {said}"
        );
    }
    let said = scratch.refusal(&["clean.lance", "--config", "no.toml"]);
    assert!(
        said.starts_with("lance-lint: cannot read no.toml: "),
        "{said}"
    );
}

#[test]
fn a_configuration_gives_levels_by_rule_path_and_column() {
    let scratch = Scratch::usual();
    let all = ["daft.lance", NO, "clean.lance"];
    scratch.write(
        "lance-lint.toml",
        "[rules]\nblob-stored-plain = { level = \"ignore\", reason = \"DATA-12\" }\n\
         blob-key-false = \"error\"\n",
    );
    let found = scratch.json(&all);
    assert_eq!(found["findings"][0]["rule"], "blob-key-false");
    assert_eq!(found["findings"][0]["severity"], "error");
    assert_eq!(found["ignored"][0]["by"], "lance-lint.toml:2");
    assert_eq!(found["ignored"][0]["reason"], "DATA-12");
    // The table and its verdicts go by what is left.
    let text = stdout(&scratch.run(&["daft.lance"]));
    assert!(
        !text.contains("✗") && text.contains("no findings · 1 ignored"),
        "{text}"
    );

    let severity = |patterns: &str| {
        let config = format!("[[override]]\n{patterns}\nlevel = \"info\"\nreason = \"x\"\n");
        scratch.write("lance-lint.toml", &config);
        let found = scratch.json(&[NO]);
        found["findings"][0]["severity"]
            .as_str()
            .unwrap()
            .to_string()
    };
    let matching = [
        "paths = [\"archive/**\"]",
        "paths = [\"archive\"]",
        "paths = \"./archive/\"",
        "paths = [\"**/no.lance\"]",
        "paths = [\"*/old/*.lance\"]",
        "columns = [\"blob\"]",
        "columns = [\"bl*\"]",
        "columns = [\"blob\"]\npaths = [\"archive\"]\nrules = [\"blob-key-false\"]",
    ];
    for patterns in matching {
        assert_eq!(severity(patterns), "info", "{patterns}");
    }
    let others = [
        "paths = [\"no.lance\"]",
        "paths = [\"*.lance\"]",
        "columns = [\"blo\"]",
        "columns = [\"blob\"]\npaths = [\"old\"]",
        "rules = [\"known-bug\"]",
    ];
    for patterns in others {
        assert_eq!(severity(patterns), "warning", "{patterns}");
    }
}

#[test]
fn a_pattern_for_a_struct_is_for_what_is_below_it() {
    let scratch = Scratch::new(&[("broken/blob-plain-in-struct-2.1", "x.lance")]);
    let found = scratch.json(&["x.lance"]);
    let column = found["findings"][0]["location"]["column"].as_str().unwrap();
    let (above, name) = column.rsplit_once('.').expect("a nested column");
    for (pattern, status) in [
        (above, 0),
        (column, 0),
        (&format!("*.{name}"), 0),
        (name, 1),
    ] {
        let config = format!(
            "[[override]]\ncolumns = [\"{pattern}\"]\nlevel = \"ignore\"\nreason = \"x\"\n"
        );
        scratch.write("lance-lint.toml", &config);
        assert_eq!(scratch.status(&["x.lance"]), status, "{pattern}");
    }
}

#[test]
fn the_nearest_configuration_counts_and_the_command_line_names_another() {
    let scratch = Scratch::usual();
    scratch.write("lance-lint.toml", "fail-on = \"warning\"\n");
    assert_eq!(scratch.status(&[NO]), 1);
    scratch.write("archive/lance-lint.toml", "fail-on = \"error\"\n");
    assert_eq!(scratch.status(&[NO]), 0);
    assert_eq!(scratch.status(&[NO, "--fail-on", "warning"]), 1);
    assert_eq!(scratch.status(&[NO, "--config", "lance-lint.toml"]), 1);
    assert_eq!(scratch.status(&[NO, "--no-config"]), 0);
    // A dataset elsewhere goes by the configuration of the working directory.
    let elsewhere = Scratch::usual();
    let path = elsewhere.path(NO);
    assert_eq!(scratch.status(&[path.to_str().unwrap()]), 1);
    assert_eq!(elsewhere.status(&[path.to_str().unwrap()]), 0);
}

#[test]
fn ignores_that_match_nothing_are_reported() {
    let scratch = Scratch::usual();
    scratch.write(
        "lance-lint.toml",
        "[rules]\nblob-in-list = \"ignore\"\nknown-bug = \"info\"\n\n\
         [[override]]\npaths = [\"daft.lance\"]\ncolumns = [\"thumb\"]\nlevel = \"ignore\"\nreason = \"x\"\n\n\
         [[override]]\npaths = [\"gone.lance\"]\nlevel = \"ignore\"\nreason = \"x\"\n",
    );
    let expected = "matched nothing: --ignore column-index-invalid; lance-lint.toml:2: blob-in-list; \
                    lance-lint.toml:5: all rules in thumb";
    let arguments = ["daft.lance", "--ignore", "column-index-invalid"];
    assert_eq!(scratch.json(&arguments)["notes"][0], expected);
    let text = stdout(&scratch.run(&arguments));
    assert!(text.replace("\n      ", " ").contains(expected), "{text}");
    let concise = scratch.run(&[
        "daft.lance",
        "--ignore",
        "column-index-invalid",
        "--format",
        "concise",
    ]);
    assert!(stderr(&concise).contains(expected));
    // Where only part was looked at, nothing can be said.
    let part = [
        "daft.lance",
        "--column",
        "blob",
        "--ignore",
        "column-index-invalid",
    ];
    assert_eq!(scratch.json(&part)["notes"].as_array().unwrap().len(), 0);
}

#[test]
fn a_baseline_lets_pass_what_was_there() {
    let scratch = Scratch::usual();
    let all = ["daft.lance", NO, "clean.lance"];
    let with = |more: &[&'static str]| [&all[..], more].concat();
    let said = scratch.refusal(&with(&["--baseline", "base.json"]));
    assert!(
        said.contains("base.json: does not exist; `--write-baseline`"),
        "{said}"
    );
    let written = scratch.run(&with(&[
        "--baseline",
        "base.json",
        "--write-baseline",
        "-q",
    ]));
    assert_eq!(written.status.code(), Some(0));
    assert!(
        stderr(&written).contains("wrote 2 findings to base.json"),
        "{}",
        stderr(&written)
    );
    let baseline = std::fs::read_to_string(scratch.path("base.json")).unwrap();
    assert!(
        !baseline.contains(&*scratch.0.path().to_string_lossy()),
        "{baseline}"
    );
    let found = scratch.json(&with(&["--baseline", "base.json", "--fail-on", "info"]));
    assert_eq!(found["summary"]["ignored"], 2);
    assert_eq!(found["ignored"][0]["by"], "baseline base.json");
    assert_eq!(
        scratch.status(&with(&["--baseline", "base.json", "--fail-on", "info"])),
        0
    );
    assert_eq!(
        scratch.status(&with(&["--baseline", "base.json", "--no-ignores"])),
        1
    );
    // From another folder, and by the configuration.
    scratch.write(
        "lance-lint.toml",
        "baseline = \"base.json\"\nfail-on = \"info\"\n",
    );
    let mut below = scratch.command(&["no.lance", "../../daft.lance"]);
    let below = below
        .current_dir(scratch.path("archive/old"))
        .output()
        .unwrap();
    assert_eq!(below.status.code(), Some(0), "{}", stdout(&below));
    // Something new fails; something gone is said, and let go by the next writing.
    copy(
        &root().join("testdata/broken/blob-plain-2.0"),
        &scratch.path("new.lance"),
    );
    assert_eq!(scratch.status(&with(&["new.lance"])), 1);
    std::fs::remove_dir_all(scratch.path("daft.lance")).unwrap();
    copy(
        &root().join("testdata/clean/blob-v1-three-fragments-2.1"),
        &scratch.path("daft.lance"),
    );
    let found = scratch.json(&all);
    assert_eq!(
        found["notes"][0],
        "matched nothing: baseline base.json: blob-stored-plain in daft.lance, column `blob`"
    );
    scratch.run(&["daft.lance", "--write-baseline"]);
    let baseline = std::fs::read_to_string(scratch.path("base.json")).unwrap();
    assert!(!baseline.contains("blob-stored-plain"), "{baseline}");
    // What was not looked at stays.
    assert!(baseline.contains("blob-key-false"), "{baseline}");
}

#[test]
fn a_baseline_outlives_a_rewrite_and_not_another_fault() {
    let scratch = Scratch::new(&[("broken/blob-plain-2.1", "x.lance")]);
    scratch.run(&["x.lance", "--write-baseline"]);
    let with = ["x.lance", "--baseline", "lance-lint-baseline.json"];
    assert_eq!(scratch.status(&with), 0);
    let put = |fixture: &str| {
        std::fs::remove_dir_all(scratch.path("x.lance")).unwrap();
        copy(
            &root().join("testdata").join(fixture),
            &scratch.path("x.lance"),
        );
    };
    put("broken/blob-plain-three-fragments-2.1");
    assert_eq!(scratch.status(&with), 0);
    // The same rule and column, stored in another way.
    put("broken/blob-plain-2.0");
    assert_eq!(scratch.status(&with), 1);
    put("broken/blob-on-int64-2.1");
    assert_eq!(scratch.status(&with), 1);
}

#[test]
fn a_baseline_that_is_none_is_refused() {
    let scratch = Scratch::usual();
    let with = ["clean.lance", "--baseline", "base.json"];
    scratch.write("base.json", "{}");
    assert!(
        scratch
            .refusal(&with)
            .contains("is no baseline of lance-lint")
    );
    scratch.write(
        "base.json",
        "{\"lance_lint_baseline\": 2, \"findings\": []}",
    );
    assert!(scratch.refusal(&with).contains("is of version 2"));
    scratch.write(
        "base.json",
        "{\"lance_lint_baseline\": 1, \"findings\": [{\"dataset\": \"x\", \"rule\": \"blob-stored\"}]}",
    );
    assert!(
        scratch
            .refusal(&with)
            .contains("did you mean blob-stored-plain?")
    );
}

#[test]
fn an_ignore_travels_in_the_metadata_of_a_field() {
    let scratch = Scratch::new(&[
        ("gate/ignore-in-metadata-2.0", "x.lance"),
        ("gate/ignore-in-metadata-misspelt-2.0", "y.lance"),
        ("gate/ignore-key-misspelt-2.0", "z.lance"),
    ]);
    let found = scratch.json(&["x.lance"]);
    assert_eq!(found["findings"].as_array().unwrap().len(), 0, "{found}");
    assert_eq!(
        found["ignored"][0]["by"],
        "lance-lint:ignore of column `blob`"
    );
    assert_eq!(found["ignored"][0]["reason"], "is being migrated");
    let said = "x.lance: the dataset's own metadata (lance-lint:ignore) ignores 1 finding: \
                blob-stored-plain";
    assert_eq!(found["notes"], serde_json::json!([said]));
    assert_eq!(scratch.status(&["x.lance", "--no-ignores"]), 1);
    assert_eq!(
        scratch.status(&["x.lance", "--error", "blob-stored-plain"]),
        1
    );
    // A name that no rule has is a finding, and takes nothing away.
    let found = scratch.json(&["y.lance"]);
    let rules: Vec<&str> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect();
    assert_eq!(rules, ["blob-stored-plain", "metadata-value-invalid"]);
    let message = found["findings"][1]["message"].as_str().unwrap();
    assert!(
        message.contains("did you mean blob-stored-plain?"),
        "{message}"
    );
    let found = scratch.json(&["z.lance"]);
    assert_eq!(found["findings"][1]["rule"], "metadata-key-unknown");
}

#[test]
fn environment_variables_stand_for_options() {
    let scratch = Scratch::usual();
    let with = |variable: &str, value: &str, arguments: &[&str]| {
        let mut command = scratch.command(arguments);
        command.env(format!("LANCE_LINT_{variable}"), value);
        command.output().unwrap()
    };
    assert_eq!(with("FAIL_ON", "warning", &[NO]).status.code(), Some(1));
    assert_eq!(
        with("FAIL_ON", "warning", &[NO, "--fail-on", "error"])
            .status
            .code(),
        Some(0)
    );
    assert_eq!(
        with("IGNORE", "blob-stored-plain", &["daft.lance"])
            .status
            .code(),
        Some(0)
    );
    assert!(stdout(&with("FORMAT", "sarif", &["daft.lance"])).contains("2.1.0"));
    let old = with("READER", "0.16.0,0.9.19", &["clean.lance"]);
    assert_eq!(old.status.code(), Some(1), "{}", stdout(&old));
    scratch.write("strict.toml", "fail-on = \"warning\"\n");
    assert_eq!(with("CONFIG", "strict.toml", &[NO]).status.code(), Some(1));
    scratch.run(&[NO, "--write-baseline", "--baseline", "b.json"]);
    let known = with("BASELINE", "b.json", &[NO, "--fail-on", "info"]);
    assert_eq!(known.status.code(), Some(0));
    with("OUTPUT_FILE", "out.txt", &[NO]);
    assert!(scratch.path("out.txt").exists());
}

#[test]
fn paths_come_from_a_list() {
    let scratch = Scratch::usual();
    scratch.write("README.md", "no dataset\n");
    let data = std::fs::read_dir(scratch.path("daft.lance/data"))
        .unwrap()
        .next()
        .unwrap();
    let data = format!(
        "daft.lance/data/{}",
        data.unwrap().file_name().into_string().unwrap()
    );
    let fed = |arguments: &[&str], input: &str| {
        let mut command = scratch.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    };
    let concise = ["--files-from", "-", "--format", "concise"];
    let lines = fed(&concise, &format!("README.md\r\n{data}\n\nclean.lance\n"));
    assert_eq!(lines.status.code(), Some(1));
    assert!(
        stdout(&lines).starts_with("daft.lance: error"),
        "{}",
        stdout(&lines)
    );
    assert!(stderr(&lines).contains("skipped 1 path that is in no Lance dataset"));
    let nul = ["--files-from", "-", "-0", "--format", "concise"];
    let lines = fed(&nul, &format!("README.md\0{data}\0{data}\0"));
    assert_eq!(stdout(&lines).lines().count(), 1);
    let none = fed(&concise, "");
    assert_eq!((none.status.code(), stdout(&none).as_str()), (Some(0), ""));
    assert_eq!(fed(&concise, "README.md\n").status.code(), Some(0));
    // A path that is not there is an error, not one to skip.
    assert_eq!(fed(&concise, "gone.lance\n").status.code(), Some(2));
    scratch.write("list.txt", "daft.lance\n");
    assert_eq!(scratch.status(&["--files-from", "list.txt"]), 1);
    let said = scratch.refusal(&["--files-from", "no.txt"]);
    assert!(
        said.contains("cannot read the list of paths no.txt"),
        "{said}"
    );
}

#[test]
fn files_that_would_be_read_are_listed() {
    let scratch = Scratch::usual();
    let listed = stdout(&scratch.run(&["--list-files", "clean.lance", "daft.lance"]));
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 6, "{listed}");
    assert!(lines[0].starts_with("clean.lance/_versions/"));
    assert!(
        lines.iter().all(|line| scratch.path(line).is_file()),
        "{listed}"
    );
    let one = stdout(&scratch.run(&["--list-files", "clean.lance", "--fragment", "1"]));
    assert_eq!(one.lines().count(), 2);
    assert!(
        scratch
            .refusal(&["--list-files", "gone.lance"])
            .contains("does not exist")
    );
}
