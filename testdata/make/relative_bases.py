"""Base paths of branches, as paths from the repository's root on.

Lance writes the absolute path of the machine into a branch's manifests and transactions. The same
number of bytes is put in its place, so that nothing else of a file changes: `./` as often as it
takes, and a slash more where the number is odd.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def relative_bases(dataset):
    """Edits the manifests and transactions of a dataset's branches."""
    absolute = f"{ROOT}/".encode()
    relative = b"./" * (len(absolute) // 2) + b"/" * (len(absolute) % 2)
    for path in Path(dataset, "tree").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(absolute, relative))
