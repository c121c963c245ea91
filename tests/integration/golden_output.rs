//! What the binary prints for the founding case and as help, compared with golden files.

use crate::common::{golden, lint, stdout};

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
