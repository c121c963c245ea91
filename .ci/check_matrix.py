"""Runs lance-lint over a matrix of freshly written datasets.

Every dataset that its writer reads back well must be listed without a finding.

    python check_matrix.py LANCE_LINT MATRIX
"""

import json
import pathlib
import subprocess
import sys


# The release whose readers a verdict is about.
NEWEST = "14.0.2"


def is_right(finding, entry, writer):
    """Whether a finding holds although the writer reads the dataset back."""
    if finding["rule"] == "feature-flag":
        # Overlays are readable only where the environment switches them on, as the writer's did.
        return "overlay" in entry["name"]
    # What is worth knowing is no fault: keys that do nothing are among what is written.
    if finding["severity"] == "info":
        return True
    # What a release may have done to the data is its advisory's matter, and so is what the newest reader
    # does with packed structs: it reads their children wrong, which the matrix does not read alone.
    if finding["rule"] == "known-bug":
        packed = finding["message"].startswith(("LL-0017", "LL-0018"))
        return packed or writer["pylance"] != NEWEST
    # Read together with others, such a struct hands them each other's values, and says nothing.
    if finding["rule"] == "empty-struct-shifts-columns":
        return "empty-struct" in entry["name"]
    # Readable by the release that wrote them, and not by the newest: unfinished versions, the JSON of
    # Lance before it was binary, and lists of strings of a fixed length in 2.0.
    old = {"pre-stable-pages": ("",), "type-unreadable": ("json", "fsl-string")}
    names = old.get(finding["rule"], ())
    return writer["pylance"] != NEWEST and any(name in entry["name"] for name in names)


def main():
    lint, matrix = sys.argv[1], pathlib.Path(sys.argv[2])
    results = json.loads((matrix / "results.json").read_text())
    checked, wrong = 0, []
    for entry in results["datasets"]:
        if entry["write"] != "ok" or entry["read"] != "ok":
            continue
        path = matrix / entry["path"]
        run = subprocess.run([lint, str(path), "--format", "json"], capture_output=True, text=True)
        checked += 1
        if run.returncode not in (0, 1):
            wrong.append((entry["name"], run.stderr))
            continue
        findings = [
            finding
            for finding in json.loads(run.stdout)["findings"]
            if not is_right(finding, entry, results["writer"])
        ]
        if findings:
            wrong.append((entry["name"], findings))
    for name, findings in wrong:
        print(name, json.dumps(findings, indent=1))
    print(f"{checked} datasets by {results['writer']} listed, {len(wrong)} with findings")
    sys.exit(1 if wrong or not checked else 0)


if __name__ == "__main__":
    main()
