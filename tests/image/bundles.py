"""The update bundles of the tests: the built one, a broken one, one that a stranger signed.

Broken means: a whole slot, rightly signed, in which the relay can never start. Made in the build's tools root with its
development key. Raises CalledProcessError, and AssertionError when `make bundle` was not run.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.image.card import BUILD, ROOT

BREAK = """
set -eu
cp --sparse=always /build/slot.ext4 /build/test/rootfs.ext4
debugfs -w -R "rm /usr/lib/python3/dist-packages/appliance/relay.py" /build/test/rootfs.ext4
debugfs -w -R "rm /usr/lib/python3/dist-packages/appliance/__pycache__/relay.cpython-313.pyc" /build/test/rootfs.ext4
"""
STRANGER = """
set -eu
cp --sparse=always /build/slot.ext4 /build/test/rootfs.ext4
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=stranger -days 30 \
    -keyout /build/test/stranger.key -out /build/test/stranger.pem
"""
SEAL = """
printf '[update]\\ncompatible=outbox\\nversion=%s\\n' {name} > /build/test/bundle/manifest.raucm
printf '[bundle]\\nformat=verity\\n[image.rootfs]\\nfilename=rootfs.ext4\\n' >> /build/test/bundle/manifest.raucm
mv /build/test/rootfs.ext4 /build/test/bundle/
rm -f /build/test/{name}.raucb
rauc --cert={cert} --key={key} bundle /build/test/bundle /build/test/{name}.raucb
"""


def good_bundle() -> Path:
    found = sorted((BUILD / "out").glob("outbox-*.raucb"))
    assert found, "no bundle: make bundle"
    return found[-1]


def broken_bundle() -> Path:
    return _made("broken", BREAK, "/build/keys/bundle.pem", "/build/keys/bundle.key")


def strangers_bundle() -> Path:
    return _made("stranger", STRANGER, "/build/test/stranger.pem", "/build/test/stranger.key")


def _made(name: str, script: str, cert: str, key: str) -> Path:
    (BUILD / "test/bundle").mkdir(parents=True, exist_ok=True)
    place = {"BUILD": str(BUILD), "SOURCE": str(ROOT), "VERSION": "0", "SOURCE_DATE_EPOCH": "0"}
    subprocess.run(
        [ROOT / "image/in-tools.sh", "sh", "-c", script + SEAL.format(name=name, cert=cert, key=key)],
        env={**os.environ, **place}, check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    return BUILD / "test" / f"{name}.raucb"
