"""Runs lance-lint over a matrix of freshly written datasets.

Every dataset that its writer reads back well must be listed without a finding.

    python check_matrix.py LANCE_LINT MATRIX
"""

import json
import pathlib
import subprocess
import sys


def main():
    lint, matrix = sys.argv[1], pathlib.Path(sys.argv[2])
    results = json.loads((matrix / "results.json").read_text())
    checked, wrong = 0, []
    for entry in results["datasets"]:
        path = matrix / entry["path"]
        if entry["write"] != "ok" or entry["read"] != "ok" or not path.is_dir():
            continue
        run = subprocess.run([lint, str(path), "--format", "json"], capture_output=True, text=True)
        checked += 1
        findings = json.loads(run.stdout)["findings"] if run.returncode in (0, 1) else run.stderr
        # Overlays are readable only where their writer has switched them on.
        flags = [f for f in findings if f["rule"] == "feature-flag"] if run.returncode == 1 else []
        if findings and findings != flags:
            wrong.append((entry["name"], findings))
    for name, findings in wrong:
        print(name, json.dumps(findings, indent=1))
    print(f"{checked} datasets by {results['writer']} listed, {len(wrong)} with findings")
    sys.exit(1 if wrong or not checked else 0)


if __name__ == "__main__":
    main()
