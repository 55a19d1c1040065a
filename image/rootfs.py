"""The slot's root file system: Debian packages unpacked, what nobody needs left out, the product put in.

No maintainer script runs, so the few things they would have done are done here, each by its own function: accounts,
certificates, name service, enabled units, compiled Python. Promises: /build/rootfs depends on the inputs only (sorted
order, times clamped to SOURCE_DATE_EPOCH). Any failure ends the build.
"""

import os
import shutil
import subprocess
from pathlib import Path

from image.place import APT, BUILD, EPOCH, IMAGE, ROOTFS, SOURCE, VERSION, listed

SITE = "usr/lib/python3/dist-packages"


def main() -> None:
    shutil.rmtree(ROOTFS, ignore_errors=True)
    ROOTFS.mkdir()
    for deb in archives():
        subprocess.run(["dpkg-deb", "--extract", deb, ROOTFS], check=True)
    leave_out()
    drop_privileges()
    put_in_product()
    copy_tree(IMAGE / "files", ROOTFS)
    shutil.copy(IMAGE / "slot_state.py", ROOTFS / "usr/lib/outbox/slot-state")
    put_in_units()
    write_etc()
    certificates()
    accounts()
    compile_python()
    clamp_times()


def archives() -> list[Path]:
    """The packages to unpack, base-files first since it makes the links /bin, /lib and /sbin."""
    unwanted = set(listed("left-out.txt"))
    debs = sorted(p for p in (APT / "archives").glob("*.deb") if package(p) not in unwanted)
    return sorted(debs, key=lambda p: package(p) != "base-files")


def package(deb: Path) -> str:
    return deb.name.split("_")[0]


def leave_out() -> None:
    units = "usr/lib/systemd/system"
    patterns = listed("left-out-files.txt") + [f"{units}/{name}" for name in listed("left-out-units.txt")]
    patterns += [f"{units}/*.wants/{name}" for name in listed("left-out-units.txt")]
    for path in sorted(path for pattern in patterns for path in ROOTFS.glob(pattern)):
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)
    for path in (ROOTFS / "usr/share/doc").rglob("*"):
        if path.is_file() and not path.is_symlink() and path.name != "copyright":
            path.unlink()


def drop_privileges() -> None:
    """Nobody logs in, so no program needs to run as its owner."""
    for path in (ROOTFS / "usr").rglob("*"):
        if not path.is_symlink() and path.is_file() and path.stat().st_mode & 0o6000:
            path.chmod(path.stat().st_mode & 0o1777)


def put_in_product() -> None:
    """The wheels as pip unpacked them (`wheels.sh`) and the command."""
    shutil.copytree(BUILD / "site", ROOTFS / SITE, dirs_exist_ok=True)
    for record in (ROOTFS / SITE).glob("*.dist-info/RECORD"):
        lines = [
            line for line in record.read_text().splitlines() if "/direct_url.json," not in line
        ]  # names a path here
        record.write_text("\n".join(lines) + "\n")
        (record.parent / "direct_url.json").unlink(missing_ok=True)
    shutil.rmtree(ROOTFS / SITE / "_distutils_hack", ignore_errors=True)
    (ROOTFS / SITE / "distutils-precedence.pth").unlink(missing_ok=True)


def copy_tree(source: Path, target: Path) -> None:
    """Files as they are in git: 755 when executable there, else 644; links stay links; all owned by root."""
    for path in sorted(source.rglob("*")):
        goal = target / path.relative_to(source)
        if path.is_dir() and not path.is_symlink():
            goal.mkdir(parents=True, exist_ok=True)
            continue
        goal.parent.mkdir(parents=True, exist_ok=True)
        goal.unlink(missing_ok=True)
        shutil.copyfile(path, goal, follow_symlinks=False)
        if not path.is_symlink():
            goal.chmod(0o755 if os.access(path, os.X_OK) and path.stat().st_mode & 0o100 else 0o644)


def put_in_units() -> None:
    """systemd/ unchanged, each kind where systemd looks for it; then `preset-all`, whose answer is in the presets."""
    lib = ROOTFS / "usr/lib"
    for path in sorted((SOURCE / "systemd").iterdir()):
        if path.is_dir():
            goal = lib / path.name if path.name in ("sysusers.d", "tmpfiles.d") else lib / "systemd" / path.name
            copy_tree(path, goal)
        elif path.suffix == ".preset":
            shutil.copy(path, lib / "systemd/system-preset" / path.name)
        elif path.suffix not in (".md", ".conf"):
            shutil.copy(path, lib / "systemd/system" / path.name)
    shutil.rmtree(ROOTFS / "etc/systemd/system", ignore_errors=True)
    subprocess.run(["systemctl", f"--root={ROOTFS}", "preset-all"], check=True, capture_output=True)
    (ROOTFS / "etc/systemd/system/default.target").unlink(missing_ok=True)
    (ROOTFS / "etc/systemd/system/default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")


def write_etc() -> None:
    etc = ROOTFS / "etc"
    shutil.rmtree(ROOTFS / "var")
    for name in ("boot/firmware", "data", "proc", "sys", "dev", "run", "tmp", "var", "root", "mnt"):
        (ROOTFS / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOTFS / "usr/share/libc-bin/nsswitch.conf", etc / "nsswitch.conf")
    release = (ROOTFS / "usr/lib/os-release").read_text()
    (ROOTFS / "usr/lib/os-release").write_text(
        f'{release}VARIANT="Outbox"\nVARIANT_ID=outbox\nIMAGE_ID=outbox\nIMAGE_VERSION="{VERSION}"\n'
    )
    for name, goal in {
        "resolv.conf": "../run/systemd/resolve/stub-resolv.conf",
        "mtab": "../proc/self/mounts",
        "localtime": "../run/outbox-system/localtime",
    }.items():
        (etc / name).unlink(missing_ok=True)
        (etc / name).symlink_to(goal)
    (etc / "rauc").mkdir(exist_ok=True)
    shutil.copy(BUILD / "keys/keyring.pem", etc / "rauc/keyring.pem")


def certificates() -> None:
    """Debian's certificate authorities in one file, as update-ca-certificates would write it."""
    source = ROOTFS / "usr/share/ca-certificates/mozilla"
    bundle = "".join(p.read_text().strip() + "\n" for p in sorted(source.glob("*.crt")))
    (ROOTFS / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
    (ROOTFS / "etc/ssl/certs/ca-certificates.crt").write_text(bundle)
    shutil.rmtree(ROOTFS / "usr/share/ca-certificates")


def accounts() -> None:
    """Debian's base accounts without a shell, then the sysusers of packages and product; every password locked."""
    etc = ROOTFS / "etc"
    base = (ROOTFS / "usr/share/base-passwd/passwd.master").read_text().splitlines()
    kept = {"root", "daemon", "nobody"}
    rows = [":".join([*line.split(":")[:6], "/usr/sbin/nologin"]) for line in base if line.split(":")[0] in kept]
    (etc / "passwd").write_text("\n".join(rows).replace("*", "x") + "\n")
    shutil.copy(ROOTFS / "usr/share/base-passwd/group.master", etc / "group")
    (etc / "shadow").write_text("".join(f"{row.split(':')[0]}:!*:{EPOCH // 86400}::::::\n" for row in rows))
    (etc / "gshadow").unlink(missing_ok=True)
    subprocess.run(["systemd-sysusers", f"--root={ROOTFS}"], check=True, capture_output=True)
    for name in ("shadow", "gshadow"):
        (etc / name).chmod(0o600)
        os.chown(etc / name, 0, 0)
    for leftover in etc.glob("*-"):
        leftover.unlink()
    (etc / ".pwd.lock").unlink(missing_ok=True)


def compile_python() -> None:
    """Python compiled once here instead of at every start: the slot is read-only and a Pi needs many seconds for it."""
    for name in ("usr/lib/python3.13", SITE):
        command = ["python3", "-m", "compileall", "-q", "-j1", "--invalidation-mode", "unchecked-hash"]
        subprocess.run(
            [*command, "-s", str(ROOTFS), "-p", "/", str(ROOTFS / name)],
            check=True,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""},
        )


def clamp_times() -> None:
    """No time in the slot is later than SOURCE_DATE_EPOCH."""
    for path in [ROOTFS, *ROOTFS.rglob("*")]:
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


if __name__ == "__main__":
    main()
