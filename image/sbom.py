"""The bill of materials of the software (CycloneDX 1.6, JSON), and the list of Debian packages with versions and
checksums.

Sources of truth: the control fields of the packages that were unpacked and the METADATA of the wheels. Promises:
sorted, no random identity and no time but SOURCE_DATE_EPOCH, so equal inputs give equal bytes.
"""

import hashlib
import json
import shutil
import subprocess
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from image.place import APT, BUILD, EPOCH, IMAGE, ROOTFS, SOURCE, VERSION, listed

FIELDS = ("Package", "Version", "Architecture", "Source", "Built-Using", "Static-Built-Using")
Part = dict[str, Any]


def debian_part(fields: dict[str, str], sha256: str) -> Part:
    """One Debian package; `source` names what its licence obliges us to offer, with the version."""
    name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
    source = fields.get("Source") or name
    if "(" not in source:
        source += f" ({version})"
    return {
        "type": "library",
        "bom-ref": f"deb:{name}",
        "name": name,
        "version": version,
        "purl": f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={architecture}&distro=debian-13",
        "hashes": [{"alg": "SHA-256", "content": sha256}],
        "properties": [{"name": "debian:source", "value": one} for one in [source, *built_from(fields)]],
    }


def built_from(fields: dict[str, str]) -> list[str]:
    """Further sources whose code is inside a package, each as `name (version)`; the signed kernel names `linux` so."""
    named = [*fields.get("Built-Using", "").split(","), *fields.get("Static-Built-Using", "").split(",")]
    return sorted({one.strip().replace("(= ", "(") for one in named if one.strip()})


def wheel_part(metadata: str) -> Part:
    """One Python package from its METADATA."""
    fields = HeaderParser().parsestr(metadata)
    name, version = fields["Name"], fields["Version"]
    part: Part = {
        "type": "library",
        "bom-ref": f"pypi:{name.lower()}",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(version, safe='')}",
    }
    licence = fields["License-Expression"] or fields["License"]
    if licence and "\n" not in licence and len(licence) < 80:
        part["licenses"] = [{"license": {"name": licence}}]
    return part


def document(parts: Iterable[Part], version: str, epoch: int) -> str:
    """The whole as JSON text; the serial number follows from the content."""
    components = sorted(parts, key=lambda part: part["bom-ref"])
    seed = json.dumps(components, sort_keys=True) + version
    return (
        json.dumps(
            {
                "bomFormat": "CycloneDX",
                "specVersion": "1.6",
                "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, seed)}",
                "version": 1,
                "metadata": {
                    "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z"),
                    "component": {"type": "firmware", "bom-ref": "outbox", "name": "outbox", "version": version},
                },
                "components": components,
                "dependencies": [{"ref": "outbox", "dependsOn": [part["bom-ref"] for part in components]}],
            },
            indent=1,
        )
        + "\n"
    )


def control(deb: Path) -> dict[str, str]:
    text = subprocess.run(["dpkg-deb", "--field", deb, *FIELDS], check=True, capture_output=True, text=True).stdout
    return dict(HeaderParser().parsestr(text).items())


def main() -> None:
    unwanted = set(listed("left-out.txt"))
    parts, lines = [], []
    for deb in sorted([*(APT / "archives").glob("*.deb"), *(APT / "boot").glob("*.deb")]):
        if deb.name.split("_")[0] in unwanted:
            continue
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        part = debian_part(control(deb), digest)
        parts.append(part)
        sources = ", ".join(one["value"] for one in part["properties"])
        lines.append(f"{part['name']} {part['version']} {digest} from {sources}\n")
    site = ROOTFS / "usr/lib/python3/dist-packages"
    parts += [wheel_part(path.read_text()) for path in sorted(site.glob("*.dist-info/METADATA"))]
    (BUILD / "sbom.json").write_text(document(parts, VERSION, EPOCH))
    (BUILD / "packages.list").write_text("".join(lines))
    notices(ROOTFS / "usr/share/outbox")


def notices(goal: Path) -> None:
    """Into the slot: the bill, the list of packages, the offer of sources, the licences of the rest."""
    goal.mkdir(parents=True, exist_ok=True)
    shutil.copy(BUILD / "sbom.json", goal)
    shutil.copy(BUILD / "packages.list", goal / "packages.txt")
    shutil.copy(IMAGE / "SOURCES.txt", goal)
    for path in sorted((BUILD / "parts").glob("*/usr/share/doc/*/copyright")):
        folder = ROOTFS / "usr/share/doc" / path.parent.name
        folder.mkdir(exist_ok=True)
        shutil.copy(path, folder)
    shutil.copy(SOURCE / "LICENSE", goal)


if __name__ == "__main__":
    main()
