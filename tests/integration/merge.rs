//! Parts of a check, joined, are to the byte what one check of all of it prints.
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use crate::common::{copy, fixtures, lint, root, stderr, stdout};
use lance_lint::check::{FragmentRange, Merge, Report, Request, Sample, SampleSize, check};
use lance_lint::model::snapshot::{self, Selection};
use lance_lint::report::{json, parts};
use lance_lint::storage::{Location, Options, Storage};

/// A selection of fragments.
#[derive(Debug, Clone, Default)]
struct Share {
    ranges: Vec<FragmentRange>,
    ids: Vec<u64>,
}

impl Share {
    fn range(start: Option<u64>, end: Option<u64>) -> Self {
        Self {
            ranges: vec![FragmentRange { start, end }],
            ids: Vec::new(),
        }
    }

    fn ids(ids: &[u64]) -> Self {
        Self {
            ranges: Vec::new(),
            ids: ids.to_vec(),
        }
    }
}

fn storage() -> Arc<dyn Storage> {
    lance_lint::storage::open(Options::default())
}

fn text(report: &Report) -> String {
    serde_json::to_string_pretty(&json::document(report)).unwrap()
}

fn single(request: &Request) -> Report {
    check(&storage(), request)
}

/// What a run over a share prints.
fn part(request: &Request, share: &Share) -> String {
    let request = Request {
        fragments: share.ids.clone(),
        fragment_ranges: share.ranges.clone(),
        keep_parts: true,
        ..request.clone()
    };
    let report = single(&request);
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    text(&report)
}

fn merged(reports: &[String], partial: bool) -> Report {
    let storage = storage();
    let mut merge = Merge::default();
    for (number, report) in reports.iter().enumerate() {
        for parts in parts::read(report.as_bytes()).expect("it has parts") {
            merge.add(&format!("{number}.json"), parts).unwrap();
        }
    }
    let taken: Result<Report, std::convert::Infallible> =
        merge.finish(&storage, partial, |_| Ok(()));
    taken.unwrap()
}

/// The ids of fragments in the order of the manifest; `None` without a manifest that can be read.
fn ids(path: &str) -> Option<Vec<u64>> {
    let storage = storage();
    let root = Location::from_path(path);
    let opened = snapshot::open(storage.as_ref(), &root, &Selection::default(), None).ok()?;
    let fragments = &opened.snapshot.as_ref()?.message().fragments;
    Some(fragments.iter().map(|fragment| fragment.id).collect())
}

/// Ranges that cut the ids into so many shares.
fn cut(ids: &[u64], into: usize) -> Vec<Share> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let bounds: Vec<u64> = (1..into)
        .map(|n| sorted[(sorted.len() * n / into).min(sorted.len() - 1)])
        .collect();
    let starts = std::iter::once(None).chain(bounds.iter().copied().map(Some));
    let ends = bounds.iter().copied().map(Some).chain([None]);
    starts.zip(ends).map(|(a, b)| Share::range(a, b)).collect()
}

/// Ways to share fragments out.
fn ways(ids: &[u64]) -> Vec<Vec<Share>> {
    let mut ways = vec![vec![Share::range(None, None)]];
    if ids.len() < 2 {
        return ways;
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    ways.extend([cut(ids, 2), cut(ids, 3)]);
    ways.push(sorted.iter().map(|id| Share::ids(&[*id])).collect());
    let every_other =
        |first: usize| -> Vec<u64> { sorted.iter().skip(first).step_by(2).copied().collect() };
    ways.push(
        [every_other(0), every_other(1)]
            .iter()
            .filter(|ids| !ids.is_empty())
            .map(|ids| Share::ids(ids))
            .collect(),
    );
    ways
}

fn datasets() -> Vec<String> {
    let mut all = fixtures();
    for folder in ["testdata/history", "testdata/advisories", "testdata/beyond"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut paths: Vec<String> = names.map(|name| format!("{folder}/{name}")).collect();
        paths.retain(|path| root().join(path).join("_versions").is_dir());
        paths.sort();
        all.extend(paths);
    }
    all.retain(|path| root().join(path).is_dir());
    all
}

#[test]
fn parts_joined_in_any_order_are_what_one_run_prints() {
    let mut several = 0;
    let mut with_findings = 0;
    // What only some datasets put into their parts.
    let rare = [
        r#""deleted":[["#,
        r#""seen":[["#,
        r#""unless":["#,
        r#""blob":true"#,
        r#""unreadable":[["#,
        r#""absent":[["#,
        r#""shared":{"requests":"#,
    ];
    let mut met = [0; 7];
    // No fixture has several fragments and a file that cannot be read.
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged.lance");
    copy(&root().join(PLAIN), &damaged);
    let files = std::fs::read_dir(damaged.join("data")).unwrap();
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    std::fs::write(
        &files[1],
        "not a Lance file, but long enough to have a footer",
    )
    .unwrap();
    let damaged = damaged.to_str().unwrap().to_string();
    for path in datasets().into_iter().chain([damaged]) {
        let Some(ids) = ids(&path) else { continue };
        let request = Request {
            paths: vec![OsString::from(&path)],
            ..Request::default()
        };
        let whole = single(&request);
        let expected = text(&whole);
        several += usize::from(ids.len() > 1);
        with_findings += usize::from(ids.len() > 1 && !whole.subjects[0].findings.is_empty());
        for way in ways(&ids) {
            let mut reports: Vec<String> = way.iter().map(|share| part(&request, share)).collect();
            for (rare, met) in rare.iter().zip(&mut met) {
                let none = r#""shared":{"requests":0"#;
                let has = |report: &String| report.replace(none, "").contains(rare);
                *met += usize::from(reports.len() > 1 && reports.iter().any(has));
            }
            reports.reverse();
            let middle = reports.len() / 2;
            reports.rotate_left(middle);
            let report = merged(&reports, false);
            assert!(
                report.failures.is_empty(),
                "{path} {way:?}: {:?}",
                report.failures
            );
            assert_eq!(expected, text(&report), "{path} {way:?}");
        }
    }
    assert!(
        several > 60 && with_findings > 30,
        "{several} {with_findings}"
    );
    assert!(met.iter().all(|met| *met > 0), "{rare:?} {met:?}");
}

/// A dataset of three fragments in which something is wrong.
const PLAIN: &str = "testdata/broken/blob-plain-three-fragments-2.0";

/// A manifest of the same version of another dataset.
const FOREIGN: &str =
    "testdata/broken/blob-plain-three-fragments-2.1/_versions/18446744073709551613.manifest";

#[test]
fn columns_and_readers_that_were_asked_for_are_kept() {
    let request = Request {
        paths: vec![OsString::from(PLAIN)],
        columns: vec!["blob".to_string()],
        readers: vec!["0.10.0".parse().unwrap()],
        ..Request::default()
    };
    let whole = single(&request);
    let by_rule = whole.by_rule();
    assert!(by_rule.contains_key("reader-too-old"), "{by_rule:?}");
    let parts: Vec<String> = cut(&ids(PLAIN).unwrap(), 3)
        .iter()
        .map(|share| part(&request, share))
        .collect();
    assert_eq!(text(&whole), text(&merged(&parts, false)));
}

/// A folder with the reports of parts that the real binary wrote.
struct Parts {
    folder: tempfile::TempDir,
}

impl Parts {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_string()
    }

    /// Runs the check and keeps its report as `name`.
    fn write(&self, name: &str, arguments: &[&str]) -> String {
        let path = self.path(name);
        let file = format!("json={path}");
        let arguments = [arguments, &["--output-file", &file]].concat();
        let output = lint(&arguments);
        assert_ne!(output.status.code(), Some(2), "{}", stderr(&output));
        path
    }
}

/// Three parts of [`PLAIN`].
fn three(parts: &Parts) -> [String; 3] {
    [("2", "5.."), ("0", "..4"), ("1", "4..5")]
        .map(|(name, range)| parts.write(name, &[PLAIN, "--fragments", range]))
}

#[test]
fn every_output_and_every_policy_is_that_of_one_run() {
    let parts = Parts::new();
    let [a, b, c] = three(&parts);
    let baseline = parts.path("baseline.json");
    let written = lint(&[PLAIN, "--write-baseline", "--baseline", &baseline]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let options: &[&[&str]] = &[
        &[],
        &["--quiet"],
        &["--statistics"],
        &["--columns-only"],
        &["--format", "concise"],
        &["--format", "json"],
        &["--format", "json-lines"],
        &["--format", "sarif"],
        &["--format", "github"],
        &["--format", "gitlab"],
        &["--format", "junit"],
        &["--format", "json", "--ignore", "blob-stored-plain"],
        &["--format", "json", "--warn", "blob-stored-plain"],
        &["--format", "json", "--baseline", &baseline],
        &["--format", "json", "--ignore", "column-index-invalid"],
        &["--fail-on", "info", "--warn", "blob-stored-plain"],
        &["--exit-zero"],
    ];
    let mut statuses = Vec::new();
    for options in options {
        let single = lint(&[&[PLAIN], *options].concat());
        let merged = lint(&[&["merge", &a, &b, &c], *options].concat());
        let shown = |output: &std::process::Output| crate::common::without_time(&stdout(output));
        assert_eq!(shown(&single), shown(&merged), "{options:?}");
        assert_eq!(stderr(&single), stderr(&merged), "{options:?}");
        assert_eq!(single.status.code(), merged.status.code(), "{options:?}");
        statuses.push(merged.status.code());
    }
    assert!(statuses.contains(&Some(0)) && statuses.contains(&Some(1)));
}

#[test]
fn parts_of_several_datasets_are_as_many_subjects() {
    let parts = Parts::new();
    let other = "testdata/broken/blob-mixed-fragments-2.0";
    let first = parts.write("1", &[PLAIN, other, "--fragments", "..4"]);
    let second = parts.write("2", &[PLAIN, other, "--fragments", "4.."]);
    let single = lint(&[PLAIN, other, "--format", "json"]);
    let merged = lint(&["merge", &second, &first, "--format", "json"]);
    assert_eq!(stdout(&single), stdout(&merged), "{}", stderr(&merged));
}

#[test]
fn a_version_or_a_manifest_that_was_chosen_is_kept() {
    let parts = Parts::new();
    let manifest = format!("{PLAIN}/_versions/18446744073709551613.manifest");
    let cases: [&[&str]; 2] = [&[PLAIN, "--version", "2"], &[&manifest]];
    for given in cases {
        let first = parts.write("1", &[given, &["--fragments", "..4"]].concat());
        let second = parts.write("2", &[given, &["--fragments", "4.."]].concat());
        let single = lint(&[given, &["--format", "json"]].concat());
        let merged = lint(&["merge", &first, &second, "--format", "json"]);
        assert_eq!(stdout(&single), stdout(&merged), "{}", stderr(&merged));
    }
}

#[test]
fn reports_come_from_standard_input_too() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let parts = Parts::new();
    let reports = three(&parts).map(|path| std::fs::read(path).unwrap());
    let mut merge = Command::new(env!("CARGO_BIN_EXE_lance-lint"))
        .args(["merge", "-", "--format", "json"])
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = merge.stdin.take().unwrap();
    input.write_all(&reports.concat()).unwrap();
    drop(input);
    let output = merge.wait_with_output().unwrap();
    assert_eq!(stdout(&output), stdout(&lint(&[PLAIN, "--format", "json"])));
}

/// What merging says when it does nothing.
fn refusal(arguments: &[&str]) -> String {
    let output = lint(&[&["merge"], arguments].concat());
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert_eq!(stdout(&output), "");
    stderr(&output)
}

fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn parts_that_overlap_or_lack_fragments_are_refused() {
    let parts = Parts::new();
    let [last, first, _] = three(&parts);
    let two = parts.write("both", &[PLAIN, "--fragments", "3..5"]);
    says(
        &refusal(&[&last, &first, &two]),
        &[&first, &two, "both hold fragments 3..4", "do not overlap"],
    );
    says(
        &refusal(&[&last, &last, &first]),
        &[&last, "holds fragments 5..6", "more than once"],
    );
    says(
        &refusal(&[&last, &first]),
        &[
            "version 2",
            PLAIN,
            "lack fragments 4..5",
            "--fragments",
            "--partial",
        ],
    );
    let partial = lint(&["merge", &last, &first, "--partial", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&partial)).unwrap();
    let subject = &report["subjects"][0];
    assert_eq!(subject["fragments"], 2);
    let note = subject["notes"][0].as_str().unwrap();
    assert!(
        note.contains("2 of 3 fragments") && note.contains("lack 4..5"),
        "{note}"
    );
    assert_eq!(report["findings"][0]["fragments"], 2);
    // Nothing can be said of what matched nothing where part was left out.
    let stale = lint(&[
        "merge",
        &last,
        &first,
        "--partial",
        "--ignore",
        "column-index-invalid",
    ]);
    assert!(!stdout(&stale).contains("matched nothing"));
}

#[test]
fn what_is_no_part_is_refused() {
    let parts = Parts::new();
    let whole = parts.write("whole", &[PLAIN]);
    says(
        &refusal(&[&whole]),
        &[&whole, "holds no parts", "--fragments A..B --format json"],
    );
    says(&refusal(&["Cargo.toml"]), &["Cargo.toml is not a report"]);
    says(
        &refusal(&["nowhere.json"]),
        &["cannot read the report nowhere.json"],
    );
    let given = parts.path("given");
    let refused = |text: &str| {
        std::fs::write(&given, text).unwrap();
        let said = refusal(&[&given]);
        assert!(said.contains(&given), "{said}");
        said
    };
    says(&refused(""), &["is not a report (it is empty)"]);
    says(&refused("{}"), &["lance-lint did not write it"]);

    let data = root().join(PLAIN).join("data");
    let data = std::fs::read_dir(data).unwrap().next().unwrap().unwrap();
    let file = data.path().to_str().unwrap().to_string();
    let file = parts.write("file", &[&file, "--fragments", ".."]);
    says(&refusal(&[&file]), &[&file, "holds no parts"]);

    let text = std::fs::read_to_string(&three(&parts)[0]).unwrap();
    let edited = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        refused(&text.replace(from, to))
    };
    let own = env!("CARGO_PKG_VERSION");
    says(
        &edited(&format!("\"version\": \"{own}\""), "\"version\": \"0.0.9\""),
        &["was written by lance-lint 0.0.9", own],
    );
    says(
        &edited("\"tally\":", "\"tale\":"),
        &["holds a part that does not read"],
    );
    says(
        &edited("{\"rule\":\"blob-stored-plain\"", "{\"rule\":\"no-rule\""),
        &["no rule is called \"no-rule\""],
    );
    says(&refused(&text[..text.len() / 2]), &["is not a report"]);
}

#[test]
fn parts_of_other_requests_or_versions_are_refused() {
    let parts = Parts::new();
    let all = parts.write("1", &[PLAIN, "--fragments", "..4"]);
    let column = parts.write("2", &[PLAIN, "--fragments", "4..", "--column", "blob"]);
    says(
        &refusal(&[&all, &column]),
        &[&all, "all columns", &column, "only blob", "same --column"],
    );
    let reader = parts.write("3", &[PLAIN, "--fragments", "4..", "--reader", "0.32.1"]);
    says(
        &refusal(&[&all, &reader]),
        &["readers Lance 0.32.1", "same --reader"],
    );
    let of_two = |path: &String| {
        let root = Location::from_path(path.as_str());
        let storage = storage();
        let opened = snapshot::open(storage.as_ref(), &root, &Selection::default(), None);
        opened.is_ok_and(|opened| opened.versions.starts_with(&[1, 2]))
    };
    let path = datasets().into_iter().find(of_two).unwrap();
    let old = parts.write("4", &[&path, "--version", "1", "--fragments", ".."]);
    let new = parts.write("5", &[&path, "--version", "2", "--fragments", ".."]);
    says(
        &refusal(&[&new, &old]),
        &[
            "is of version 2",
            "of version 1",
            "check all parts with --version 2",
        ],
    );
}

#[test]
fn a_dataset_that_changed_in_between_is_told_of() {
    let parts = Parts::new();
    let dataset = parts.path("d.lance");
    copy(&root().join(PLAIN), Path::new(&dataset));
    let first = parts.write("1", &[&dataset, "--fragments", "..4"]);
    let second = parts.write("2", &[&dataset, "--fragments", "4.."]);
    let manifest = format!("{dataset}/_versions/18446744073709551613.manifest");

    // A newer version: the parts are of the one before it, as if that had been asked for.
    let newer = format!("{dataset}/_versions/18446744073709551612.manifest");
    std::fs::copy(root().join(FOREIGN), &newer).unwrap();
    let merged = lint(&["merge", &first, &second, "--format", "json"]);
    let single = lint(&[&dataset, "--version", "2", "--format", "json"]);
    assert_eq!(stdout(&single), stdout(&merged), "{}", stderr(&merged));
    std::fs::remove_file(&newer).unwrap();

    // Another manifest under the same name.
    let own = std::fs::read(&manifest).unwrap();
    std::fs::copy(root().join(FOREIGN), &manifest).unwrap();
    says(
        &refusal(&[&first, &second]),
        &[
            "the manifest of version 2",
            &dataset,
            &first,
            "make all parts again",
        ],
    );
    let third = parts.write("3", &[&dataset, "--fragments", "4.."]);
    says(
        &refusal(&[&first, &third]),
        &[
            "the manifest of version 2",
            "another one",
            &third,
            &first,
            "make both again",
        ],
    );
    std::fs::write(&manifest, &own).unwrap();

    // It cannot be read, and then it is gone.
    std::fs::write(&manifest, "LANC").unwrap();
    says(
        &refusal(&[&first, &second]),
        &[&first, "version 2", &dataset, "needed to merge"],
    );
    std::fs::remove_dir_all(&dataset).unwrap();
    says(
        &refusal(&[&first, &second]),
        &[
            &first,
            "version 2",
            &dataset,
            "needed to merge",
            "does not exist",
        ],
    );
}

#[test]
fn a_range_without_fragments_is_a_part_too() {
    let parts = Parts::new();
    let nothing = lint(&[PLAIN, "--fragments", "900.."]);
    assert_eq!(nothing.status.code(), Some(0), "{}", stderr(&nothing));
    let shown = stdout(&nothing);
    assert!(shown.contains("0 of 3 fragments"), "{shown}");
    assert!(
        shown.contains("note: looked at no fragment: none is in 900.."),
        "{shown}"
    );
    let mut reports = three(&parts).to_vec();
    reports.push(parts.write("empty", &[PLAIN, "--fragments", "900.."]));
    let mut arguments = vec!["merge", "--format", "json"];
    arguments.extend(reports.iter().map(String::as_str));
    assert_eq!(
        stdout(&lint(&arguments)),
        stdout(&lint(&[PLAIN, "--format", "json"]))
    );
}

#[test]
fn a_run_that_was_stopped_is_a_part_of_what_it_saw() {
    let parts = Parts::new();
    // One request is for the manifest.
    let stopped = parts.write(
        "stopped",
        &[PLAIN, "--fragments", "..", "--max-requests", "2"],
    );
    says(&refusal(&[&stopped]), &["lack fragments 4..6"]);
    let rest = parts.write("rest", &[PLAIN, "--fragments", "4.."]);
    assert_eq!(
        stdout(&lint(&["merge", &rest, &stopped, "--format", "json"])),
        stdout(&lint(&[PLAIN, "--format", "json"]))
    );
}

#[test]
fn ranges_and_single_fragments_add_up() {
    let count = |arguments: &[&str]| {
        let output = lint(&[&[PLAIN, "--format", "json"], arguments].concat());
        let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        report["subjects"][0]["fragments"].as_u64().unwrap()
    };
    assert_eq!(count(&["--fragments", "3..5"]), 2);
    assert_eq!(count(&["--fragments", "3..4", "--fragment", "5"]), 2);
    assert_eq!(count(&["--fragments", "..4", "--fragments", "5.."]), 2);
    let wrong = lint(&[PLAIN, "--fragments", "5..3"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("it ends before it starts"));
    let both = lint(&[PLAIN, "--all-versions", "--fragments", "..3"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn a_sample_says_what_share_it_is() {
    let output = lint(&[PLAIN, "--sample", "2", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let subject = &report["subjects"][0];
    assert_eq!(subject["fragments"], 2);
    let sample = serde_json::json!({"chosen": 2, "of": 3, "seed": 0});
    assert_eq!(subject["sample"], sample);
    let note = "looked at: 2 of 3 fragments (66.7 %), a sample with seed 0";
    assert_eq!(subject["notes"][0], note);
    assert!(report.get("parts").is_none());
    let shown = stdout(&lint(&[PLAIN, "--sample", "66%"]));
    assert!(shown.contains(&format!("note: {note}")), "{shown}");
    assert!(shown.contains("2 of 3 fragments"), "{shown}");

    // Within a range, and the same each time.
    let within = |seed: &str| {
        let sample = [
            "--sample",
            "1",
            "--seed",
            seed,
            "--fragments",
            "4..",
            "--list-files",
        ];
        stdout(&lint(&[&[PLAIN][..], &sample].concat()))
    };
    assert_eq!(within("7"), within("7"));
    let seeds = ["0", "1", "2", "3", "4", "5", "6", "7"];
    let chosen: std::collections::BTreeSet<String> = seeds.iter().map(|s| within(s)).collect();
    assert_eq!(chosen.len(), 2, "both fragments come up");

    let all = lint(&[PLAIN, "--sample", "2", "--all-versions"]);
    assert_eq!(all.status.code(), Some(2));
    let data = root().join(PLAIN).join("data");
    let data = std::fs::read_dir(data).unwrap().next().unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("alone.lance");
    std::fs::copy(data.path(), &alone).unwrap();
    let file = lint(&[alone.to_str().unwrap(), "--sample", "2"]);
    assert_eq!(file.status.code(), Some(2));
    assert!(stderr(&file).contains("--sample needs a dataset"));
}

#[test]
fn samples_of_ranges_are_joined_where_gaps_are_allowed() {
    let request = Request {
        paths: vec![OsString::from(PLAIN)],
        sample: Some(Sample {
            size: SampleSize::Count(1),
            seed: 3,
        }),
        ..Request::default()
    };
    let reports = [
        part(&request, &Share::range(None, Some(5))),
        part(&request, &Share::range(Some(5), None)),
    ];
    assert_eq!(merged(&reports, false).failures.len(), 1);
    let report = merged(&reports, true);
    assert_eq!(report.subjects[0].fragments, 2);
    assert!(!report.subjects[0].whole);
}
