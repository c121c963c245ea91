#!/usr/bin/env python3
"""Make the datasets of `testdata/gate`: the founding case, with the key by which a schema says
itself what is to be ignored, set through a public call. Needs pylance 14.0.2.

    make_gate_fixtures.py [NAME…]
"""

import shutil
import sys
from pathlib import Path

import lance

TESTDATA = Path(__file__).resolve().parent.parent

FIXTURES = {
    "ignore-in-metadata-2.0": {"lance-lint:ignore": "blob-stored-plain: is being migrated"},
    "ignore-in-metadata-misspelt-2.0": {"lance-lint:ignore": "blob-stord-plain"},
    "ignore-key-misspelt-2.0": {"lance-lint:ignroe": "blob-stored-plain"},
}


def main():
    for name in sys.argv[1:] or FIXTURES:
        target = TESTDATA / "gate" / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(TESTDATA / "daft-blob.lance", target)
        dataset = lance.dataset(str(target))
        dataset.update_field_metadata({"blob": FIXTURES[name]})
        # Of the versions only the newest is kept: it is the one that is checked.
        manifests = sorted((target / "_versions").glob("*.manifest"))
        for manifest in manifests[:-1]:
            manifest.unlink()
        print(name, [path.name for path in target.rglob("*") if path.is_file()])


if __name__ == "__main__":
    main()
