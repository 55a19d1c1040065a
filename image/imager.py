"""The manifest that Raspberry Pi Imager reads (`--repo`): which boards, which file, its sizes and checksums.

`python -m image.imager CARD CARD.xz` prints it. The URL is the bare file name, to be served beside the manifest or
filled in by a release.
"""

import hashlib
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from image.place import EPOCH, VERSION

DEVICES = ("pi3-64bit", "pi4-64bit")


def manifest(card: Path, packed: Path, url: str, version: str, released: str) -> str:
    """JSON text of the manifest; sizes in bytes, checksums SHA-256."""
    entry = {
        "name": f"Outbox {version}",
        "description": "A dedicated outgoing mail box for an office",
        "url": url,
        "release_date": released,
        "extract_size": card.stat().st_size,
        "extract_sha256": digest(card),
        "image_download_size": packed.stat().st_size,
        "image_download_sha256": digest(packed),
        "devices": list(DEVICES),
        "init_format": "none",
    }
    return json.dumps({"os_list": [entry]}, indent=2) + "\n"


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    card, packed = Path(sys.argv[1]), Path(sys.argv[2])
    url = os.environ.get("OUTBOX_URL", packed.name)
    sys.stdout.write(manifest(card, packed, url, VERSION, datetime.fromtimestamp(EPOCH, UTC).strftime("%Y-%m-%d")))
