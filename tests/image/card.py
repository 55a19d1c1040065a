"""The card that the emulated Pi starts from: a copy of the built one, and what the test reads or puts on it.

The size is a power of two, as the emulated SD model asks. Raises CalledProcessError with the failing command.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BUILD = Path(os.environ.get("OUTBOX_BUILD", ROOT / "build/image"))
IMAGE = BUILD / "out/card.img"
SIZE = 2 << 30
TREE = "bcm2837-rpi-3-b.dtb"
# What only the emulated machine gets: its watchdog resets it as soon as it is opened.
EMULATED = "outbox.emulated systemd.watchdog_sec=off systemd.watchdog_device=/dev/no-watchdog"


def run(*command: str | Path) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


class Card:
    """One card in `folder`."""

    def __init__(self, folder: Path, image: Path = IMAGE) -> None:
        assert image.exists(), f"{image} is missing: make image"
        self.path, self._folder = folder / "card.img", folder
        run("cp", "--sparse=always", image, self.path)
        os.truncate(self.path, SIZE)

    def partition(self, number: int) -> tuple[int, int]:
        """Start and length in octets, as the partition table has it now."""
        with self.path.open("rb") as file:
            row = file.read(512)[446 + 16 * (number - 1) :]
        start, length = struct.unpack("<II", row[8:16])
        return start * 512, length * 512

    @property
    def _boot(self) -> str:
        return f"{self.path}@@{self.partition(1)[0]}"

    def put_in_boot(self, name: str, text: str) -> None:
        """A file on the FAT partition, as a person would put it there with a computer."""
        source = self._folder / name
        source.write_text(text)
        run("mcopy", "-o", "-i", self._boot, source, f"::/{name}")

    def machine(self, more: str = "") -> tuple[Path, Path]:
        """U-Boot and the device tree from the card itself; the tree's /chosen carries the words for the kernel."""
        loader, tree = self._folder / "u-boot.bin", self._folder / "machine.dtb"
        for name, target in (("u-boot.bin", loader), (TREE, tree)):
            run("mcopy", "-n", "-o", "-i", self._boot, f"::/{name}", target)
        run("fdtput", "-t", "s", tree, "/chosen", "outbox,bootargs", f"{EMULATED} {more}".strip())
        return loader, tree

    def _copy_of_data(self) -> Path:
        copy = self._folder / "data.img"
        start, length = self.partition(4)
        run("dd", f"if={self.path}", f"of={copy}", "bs=1M", "iflag=skip_bytes,count_bytes", "conv=sparse",
            f"skip={start}", f"count={length}")  # fmt: skip
        return copy

    @contextmanager
    def data(self) -> Iterator[Path]:
        """The data partition, mounted from a copy, so that looking changes nothing."""
        copy, place = self._copy_of_data(), self._folder / "data"
        place.mkdir(exist_ok=True)
        run("mount", "-o", "loop", copy, place)
        try:
            yield place
        finally:
            run("umount", place)
            copy.unlink()

    def trouble(self) -> str:
        """What e2fsck finds on a copy of the data partition that it would not mend unasked; "" = clean. Counts and
        marks that the kernel itself sets right when it mounts are not trouble."""
        copy = self._copy_of_data()
        done = subprocess.run(["e2fsck", "-f", "-p", copy], check=False, capture_output=True, text=True)
        copy.unlink()
        return "" if done.returncode in (0, 1) else done.stdout

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
