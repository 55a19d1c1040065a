"""Kernel, initrd and device trees of the slot, and the boot partition's own device trees.

Only the modules of modules.txt and what they need are kept, unpacked (the slot is compressed as a whole when it
travels). The initrd is one busybox, those modules that mount the slot, and `initrd/init`. Device trees are Debian's
with our overlays merged. The boot partition's copy, which the firmware hands to U-Boot, has its serial ports
disabled: U-Boot is silent and deaf on the operator's line.
"""

import gzip
import lzma
import os
import shutil
import subprocess
from pathlib import Path

from image.place import APT, BUILD, EPOCH, IMAGE, ROOTFS, listed

BOARDS = (
    "bcm2837-rpi-3-b",
    "bcm2837-rpi-3-b-plus",
    "bcm2837-rpi-zero-2-w",
    "bcm2711-rpi-4-b",
    "bcm2711-rpi-400",
    "bcm2711-rpi-cm4-io",
)
OTHER_NAMES = {"bcm2711-rpi-cm4-io": "bcm2711-rpi-cm4"}
PARTS = BUILD / "parts"
SERIAL_PORTS = ("/soc/serial@7e201000", "/soc/serial@7e215040")


def main() -> None:
    unpack()
    shutil.rmtree(ROOTFS / "boot", ignore_errors=True)
    (ROOTFS / "boot/firmware").mkdir(parents=True)
    kernel = next(PARTS.glob("linux-image-*"))
    release = next((kernel / "boot").glob("vmlinuz-*")).name.removeprefix("vmlinuz-")
    image = (kernel / f"boot/vmlinuz-{release}").read_bytes()
    (ROOTFS / "boot/Image.gz").write_bytes(gzip.compress(image, 9, mtime=0))
    modules = kernel / "usr/lib/modules" / release
    first = keep_modules(modules, release)
    make_initrd(modules, first)
    device_trees(kernel / f"usr/lib/linux-image-{release}/broadcom")
    for path in [ROOTFS / "boot", *(ROOTFS / "boot").rglob("*"), *(ROOTFS / "usr/lib/modules").rglob("*")]:
        os.utime(path, (EPOCH, EPOCH))


def unpack() -> None:
    if (PARTS / ".done").exists():
        return
    shutil.rmtree(PARTS, ignore_errors=True)
    PARTS.mkdir()
    for deb in sorted((APT / "boot").glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", deb, PARTS / deb.name.split("_")[0]], check=True)
    (PARTS / ".done").touch()


def wanted() -> tuple[list[str], list[str]]:
    """Module names for the initrd, and all."""
    lines = listed("modules.txt")
    middle = lines.index("slot")
    return lines[1:middle], lines[1:middle] + lines[middle + 1 :]


def closure(names: list[str], modules: Path) -> list[str]:
    """Paths of the named modules and of all that they need, each after what it needs. Built-in names are skipped."""
    needs = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, deps = line.partition(":")
        needs[path] = deps.split()
    by_name = {stem(path): path for path in needs}
    built_in = {stem(path) for path in (modules / "modules.builtin").read_text().split()}
    ordered: list[str] = []
    for name in (n.replace("-", "_") for n in names):
        if name in built_in:
            continue
        path = by_name[name]
        ordered += [p for p in [*reversed(needs[path]), path] if p not in ordered]
    return ordered


def stem(path: str) -> str:
    return Path(path).name.split(".")[0].replace("-", "_")


def keep_modules(modules: Path, release: str) -> list[str]:
    """Copies the wanted modules, unpacked, into the slot; returns those of the initrd in the order to load them."""
    if not (modules / "modules.dep").exists():
        subprocess.run(["depmod", "-b", modules.parents[2], release], check=True)
    initrd, everything = wanted()
    goal = ROOTFS / "usr/lib/modules" / release
    shutil.rmtree(goal, ignore_errors=True)
    for path in closure(everything, modules):
        target = goal / path.removesuffix(".xz")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(lzma.decompress((modules / path).read_bytes()))
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copyfile(modules / name, goal / name)
    subprocess.run(["depmod", "-b", ROOTFS, release], check=True)
    return closure(initrd, modules)


def make_initrd(modules: Path, paths: list[str]) -> None:
    root = BUILD / "initrd"
    shutil.rmtree(root, ignore_errors=True)
    for name in ("bin", "dev", "proc", "sys", "slot", "modules"):
        (root / name).mkdir(parents=True)
    shutil.copy(PARTS / "busybox-static/usr/bin/busybox", root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")
    shutil.copy(IMAGE / "initrd/init", root / "init")
    (root / "init").chmod(0o755)
    for number, module in enumerate(paths):
        (root / f"modules/{number:02}-{stem(module)}.ko").write_bytes(lzma.decompress((modules / module).read_bytes()))
    for path in [root, *root.rglob("*")]:
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    names = "\n".join(sorted(str(p.relative_to(root)) for p in root.rglob("*")))
    cpio = ["cpio", "--quiet", "--create", "--format=newc", "--reproducible", "--owner=0:0"]
    archive = subprocess.run(cpio, cwd=root, input=names.encode(), stdout=subprocess.PIPE, check=True).stdout
    packed = subprocess.run(["zstd", "-q", "-19"], input=archive, stdout=subprocess.PIPE, check=True).stdout
    (ROOTFS / "boot/initrd").write_bytes(packed)


def device_trees(source: Path) -> None:
    overlays = []
    for path in sorted((IMAGE / "overlays").glob("*.dts")):
        compiled = BUILD / f"{path.stem}.dtbo"
        subprocess.run(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", compiled, path], check=True)
        overlays.append(compiled)
    firmware = BUILD / "boot-dtb"
    shutil.rmtree(firmware, ignore_errors=True)
    firmware.mkdir()
    slot = ROOTFS / "boot/broadcom"
    slot.mkdir()
    for board in BOARDS:
        goal = slot / f"{board}.dtb"
        subprocess.run(["fdtoverlay", "-i", source / f"{board}.dtb", "-o", goal, *overlays], check=True)
        silent = firmware / f"{board}.dtb"
        shutil.copyfile(source / f"{board}.dtb", silent)
        silence(silent)
        for tree in (goal, silent):
            if board in OTHER_NAMES:
                shutil.copyfile(tree, tree.with_name(f"{OTHER_NAMES[board]}.dtb"))


def silence(tree: Path) -> None:
    """What U-Boot reads from its own tree: no serial port, no waiting for a key, what to run."""
    for port in SERIAL_PORTS:
        subprocess.run(["fdtput", "-t", "s", tree, port, "status", "disabled"], check=True)
    subprocess.run(["fdtput", "-p", "-t", "x", tree, "/config", "bootdelay", "fffffffe"], check=True)
    command = "setenv stdin nulldev; mmc dev 0; load mmc 0:1 0x02400000 boot.scr && source 0x02400000; sleep 10; reset"
    subprocess.run(["fdtput", "-t", "s", tree, "/config", "bootcmd", command], check=True)


if __name__ == "__main__":
    main()
