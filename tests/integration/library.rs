//! The library as other programs use it.

use std::sync::Arc;

use lance_lint::{ErrorKind, Level, Linter, Severity};

use crate::common::{root, stdout};

fn path(name: &str) -> String {
    root().join("testdata").join(name).display().to_string()
}

#[test]
fn a_check_gives_what_the_program_prints() {
    let dataset = "testdata/daft-blob.lance";
    let report = lance_lint::check(root().join(dataset)).unwrap();
    let finding = report.findings().next().unwrap();
    assert_eq!(finding.rule(), "blob-stored-plain");
    assert_eq!(finding.severity(), Severity::Error);
    assert_eq!(finding.column(), Some("blob"));
    assert_eq!(finding.fragment(), Some(0));
    assert!(
        finding
            .help()
            .any(|help| help.contains("update_field_metadata"))
    );
    assert!(
        finding
            .to_string()
            .starts_with("error[blob-stored-plain]: ")
    );
    assert!(!report.is_ok(Severity::Error));
    let absolute = root().join(dataset).display().to_string();
    let printed = crate::common::lint(&[&absolute, "--format", "json"]);
    assert_eq!(format!("{}\n", report.to_json()), stdout(&printed));
}

#[test]
fn an_error_has_a_kind() {
    let kind = |linter: &Linter, name: &str| linter.check(path(name)).unwrap_err().kind();
    let plain = Linter::new();
    assert_eq!(kind(&plain, "no-such.lance"), ErrorKind::NotFound);
    assert_eq!(kind(&plain, "make"), ErrorKind::NotADataset);
    let old = Linter::new().version(99);
    assert_eq!(kind(&old, "daft-blob.lance"), ErrorKind::NoSuchVersion);
    let tag = Linter::new().tag("no-such");
    assert_eq!(kind(&tag, "daft-blob.lance"), ErrorKind::NoSuchVersion);
    let branch = Linter::new().branch("no-such");
    assert_eq!(kind(&branch, "daft-blob.lance"), ErrorKind::NoSuchVersion);
    let short = Linter::new().max_requests(1);
    assert_eq!(kind(&short, "daft-blob.lance"), ErrorKind::Stopped);
    let column = Linter::new().columns(["no-such"]);
    assert_eq!(kind(&column, "daft-blob.lance"), ErrorKind::Other);
    let rule = Linter::new().level("no-such", Level::Ignore);
    assert_eq!(kind(&rule, "daft-blob.lance"), ErrorKind::Other);
}

#[test]
fn a_linter_does_what_it_is_told() {
    let ignored = Linter::new().level("blob-stored-plain", Level::Ignore);
    assert!(
        ignored
            .check(path("daft-blob.lance"))
            .unwrap()
            .is_ok(Severity::Info)
    );
    let lowered = Linter::new().level("blob-stored-plain", Level::Info);
    let report = lowered.check(path("daft-blob.lance")).unwrap();
    assert_eq!(report.worst(), Some(Severity::Info));
    let three = path("clean/blob-v1-three-fragments-2.0");
    let whole = Linter::new().check(three.as_str()).unwrap();
    let one = Linter::new().fragments(0..1).check(three.as_str()).unwrap();
    assert!(one.bytes_read() < whole.bytes_read());
    let all = [path("daft-blob.lance"), path("no-such.lance")];
    let report = Linter::new().check_all(all.map(Into::into)).unwrap();
    assert_eq!(report.findings().count(), 1);
    assert_eq!(report.errors().len(), 1);
}

/// A dataset in a store for which the caller has a client.
#[cfg(feature = "object-stores")]
#[test]
fn a_client_of_the_caller_reads_a_store() {
    use lance_lint::object_store::memory::InMemory;
    use lance_lint::object_store::path::Path as Key;
    use lance_lint::object_store::{ObjectStoreExt, PutPayload};

    let store = InMemory::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let dataset = root().join("testdata/daft-blob.lance");
    for folder in ["_versions", "data", "_transactions"] {
        for entry in std::fs::read_dir(dataset.join(folder))
            .into_iter()
            .flatten()
        {
            let file = entry.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap();
            let key = Key::from(format!("images.lance/{folder}/{name}"));
            let bytes = PutPayload::from(std::fs::read(&file).unwrap());
            runtime.block_on(store.put(&key, bytes)).unwrap();
        }
    }
    let linter = Linter::new().object_store("s3://bucket", Arc::new(store));
    let report = linter.check("s3://bucket/images.lance").unwrap();
    assert_eq!(
        report.findings().next().unwrap().rule(),
        "blob-stored-plain"
    );
    assert_eq!(
        linter.check("s3://bucket/other.lance").unwrap_err().kind(),
        ErrorKind::NotFound
    );
}
