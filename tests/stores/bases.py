"""Base paths of fixtures, which lead to this repository, put right for the store of a fixture."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))

import containers
import wire

wire.load(Path(__file__).resolve().parents[2] / "proto")


def moved(manifest: bytes, place: str) -> bytes:
    """A manifest whose base paths into `testdata` lead below `place`."""
    if b"testdata/" not in manifest:
        return manifest
    container = containers.Manifest(manifest)
    for base in container.trees["manifest"].all("base_paths"):
        path = bytes(base.get("path"))
        _, below, name = path.partition(b"testdata/")
        if below:
            # As long as before where that can be, so that the file is: slashes mean nothing here.
            slashes = b"/" * (len(path) - len(place) - len(below) - len(name))
            base.set("path", place.encode() + slashes + below + name)
    return container.build(container.trees)
