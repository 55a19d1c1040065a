"""`set`, `no` and what leads in and out of configure mode. All of it changes the steward's candidate and nothing
else."""

from __future__ import annotations

import tomllib

from appliance.console.call import Call, Handler, rows_in
from appliance.console.draft import ONLY, Draft
from appliance.settings.path import MASK

YES, NO = ("true", "yes", "on"), ("false", "no", "off")


def enter(call: Call) -> None:
    """Configure mode."""
    call.state.configuring = True
    call.say('Changes count after "commit"; "end" leaves this mode, "discard" forgets them.')


def end(call: Call) -> None:
    """Back from configure mode, with a word about what is not in force yet."""
    call.state.configuring = False
    if call.box.steward("settings.compare")["lines"]:
        call.say('There are changes that are not in force: "show | compare", then "commit" or "discard".')


def leave(call: Call) -> None:
    """Out of configure mode, else log out."""
    if call.state.configuring:
        end(call)
    else:
        call.state.leaving = True


def put(call: Call, path: str, value: str) -> None:
    """One setting of the candidate. Raises Dead, Refused."""
    call.box.steward("settings.set", {"path": path, "value": value})


def setter(section: str, key: str, boolean: bool = False) -> Handler:
    """The command that sets SECTION.KEY, or KEY of the row that was named."""

    def set_value(call: Call) -> None:
        value = call.get("value")
        if boolean:
            value = "true" if value in YES else "false"
        put(call, _path(call, section, key), value)

    return set_value


def unsetter(section: str, key: str = "") -> Handler:
    """The command that gives a key its shipped value again, or removes a row."""

    def unset(call: Call) -> None:
        call.box.steward("settings.unset", {"path": _path(call, section, key)})

    return unset


def mover(section: str) -> Handler:
    """The command that gives a row another place in its list."""

    def move(call: Call) -> None:
        call.box.steward("settings.move", {"path": _path(call, section, ""), "to": int(call.get("place"))})

    return move


def _path(call: Call, section: str, key: str) -> str:
    return ".".join(part for part in (section, call.get("name") or call.get("number"), key) if part)


def several(*pairs: tuple[str, str]) -> Handler:
    """The command that sets several keys: a value is text, or an argument's name in capitals; "" sets it back."""

    def set_all(call: Call) -> None:
        for path, value in pairs:
            text = call.get(value.lower()) if value.isupper() else value
            if text:
                put(call, path, text)
            else:
                call.box.steward("settings.unset", {"path": path})

    return set_all


def smtp_port(call: Call) -> None:
    """The port at which devices hand in mail: that of the first listener that wants no login and no TLS from the
    start."""
    values = call.box.values()
    names = rows_in(values, "listener") or ["lan"]
    hard = {"required", "implicit"}
    plain = [name for name in names if not hard & {values.get(f"listener.{name}.{key}", "") for key in ("auth", "tls")}]
    put(call, f"listener.{(plain or names)[0]}.port", call.get("port"))


def relay_password(call: Call) -> None:
    """A relay's password: kept apart from the settings, in force at once. A pasted mask keeps the one there is."""
    name, password = call.get("name"), call.args.get("password")
    if password == MASK:
        return
    if password is None:
        password = call.io.ask(f"Password at relay {name}: ", secret=True)
    if not password:
        call.say("Nothing changed.")
        return
    call.box.steward("secret.set", {"relay": name, "password": password})
    call.say(f"The password of relay {name} is kept, apart from the settings, and counts at once.")


def replace(call: Call) -> None:
    """A whole configuration in place of the candidate: `set` lines or TOML. When anything is wrong the candidate is as
    it was."""
    call.say('Paste the whole configuration; end it with a line "end" or with ^D. ^C gives up.')
    text = call.io.paste("end")
    if text is None:
        call.say("Nothing changed.")
        return
    if _is_toml(text):
        call.box.steward("settings.replace", {"text": text})
    elif wrong := _lines(call, text):
        call.say(f"% {wrong}; the candidate is as it was")
        return
    call.say('It is the candidate now: "show | compare", then "commit confirmed 5".')


def _lines(call: Call, text: str) -> str:
    """What is wrong, "" for nothing; if something is, nothing changed."""
    draft = Draft(call.box)
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if words and words[0] not in ("set", "no") and words[0][0] not in "!#":
            return f"line {number}: {ONLY}"
        if wrong := call.again(line, draft):
            return f"line {number}: {wrong}"
    draft.hand_over()
    return ""


def _is_toml(text: str) -> bool:
    try:
        return bool(tomllib.loads(text))
    except (ValueError, RecursionError):
        return False
