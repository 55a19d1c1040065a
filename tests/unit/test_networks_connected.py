"""The networks that this machine is in, from what Linux tells."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from appliance.intake import networks

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0107A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0007A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t0000000A\t0107A8C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0
"""
ADDRESSES = "fd000007000000000000000000000009 02 40 00 80     eth0\n"


def test_networks_without_a_gateway_are_connected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "route").write_text(ROUTES)
    (tmp_path / "if_inet6").write_text(ADDRESSES)
    monkeypatch.setattr(networks, "_ROUTES", tmp_path / "route")
    monkeypatch.setattr(networks, "_ADDRESSES", tmp_path / "if_inet6")
    found = networks.connected()
    assert ip_network("192.168.7.0/24") in found and ip_network("fd00:7::/64") in found
    assert ip_network("10.0.0.0/8") not in found and ip_network("0.0.0.0/0") not in found


def test_what_cannot_be_read_is_not_connected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "_ROUTES", tmp_path / "none")
    monkeypatch.setattr(networks, "_ADDRESSES", tmp_path / "none")
    assert networks.connected() == [ip_network("fe80::/10")]
