"""Puts the program of a wheel into an archive for those who install it without Python.

    make_archive.py TARGET WHEEL_FOLDER ARCHIVE_FOLDER

The archive is lance-lint-TARGET.tar.gz, for Windows .zip, with the program and the licence at its
top, as `[package.metadata.binstall]` in Cargo.toml says; beside it is its SHA-256.
"""

import hashlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(target: str, wheels: str, archives: str) -> None:
    [wheel] = Path(wheels).glob("*.whl")
    windows = "windows" in target
    program = "lance-lint.exe" if windows else "lance-lint"
    with zipfile.ZipFile(wheel) as packed:
        [entry] = [name for name in packed.namelist() if name.endswith(f"/scripts/{program}")]
        files = {program: packed.read(entry)}
    for name in ("LICENSE", "README.md"):
        files[name] = (ROOT / name).read_bytes()
    Path(archives).mkdir(parents=True, exist_ok=True)
    archive = Path(archives) / f"lance-lint-{target}{'.zip' if windows else '.tar.gz'}"
    if windows:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
            for name, content in files.items():
                out.writestr(name, content)
    else:
        with tarfile.open(archive, "w:gz") as out:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                info.mode = 0o755 if name == program else 0o644
                out.addfile(info, io.BytesIO(content))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(archive.name + ".sha256").write_text(f"{digest}  {archive.name}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
