"""The units as the image has them, judged by the image's own systemd version in the build's tools root: they are
understood without a warning, and how exposed each service is stays below its bound."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.image.card import BUILD, ROOT

EXPOSED_MOST = {"relay": 1.5, "panel": 1.0, "console@ttyS1": 1.6, "page": 1.6, "steward": 3.0}


def in_tools(command: str) -> subprocess.CompletedProcess[str]:
    place = {"BUILD": str(BUILD), "SOURCE": str(ROOT), "VERSION": "0", "SOURCE_DATE_EPOCH": "0"}
    return subprocess.run(
        [ROOT / "image/in-tools.sh", "sh", "-c", command], env={**os.environ, **place}, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip


def test_systemd_understands_every_unit() -> None:
    units = "/build/rootfs/usr/lib/systemd/system/outbox-*"
    done = in_tools(f"systemd-analyze --root=/build/rootfs verify {units}")
    told = [line for line in (done.stdout + done.stderr).splitlines() if "outbox-" in line and "/src" not in line]
    assert told == []


@pytest.mark.parametrize("service", EXPOSED_MOST)
def test_a_service_is_exposed_no_more_than_it_may(service: str) -> None:
    done = in_tools(
        f"systemd-analyze security --offline=yes --root=/build/rootfs --no-pager outbox-{service}.service | tail -n 1"
    )
    found = re.search(r"exposure level for outbox-\S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSED_MOST[service]
