//! What `bundle` writes: it is there for every dataset however broken, follows its schema, and
//! gives away neither values nor, redacted, names.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::{copy, fixtures, golden, lint, root, stderr, stdout};
use lance_lint::check::{Request, check};
use lance_lint::commands::bundle::{Asked, bundle as gather};
use lance_lint::format::proto::lance::table::{BasePath, Manifest};
use lance_lint::storage::{Options, open};
use prost::Message;
use serde_json::Value;

const SCHEMA: &str = "docs/bundle.schema.json";

fn bundle(path: &str, options: &[&str]) -> Value {
    let output = lint(&[&["bundle", path, "-o", "-"], options].concat());
    assert_eq!(output.status.code(), Some(0), "{path}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("valid JSON")
}

/// The same without a process of its own.
fn gathered(path: &str, redact: bool) -> Value {
    let asked = Asked {
        path: root().join(path).into(),
        redact,
        ..Asked::default()
    };
    let bundle = gather(&open(Options::default()), asked).expect("a bundle");
    serde_json::to_value(lance_lint::report::bundle::document(&bundle)).unwrap()
}

fn checked(path: &str) -> Value {
    let request = Request {
        paths: vec![root().join(path).into()],
        ..Request::default()
    };
    let report = check(&open(Options::default()), &request);
    serde_json::to_value(lance_lint::report::json::document(&report)).unwrap()
}

/// How files, columns and pages are laid out, which names have no part in.
fn shape(document: &Value) -> Value {
    let files = document["data_files"].as_array().expect("data files");
    let files = files.iter().map(|file| {
        let mut contents = file["contents"].clone();
        if let Some(columns) = contents["columns"].as_array_mut() {
            columns
                .iter_mut()
                .for_each(|column| column["field"] = Value::Null);
        }
        (file["fragment"].clone(), contents)
    });
    serde_json::json!({
        "files": files.collect::<Vec<_>>(),
        "encodings": document["encodings"],
        "shapes": document["manifest"]["fragment_shapes"],
        "manifests": document["manifests"],
        "unreadable": document["unreadable_manifests"],
    })
}

/// The rules of all findings with their severities and counts.
fn verdicts(document: &Value) -> BTreeMap<(String, String, u64), usize> {
    let mut verdicts = BTreeMap::new();
    for finding in document["findings"].as_array().expect("findings") {
        let text = |key: &str| finding[key].as_str().expect("text").to_string();
        let count = finding["count"].as_u64().expect("a count");
        *verdicts
            .entry((text("rule"), text("severity"), count))
            .or_default() += 1;
    }
    verdicts
}

#[test]
fn the_schema_that_is_checked_in_is_that_of_the_structures() {
    let schema =
        serde_json::to_string_pretty(&lance_lint::report::bundle::json_schema()).unwrap() + "\n";
    let path = root().join(SCHEMA);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let known = std::fs::read_to_string(&path).expect("the schema is checked in");
    assert_eq!(known, schema, "{SCHEMA} differs; BLESS=1 writes it again");
}

#[test]
fn every_fixture_gives_a_bundle_that_says_the_same_with_and_without_names() {
    let schema: Value = serde_json::to_value(lance_lint::report::bundle::json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let ignoring = fs::read_dir(root().join("testdata/gate")).unwrap();
    let ignoring = ignoring.map(|entry| entry.unwrap().path().to_string_lossy().into_owned());
    for fixture in fixtures().into_iter().chain(ignoring) {
        let plain = gathered(&fixture, false);
        let redacted = gathered(&fixture, true);
        for document in [&plain, &redacted] {
            let errors: Vec<String> = validator
                .iter_errors(document)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{fixture}: {errors:?}");
        }
        let found = verdicts(&checked(&fixture));
        assert_eq!(verdicts(&plain), found, "{fixture}");
        assert_eq!(verdicts(&redacted), found, "{fixture}");
        assert_eq!(redacted, gathered(&fixture, true), "{fixture}: another run");
        assert_eq!(shape(&redacted), shape(&plain), "{fixture}");
    }
}

/// What every value is that the fixtures of `testdata/bundle/` hold outside pages.
const SECRET: &[u8] = b"Qx7ZkV9wTj3L";
/// The numbers among them.
const NUMBER: u64 = 0x5177_377A_6B56_397A;
/// Bytes of a secret that give it away.
const TELLING: usize = 6;

fn secrets() -> Vec<String> {
    ["0.1", "2.0", "2.1", "2.2", "2.3"]
        .map(|version| format!("testdata/bundle/nomen-secrets-{version}.lance"))
        .to_vec()
}

/// Every way in which bytes could stand in a text: as they are, as hexadecimal digits, as a list of
/// numbers, and in base64 wherever they begin.
fn forms(bytes: &[u8]) -> Vec<String> {
    let mut forms = vec![
        String::from_utf8_lossy(bytes).into_owned(),
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
        bytes
            .iter()
            .map(u8::to_string)
            .collect::<Vec<_>>()
            .join(","),
    ];
    for alphabet in [b"+/", b"-_"] {
        let digit = |bits: u32| match bits {
            0..26 => b'A' + bits as u8,
            26..52 => b'a' + (bits - 26) as u8,
            52..62 => b'0' + (bits - 52) as u8,
            _ => alphabet[(bits - 62) as usize],
        };
        for before in 0..3 {
            let known = bytes.get((3 - before) % 3..).unwrap_or_default();
            let whole = known.chunks_exact(3).flat_map(|three| {
                let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
                [18, 12, 6, 0].map(|shift| digit((bits >> shift) & 63))
            });
            forms.push(String::from_utf8(whole.collect()).unwrap());
        }
    }
    forms.retain(|form| form.len() >= 4);
    forms
}

fn telling() -> Vec<String> {
    let mut all: Vec<String> = SECRET.windows(TELLING).flat_map(forms).collect();
    all.extend(forms(&NUMBER.to_le_bytes()));
    all.extend(forms(&NUMBER.to_be_bytes()));
    all.push(NUMBER.to_string());
    all
}

fn holds_none(text: &str, telling: &[String], what: &str) {
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    for form in telling {
        assert!(!plain.contains(form.as_str()), "{what}: {form:?} is in it");
    }
}

/// The files of a folder and below, as paths.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

#[test]
fn the_search_finds_what_is_hidden_in_the_ways_it_looks_for() {
    let telling = telling();
    let found = |text: &str| telling.iter().any(|form| text.contains(form.as_str()));
    assert!(found("…x7ZkV9wT…"));
    assert!(found("517837 5a6b56".replace(' ', "").as_str()));
    // The secret behind one, two and three other bytes.
    assert!(found("YVF4N1prVjl3VGozTA=="));
    assert!(found("YWFReDdaa1Y5d1RqM0w="));
    assert!(found("YWFhUXg3WmtWOXdUajNM"));
    assert!(found("5870221638227081594"));
    assert!(!found("lance-encoding:compression"));
}

#[test]
fn no_bundle_holds_a_value() {
    let telling = telling();
    let mut withheld = 0;
    for dataset in secrets() {
        let held = files(&root().join(&dataset)).iter().any(|file| {
            let bytes = fs::read(file).unwrap();
            bytes.windows(SECRET.len()).any(|window| window == SECRET)
        });
        assert!(held, "{dataset} holds no secret");
        let data = files(&root().join(&dataset).join("data"));
        let data = data.first().expect("a data file");
        let mut checked = vec![dataset.clone()];
        checked.push(data.to_string_lossy().into_owned());
        for path in checked {
            for options in [
                &[][..],
                &["--redact"],
                &["--all-files"],
                &["--column", "nomen_constant"],
                &["--column", "type", "--redact"],
            ] {
                let text = stdout(&lint(&[&["bundle", &path, "-o", "-"], options].concat()));
                assert!(text.ends_with("}\n"), "{path} {options:?}");
                holds_none(&text, &telling, &format!("{path} {options:?}"));
                withheld += text.matches("withheld_message_bytes").count();
                for line in text.lines().filter(|line| line.contains("_value_bytes")) {
                    assert!(
                        line.trim_end_matches(',').ends_with(char::is_numeric),
                        "{line}"
                    );
                }
            }
        }
    }
    assert!(withheld > 20, "{withheld}");
}

#[test]
fn damage_anywhere_gives_a_bundle_that_gives_nothing_away() {
    let telling = telling();
    let mut random = fastrand::Rng::with_seed(5);
    for dataset in secrets() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("x.lance");
        copy(&root().join(&dataset), &to);
        let hit = |part: &str| files(&to.join(part));
        let mut targets = hit("data");
        targets.extend(hit("_versions").into_iter().take(1));
        for target in targets {
            let whole = fs::read(&target).unwrap();
            // What is not pages stands at the end.
            let tail = whole.len().min(3_000);
            for _ in 0..25 {
                let mut bytes = whole.clone();
                for _ in 0..random.usize(1..4) {
                    let at = whole.len() - 1 - random.usize(0..tail);
                    bytes[at] = random.u8(..);
                }
                fs::write(&target, &bytes).unwrap();
                let path = to.to_string_lossy();
                let (plain, redacted) = (gathered(&path, false), gathered(&path, true));
                let what = format!("{} {:?}", target.display(), verdicts(&plain));
                assert_eq!(verdicts(&plain), verdicts(&redacted), "{what}");
                // Damage can put a value where a name belongs; redacted, that is a placeholder too.
                holds_none(&redacted.to_string(), &telling, &what);
            }
            fs::write(&target, &whole).unwrap();
        }
    }
}

#[test]
fn a_data_file_that_ends_in_values_gives_none_away() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("cut.lance");
    copy(
        &root().join("testdata/bundle/nomen-secrets-2.0.lance"),
        &dataset,
    );
    let data = files(&dataset.join("data"));
    let data = data.first().expect("a data file");
    let mut bytes = fs::read(data).unwrap();
    let at = bytes
        .windows(SECRET.len())
        .position(|window| window == SECRET);
    bytes.truncate(at.expect("the secret") + SECRET.len());
    fs::write(data, bytes).unwrap();
    let path = dataset.to_string_lossy();
    let document = bundle(&path, &[]);
    assert_eq!(document["findings"][0]["rule"], "data-file-unreadable");
    assert!(document["data_files"][0]["unreadable"].is_string());
    let last: Vec<String> = forms(&SECRET[SECRET.len() - 4..]);
    holds_none(&document.to_string(), &last, "cut");
}

/// Names that nothing but this dataset has.
fn names(dataset: &Path) -> Vec<String> {
    let mut names: Vec<String> = vec!["nomen".to_string()];
    for file in files(dataset) {
        let below = file.strip_prefix(dataset).unwrap();
        for part in below.components() {
            let part = part.as_os_str().to_string_lossy();
            let stem = part.split('.').next().unwrap_or_default();
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            // Versions and deletion files are numbers; the other names are Lance's own.
            let own = [
                "data",
                "tree",
                "zonemap",
                "bitmap_page_lookup",
                "latest_version_hint",
            ];
            let own = own.contains(&stem) || stem.split('-').all(digits);
            if !own
                && (!stem.starts_with('_') || stem.len() > 20)
                && stem != "tags"
                && stem != "branches"
            {
                names.push(stem.to_string());
                // A transaction is named by a version and its id.
                names.extend(stem.split_once('-').map(|(_, id)| id.to_string()));
            }
        }
    }
    names
}

/// What stands between backticks or quotes.
fn quoted(text: &str) -> Vec<&str> {
    let marks = ['`', '"', '\''];
    marks
        .iter()
        .flat_map(|mark| text.split(*mark).skip(1).step_by(2))
        .collect()
}

#[test]
fn no_redacted_bundle_holds_a_name() {
    for dataset in secrets() {
        let place = root().join(&dataset);
        let names = names(&place);
        assert!(names.len() > 2, "{names:?}");
        let whole = bundle(&dataset, &["--redact", "--all-files"]);
        let data = files(&place.join("data"));
        let file = data.first().unwrap().to_string_lossy().into_owned();
        for document in [&whole, &bundle(&file, &["--redact"])] {
            let text = document.to_string();
            for name in &names {
                assert!(!text.contains(name.as_str()), "{dataset}: {name} is in it");
            }
            assert!(!text.contains("testdata") && !text.contains(&*root().to_string_lossy()));
            // Names that are common words stand nowhere where a name can stand.
            for subject in document["subjects"].as_array().unwrap() {
                for column in subject["columns"].as_array().unwrap() {
                    for part in column["path"].as_str().unwrap().split('.') {
                        assert!(part.starts_with("column-") || part == "item", "{part}");
                    }
                }
            }
            for finding in document["findings"].as_array().unwrap() {
                for word in quoted(&finding.to_string()) {
                    assert!(
                        !["id", "type", "value", "blob"].contains(&word),
                        "{finding}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_chosen_by_name_is_chosen_redacted_too() {
    let dataset = "testdata/bundle/nomen-secrets-2.1.lance";
    for options in [
        &["--tag", "nomen_tag"][..],
        &["--branch", "nomen_branch/nomen_twig"],
        &["--column", "data.item.nomen_inner"],
        &["--fragment", "0", "--version", "3"],
    ] {
        let plain = bundle(dataset, options);
        let redacted = bundle(dataset, &[options, &["--redact"]].concat());
        let shape = |document: &Value| {
            let columns = document["data_files"][0]["contents"]["columns"].as_array();
            let columns = columns.expect("columns").iter();
            let columns: Vec<Value> = columns.map(|c| c["column_index"].clone()).collect();
            (document["manifest"]["version"].clone(), columns)
        };
        assert_eq!(shape(&plain), shape(&redacted), "{options:?}");
        assert!(!redacted.to_string().contains("nomen"), "{options:?}");
    }
    let one = bundle(dataset, &["--column", "data.item.nomen_inner"]);
    let columns = &one["data_files"][0]["contents"]["columns"];
    assert_eq!(columns.as_array().map(Vec::len), Some(1));
    let output = lint(&[
        "bundle",
        dataset,
        "-o",
        "-",
        "--redact",
        "--tag",
        "nomen_other",
    ]);
    assert_eq!(output.status.code(), Some(2));
    // Whoever asks knows the name.
    assert!(stderr(&output).contains("no tag \"nomen_other\"; its tags: nomen_tag"));
}

#[test]
fn credentials_of_base_paths_are_in_no_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("x.lance");
    copy(
        &root().join("testdata/bundle/nomen-secrets-2.2.lance"),
        &dataset,
    );
    let manifest = files(&dataset.join("_versions"))
        .into_iter()
        .find(|file| file.extension().is_some_and(|e| e == "manifest"))
        .expect("a manifest");
    let bytes = fs::read(&manifest).unwrap();
    let footer = bytes.len() - 16;
    let position = u64::from_le_bytes(bytes[footer..footer + 8].try_into().unwrap()) as usize;
    let mut message = Manifest::decode(&bytes[position + 4..footer]).unwrap();
    for id in [7, 7] {
        message.base_paths.push(BasePath {
            id,
            path: "s3://keyid:pa55word@bucket/place?X-Amz-Signature=abcdef".to_string(),
            ..BasePath::default()
        });
    }
    message.base_paths[1].path.push_str("#2");
    let text = message.encode_to_vec();
    let mut edited = bytes[..position].to_vec();
    edited.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    edited.extend(text);
    edited.extend(&bytes[footer..]);
    fs::write(&manifest, edited).unwrap();
    let path = dataset.to_string_lossy();
    let plain = bundle(&path, &[]);
    assert_eq!(
        plain["manifest"]["base_paths"][0]["path"],
        "s3://***@bucket/place?***"
    );
    assert_eq!(plain["findings"][0]["rule"], "base-path-invalid");
    for document in [&plain, &bundle(&path, &["--redact"])] {
        let text = document.to_string();
        for part in ["keyid", "pa55word", "abcdef", "Signature"] {
            assert!(!text.contains(part), "{part}");
        }
    }
    assert!(!bundle(&path, &["--redact"]).to_string().contains("bucket"));
}

#[test]
fn it_says_what_it_wrote_and_fails_when_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("report.json");
    let to = to.to_string_lossy();
    let output = lint(&["bundle", "testdata/daft-blob.lance", "-o", &to]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), "");
    let said = stderr(&output);
    for part in [
        "report.json",
        "1 finding",
        "it holds no values",
        "--redact",
        "attached",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let written = fs::read_to_string(&*to).unwrap();
    let printed = stdout(&lint(&["bundle", "testdata/daft-blob.lance", "-o", "-"]));
    assert_eq!(written, printed);
    let nowhere = folder.path().join("no/such/report.json");
    let nowhere = nowhere.to_string_lossy();
    for arguments in [
        ["bundle", "testdata/daft-blob.lance", "-o", &nowhere],
        ["bundle", "testdata/no-such.lance", "-o", &to],
    ] {
        assert_eq!(lint(&arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn bundles_read_like_this() {
    let written = |path: &str, options: &[&str]| {
        stdout(&lint(&[&["bundle", path, "-o", "-"], options].concat()))
    };
    golden(
        "bundle/daft-blob.json",
        &written("testdata/daft-blob.lance", &[]),
    );
    let constant = "testdata/bundle/nomen-secrets-2.2.lance";
    golden(
        "bundle/secrets-2.2-redacted.json",
        &written(constant, &["--redact"]),
    );
    let lost = "testdata/broken/damaged-manifest-lfs-pointer";
    golden("bundle/manifest-lfs.json", &written(lost, &[]));
    golden("help-bundle.txt", &stdout(&lint(&["bundle", "--help"])));
}
