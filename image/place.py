"""Where the build's inputs and outputs are, and the few numbers of the card that more than one step must know.

Paths are those inside the tools root (`in-tools.sh`). Sizes in bytes, sectors of 512 bytes.
"""

import os
from pathlib import Path

BUILD = Path(os.environ.get("OUTBOX_BUILD_INSIDE", "/build"))
IMAGE = Path(__file__).parent
SOURCE = IMAGE.parent
APT = BUILD / "apt"
ROOTFS = BUILD / "rootfs"
OUT = BUILD / "out"

EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
VERSION = os.environ.get("VERSION", "0")

SECTOR = 512
MIB = 1 << 20
DISK_ID = 0x0B0F0B0F
FIRST = 4 * MIB
BOOT_BYTES = 124 * MIB
SLOT_BYTES = 512 * MIB
DATA_BYTES = 64 * MIB
STATE_SECTORS = (64, 128)


def listed(name: str) -> list[str]:
    """The lines of image/NAME that are neither empty nor a comment."""
    lines = (IMAGE / name).read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
