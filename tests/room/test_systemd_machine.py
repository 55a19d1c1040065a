"""The image's machine with a recorder in place of systemd, and its runner with real commands."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from appliance.ports import Refused
from appliance.settings.schema import Listener, Network, Page, Settings
from appliance.steward.commands import Ran, execute
from appliance.steward.systemd_machine import SystemdMachine, stick_of


class Recorder:
    """Answers commands by their first word; 0 and nothing for those it does not know."""

    def __init__(self, **answers: Ran) -> None:
        self.answers, self.commands = answers, list[str]()

    async def __call__(self, *command: str, timeout_s: float = 0.0, hear: Callable[[str], None] | None = None) -> Ran:
        self.commands.append(" ".join(command))
        ran = self.answers.get(command[0].replace("-", "_"), Ran(0, ""))
        for line in ran.output.splitlines():
            if hear:
                hear(line)
        return ran


def machine(**answers: Ran) -> tuple[SystemdMachine, Recorder]:
    recorder = Recorder(**answers)
    return SystemdMachine(Settings(), run=recorder), recorder


async def applied(**changes: Any) -> list[str]:
    made, recorder = machine()
    assert await made.apply(Settings(), dataclasses.replace(Settings(), **changes)) == []
    return recorder.commands


SYSTEM = [
    "systemctl restart outbox-settings.service",
    "systemctl reload-or-restart outbox-firewall.service",
    "systemctl reload-or-restart systemd-networkd.service",
    "systemctl reload-or-restart systemd-resolved.service",
]


async def test_only_what_a_commit_changed_is_done() -> None:
    assert await applied() == []
    assert await applied(box=dataclasses.replace(Settings().box, mail_name="x.example")) == [
        "systemctl --no-block restart outbox-relay.service outbox-page.service"
    ]
    assert await applied(console=dataclasses.replace(Settings().console, speed=9600)) == []
    assert await applied(network=Network(time_servers=("192.0.2.1",))) == [
        *SYSTEM,
        "systemctl restart systemd-timesyncd.service",
        "systemctl --no-block restart outbox-relay.service outbox-page.service",
    ]


async def test_other_ports_mean_other_sockets_and_another_packet_filter() -> None:
    assert await applied(listener=(Listener(name="lan", port=2525),)) == [
        *SYSTEM,
        "systemctl --no-block restart outbox-relay.socket outbox-relay.service",
    ]
    assert await applied(page=Page(port=8080)) == [*SYSTEM, "systemctl --no-block restart outbox-page.service"]


async def test_what_fails_is_a_warning_and_the_rest_is_done() -> None:
    made, recorder = machine(systemctl=Ran(1, "some\nFailed to reload\x1b[2J\n"))
    warnings = await made.apply(Settings(), dataclasses.replace(Settings(), network=Network(host_name="x")))
    assert len(warnings) == len(recorder.commands) == 5
    assert warnings[0].startswith("systemctl restart outbox-settings.service: Failed to reload")
    assert all(each.isprintable() for each in warnings)


async def test_changed_sockets_of_the_command_interface_start_the_steward_anew_as_well() -> None:
    stopped: list[bool] = []
    made = SystemdMachine(Settings(), lambda: stopped.append(True), Recorder())
    await made.apply(
        Settings(), dataclasses.replace(Settings(), control=dataclasses.replace(Settings().control, console_uids=(7,)))
    )
    assert stopped


async def test_power_and_a_wiped_box() -> None:
    made, recorder = machine()
    await made.reboot()
    await made.power_off()
    assert await made.wiped(Settings()) == []
    assert recorder.commands == ["systemctl reboot", "systemctl poweroff", "systemctl reboot"]
    broken, _ = machine(systemctl=Ran(1, "Access denied\n"))
    with pytest.raises(Refused, match="Access denied"):
        await broken.reboot()


async def test_an_update_tells_its_progress_and_why_it_failed() -> None:
    heard: list[tuple[int, str]] = []
    made, recorder = machine(rauc=Ran(0, "installing\n  0% Installing\n 20% Checking bundle\n100% Installing done.\n"))
    await made.install("/x.raucb", lambda percent, words: heard.append((percent, words)))
    assert heard == [(0, "Installing"), (20, "Checking bundle"), (100, "Installing done.")]
    assert recorder.commands == ["systemctl start rauc.service", "rauc install /x.raucb"]
    made, _ = machine(rauc=Ran(1, " 20% Checking\nLastError: signature verification failed\x1b\nfailed\n"))
    with pytest.raises(Refused, match="signature verification failed") as refused:
        await made.install("/x.raucb", lambda percent, words: None)
    assert str(refused.value).isprintable()


async def test_network_facts_and_log_are_printable() -> None:
    addresses = "lo UNKNOWN 127.0.0.1/8\neth0 UP 192.0.2.5/24 fe80::1/64\n"
    made, _ = machine(ip=Ran(0, addresses), busctl=Ran(0, 's "outbox2"\n'), journalctl=Ran(0, "a\x1b[2Jb\n"))
    facts = await made.network()
    assert facts["interfaces"] == [{"name": "eth0", "state": "up", "addresses": "192.0.2.5/24 fe80::1/64"}]
    assert facts["name_on_the_lan"] == "outbox2.local"
    assert all(line.isprintable() for line in await made.log(5))
    made, _ = machine(ip=Ran(0, "default via 192.0.2.1 dev eth0\n"), busctl=Ran(1, ""))
    facts = await made.network()
    assert facts["gateways"] == ["192.0.2.1", "192.0.2.1"] and facts["name_on_the_lan"] == ""


async def test_the_slot_that_runs_is_told() -> None:
    status = {
        "booted": "a",
        "slots": [
            {"rootfs.1": {"bootname": "b", "state": "inactive", "boot_status": "bad", "slot_status": None}},
            {"rootfs.0": {"bootname": "a", "state": "booted", "boot_status": "good",
                          "slot_status": {"bundle": {"version": "1.2\x1b"}}}},
        ],
    }  # fmt: skip
    made, _ = machine(rauc=Ran(0, json.dumps(status)))
    assert await made.release() == {"slot": "a", "slots": {"b": "inactive bad", "a": "booted good 1.2?"}}
    for ran in (Ran(1, ""), Ran(0, "[]"), Ran(0, "{"), Ran(0, '{"slots": [3]}'), Ran(0, '{"slots": [], "x": 1}')):
        made, _ = machine(rauc=ran)
        assert await made.release() == {"slots": "unknown"}


STICK = """/dev/mmcblk0 disk mmc\x20\x20
/dev/mmcblk0p4 part\x20\x20ext4 /dev/mmcblk0
/dev/sda disk usb\x20\x20
/dev/sda1 part\x20\x20vfat /dev/sda
"""


async def test_the_stick_is_mounted_for_as_long_as_it_is_used_and_never_the_card() -> None:
    made, recorder = machine(lsblk=Ran(0, STICK))
    async with made.stick() as folder:
        assert str(folder) in recorder.commands[-1] and "nosuid,nodev,noexec" in recorder.commands[-1]
        assert " /dev/sda1 " in recorder.commands[-1]
    assert recorder.commands[-1] == "systemd-run --quiet --wait --pipe --collect umount /run/outbox-stick"
    assert stick_of("/dev/sdb disk usb vfat \n") == "/dev/sdb"
    for listed in (
        "",
        STICK.splitlines()[0],
        "/dev/sda disk sata ext4 \n",
        "/dev/sda disk usb  \n/dev/sda1 part  ntfs /dev/sda\n",
    ):
        with pytest.raises(Refused, match="USB stick"):
            stick_of(listed)


async def test_a_command_is_run_heard_and_bounded() -> None:
    heard: list[str] = []
    assert await execute("sh", "-c", "echo out; echo err >&2; exit 3", hear=heard.append) == Ran(3, "out\nerr\n")
    assert heard == ["out", "err"]
    assert (await execute("/nonexistent")).status == 127
    assert (await execute("sleep", "60", timeout_s=0.05)) == Ran(124, "sleep does not end")
    assert len((await execute("sh", "-c", "head -c 9000000 /dev/zero | tr '\\0' x | fold -w 1000")).output) <= 4 << 20
    assert (await execute("sh", "-c", "head -c 3000000 /dev/zero")).status == 124, "an endless line"
