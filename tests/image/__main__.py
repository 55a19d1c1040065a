"""`python -m tests.image [--long] [pytest arguments]`: the tests of the image, in a network namespace of their own.

The namespace ends with the process and with it everything in it that listens. Exit status as pytest's.
"""

from __future__ import annotations

import os
import subprocess
import sys

MARK = "OUTBOX_IMAGE_NAMESPACE"


def main() -> int:
    if not os.environ.get(MARK):
        os.environ[MARK] = "1"
        os.execvp("unshare", ["unshare", "--net", "--", sys.executable, "-m", "tests.image", *sys.argv[1:]])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    words = [word for word in sys.argv[1:] if word != "--long"]
    files = ["tests/image/units.py", "tests/image/short.py"] + ["tests/image/long.py"] * ("--long" in sys.argv)
    command = [sys.executable, "-m", "pytest", "-v", "--durations=0", "-p", "no:cacheprovider", *files, *words]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
