"""``python -m lance_lint`` is ``lance-lint``."""

import os
import subprocess
import sys

from ._binary import find_binary
from ._errors import LanceLintError


def main() -> int:
    """Runs the program with this process's arguments, in its place where that can be."""
    try:
        binary = find_binary()
    except LanceLintError as error:
        print(f"lance-lint: {error}", file=sys.stderr)
        return 2
    arguments = [binary, *sys.argv[1:]]
    if os.name == "posix":
        os.execv(binary, arguments)
    return subprocess.run(arguments, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
