"""Where the program is."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from ._errors import LanceLintError


def find_binary() -> str:
    """The path of the program ``lance-lint``.

    It is looked for where the installer of this package put it, then on ``PATH``.

    Raises:
        LanceLintError: It is in none of these places.
    """
    name = "lance-lint.exe" if os.name == "nt" else "lance-lint"
    folders = _folders()
    for folder in folders:
        candidate = folder / name
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    on_path = shutil.which("lance-lint")
    if on_path is not None:
        return on_path
    places = ", ".join(str(folder) for folder in folders)
    raise LanceLintError(
        f"the program lance-lint is neither in {places} nor on PATH; "
        "install it with: pip install lance-lint"
    )


def _folders() -> list[Path]:
    if sys.version_info >= (3, 10):
        user_scheme = sysconfig.get_preferred_scheme("user")
    else:
        user_scheme = f"{os.name}_user"
    folders = [
        Path(sysconfig.get_path("scripts")),
        Path(sysconfig.get_path("scripts", scheme=user_scheme)),
        # `pip install --target DIR` puts programs into DIR/bin.
        Path(__file__).resolve().parent.parent / "bin",
    ]
    return list(dict.fromkeys(folders))
