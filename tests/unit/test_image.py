"""The pure parts of the image build: partition table, kernel modules, bill of materials, Imager manifest."""

import json
import struct
from itertools import pairwise
from pathlib import Path

from image import card, place
from image.imager import manifest
from image.kernel import closure
from image.sbom import debian_part, document, wheel_part


def test_partitions_are_in_order_and_do_not_touch_the_slot_state() -> None:
    record = card.master_boot_record()
    assert len(record) == 512
    assert record[510:] == b"\x55\xaa"
    assert struct.unpack("<I", record[440:444])[0] == place.DISK_ID
    entries = [struct.unpack("<II", record[446 + 16 * n + 8 : 446 + 16 * n + 16]) for n in range(4)]
    assert entries[0][0] > max(place.STATE_SECTORS)
    for (start, size), (following, _) in pairwise(entries):
        assert start + size == following
        assert following % (4 * place.MIB // place.SECTOR) == 0


def test_u_boot_reads_the_sectors_that_the_box_writes() -> None:
    script = (place.IMAGE / "boot/boot.cmd").read_text()
    sectors = " ".join(f"{sector:x}" for sector in place.STATE_SECTORS)
    assert f"for sector in {sectors}; do" in script
    assert all(f"mmc write ${{block}} {sector:x} 1" in script for sector in place.STATE_SECTORS)


def test_a_module_is_loaded_after_what_it_needs_and_built_in_ones_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "modules.dep").write_text("a/ext4.ko.xz: a/jbd2.ko.xz a/crc16.ko.xz\na/jbd2.ko.xz:\na/crc16.ko.xz:\n")
    (tmp_path / "modules.builtin").write_text("kernel/lib/sha256-generic.ko\n")
    assert closure(["sha256_generic", "ext4"], tmp_path) == ["a/crc16.ko.xz", "a/jbd2.ko.xz", "a/ext4.ko.xz"]


def test_the_bill_names_each_package_its_source_and_checksum() -> None:
    deb = debian_part({"Package": "libc6", "Version": "2.41-12", "Architecture": "arm64", "Source": "glibc"}, "ab" * 32)
    wheel = wheel_part("Name: Flask\nVersion: 3.1.3\nLicense-Expression: BSD-3-Clause\n")
    text = document([wheel, deb], "1.0", 0)
    assert text == document([deb, wheel], "1.0", 0)
    bill = json.loads(text)
    assert [part["purl"] for part in bill["components"]] == [
        "pkg:deb/debian/libc6@2.41-12?arch=arm64&distro=debian-13",
        "pkg:pypi/flask@3.1.3",
    ]
    assert deb["properties"] == [{"name": "debian:source", "value": "glibc (2.41-12)"}]
    assert bill["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"


def test_the_imager_manifest_has_the_sizes_of_both_forms(tmp_path: Path) -> None:
    (tmp_path / "card.img").write_bytes(bytes(1000))
    (tmp_path / "card.img.xz").write_bytes(b"small")
    text = manifest(tmp_path / "card.img", tmp_path / "card.img.xz", "card.img.xz", "1.0", "2026-11-24")
    entry = json.loads(text)["os_list"][0]
    assert (entry["extract_size"], entry["image_download_size"]) == (1000, 5)
    assert len(entry["extract_sha256"]) == 64
