"""The card image: MBR, slot state, boot partition, slot A, empty slot B, data; and its hand-out forms are made by
`publish.sh`.

Everything has fixed identities and times, so equal inputs give equal bytes. Slot B is empty until the first update.
"""

import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import BinaryIO

from image import slot_state
from image.place import (
    BOOT_BYTES,
    BUILD,
    DATA_BYTES,
    DISK_ID,
    EPOCH,
    FIRST,
    IMAGE,
    OUT,
    SECTOR,
    SLOT_BYTES,
    STATE_SECTORS,
)

FAT, LINUX = 0x0C, 0x83
SIZES = (BOOT_BYTES, SLOT_BYTES, SLOT_BYTES, DATA_BYTES)
KINDS = (FAT, LINUX, LINUX, LINUX)
FIRMWARE = ("bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat")


def starts() -> list[int]:
    """Where each partition begins, in bytes."""
    return [FIRST + sum(SIZES[:n]) for n in range(len(SIZES))]


def master_boot_record() -> bytes:
    """The first sector: no boot code, the fixed disk id, four partitions (addresses as sector numbers only)."""
    entries = b""
    for start, size, kind in zip(starts(), SIZES, KINDS, strict=True):
        entries += struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", start // SECTOR, size // SECTOR)
    return bytes(440) + struct.pack("<I", DISK_ID) + bytes(2) + entries + b"\x55\xaa"


def main() -> None:
    boot, data = BUILD / "boot.fat", BUILD / "data.ext4"
    make_boot(boot)
    make_data(data)
    card = BUILD / "card.img.new"
    with card.open("wb") as file:
        file.truncate(FIRST + sum(SIZES))
        file.write(master_boot_record())
        for sector in STATE_SECTORS:
            file.seek(sector * SECTOR)
            file.write(slot_state.pack(slot_state.State(seq=1)))
        for start, part in zip(starts(), (boot, BUILD / "slot.ext4", None, data), strict=True):
            if part is not None:
                copy_sparse(part, file, start)
    card.rename(OUT / "card.img")


def copy_sparse(source: Path, target: BinaryIO, start: int) -> None:
    """Copies blocks that hold anything; the rest stays a hole."""
    if source.stat().st_size > max(SIZES):
        raise SystemExit(f"{source} is larger than its partition")
    with source.open("rb") as file:
        while block := file.read(1 << 20):
            if block.count(0) != len(block):
                target.seek(start)
                target.write(block)
            start += len(block)


def make_boot(path: Path) -> None:
    """Firmware, U-Boot, its script and environment, device trees, licences; what `outbox.toml` would be put beside."""
    root = BUILD / "boot"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    firmware = BUILD / "parts/raspi-firmware"
    for name in FIRMWARE:
        shutil.copy(firmware / "usr/lib/raspi-firmware" / name, root)
    shutil.copy(firmware / "usr/share/doc/raspi-firmware/copyright", root / "LICENCE-firmware.txt")
    shutil.copy(IMAGE / "SOURCES.txt", root)
    shutil.copy(BUILD / "parts/u-boot-rpi/usr/lib/u-boot/rpi_arm64/u-boot.bin", root)
    for tree in (BUILD / "boot-dtb").glob("*.dtb"):
        shutil.copy(tree, root)
    shutil.copy(IMAGE / "boot/config.txt", root)
    (root / "cmdline.txt").write_text("")
    make_script(root)
    for file in root.iterdir():
        os.utime(file, (EPOCH, EPOCH))
    path.unlink(missing_ok=True)
    path.touch()
    os.truncate(path, BOOT_BYTES)
    run("mkfs.vfat", "--invariant", "-F", "32", "-n", "OUTBOX", "-i", f"{DISK_ID:08x}", path)
    run("mcopy", "-i", path, "-m", "-Q", *sorted(root.iterdir()), "::/")


def make_script(root: Path) -> None:
    script = (IMAGE / "boot/boot.cmd").read_text()
    script = script.replace("@BOOTARGS@", (IMAGE / "boot/bootargs.txt").read_text().strip())
    (BUILD / "boot.cmd").write_text(script)
    run(
        "mkimage",
        "-q",
        "-A",
        "arm64",
        "-C",
        "none",
        "-T",
        "script",
        "-n",
        "outbox",
        "-d",
        BUILD / "boot.cmd",
        root / "boot.scr",
    )
    run("mkenvimage", "-s", "0x4000", "-o", root / "uboot.env", IMAGE / "boot/uboot-env.txt")


def make_data(path: Path) -> None:
    """A small data partition; the first start grows it to the card."""
    path.unlink(missing_ok=True)
    seed = "hash_seed=0b0f0b0f-0000-4000-8000-000000000004,lazy_itable_init=0,lazy_journal_init=0"
    identity = ("-L", "outbox-data", "-U", "0b0f0b0f-0000-4000-8000-000000000003", "-E", seed)
    run("mke2fs", "-q", "-t", "ext4", "-b", "4096", "-m", "1", *identity, path, f"{DATA_BYTES // 1024}k")


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
