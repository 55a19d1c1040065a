"""The words for the box itself and for this session."""

from __future__ import annotations

from typing import Final

from appliance.console import configure, keep, menu, system, wizard
from appliance.console.grammar import Command
from appliance.console.system import ask_steward

COMMANDS: Final = (
    Command("menu", "numbers instead of words", menu.menu),
    Command("wizard", "the first set-up, step by step", wizard.wizard),
    Command("set clock TIME...", "set the time by hand", system.clock),
    Command("password", "change the password of console and page", system.password),
    Command("account list", "who may log in to send", system.account_list, cli="account list"),
    Command(
        "account set NAME [SENDER...]", "make an account or change its password", system.account_set, cli="account set"
    ),
    Command("account remove NAME", "end an account", system.account_remove, cli="account remove"),
    Command("backup", "settings, accounts and keys as one text, under a passphrase", keep.backup, cli="backup"),
    Command("backup stick", "the same as a file on a USB stick", keep.backup_to_stick),
    Command("restore", "take them from such a text", keep.restore, cli="restore", whole=True),
    Command("restore stick", "take them from the file on a USB stick", keep.restore_from_stick),
    Command(
        "support-bundle", "what a helper needs to know, without secrets", keep.support_bundle, cli="support-bundle"
    ),
    Command("update status", "which release runs, and how far an update is", system.update_status, cli="update status"),
    Command("update install SOURCE", "install a release", system.update_install, cli="update install"),
    Command("locate", "the lamps blink for a minute", system.locate, cli="locate"),
    Command(
        "reboot",
        "restart the box; waiting mail stays",
        ask_steward("reboot", "The box restarts.", "Restart the box?"),
        whole=True,
    ),
    Command(
        "shutdown",
        "switch the box off; waiting mail stays",
        ask_steward("shutdown", "The box switches off; pull the plug when the lamps are dark.", "Switch the box off?"),
        whole=True,
    ),
    Command("factory-reset", "as it was when new; asks what becomes of waiting mail", system.factory_reset, whole=True),
    Command("terminal length LINES", "lines of a page, 0 = no pauses", system.terminal_length),
    Command("terminal width COLUMNS", "columns of your terminal", system.terminal_width),
    Command("terminal ascii", "your terminal is old: plain letters only", system.terminal_ascii),
    Command("terminal utf-8", "your terminal shows all letters, as nearly all do", system.terminal_utf8),
    Command("help [COMMAND...]", "how to use this console", lambda call: None),
    Command("logout", "log out", system.log_out),
    Command("exit", "leave configure mode, or log out", configure.leave),
)
