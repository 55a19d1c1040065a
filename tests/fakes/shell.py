"""A small faces.Shell: each command uses one thing of the terminal."""

from appliance.console.faces import Terminal

WORDS = ["long", "name", "paste", "quit", "secret", "slow", "terminal length"]
QUESTION = """\
What is the whole name under which this box shall greet the mail servers of other people, as its provider knows it? """
HOSTILE = "subject: \x1b[2J\x9b31m\x07\x00 \u202efdp.exe\r\nnext\tline\x1b]0;title\x07"


class FakeShell:
    def __init__(self) -> None:
        self.ran: list[str] = []

    def banner(self) -> list[str]:
        return ["Outbox for tests"]

    def prompt(self) -> str:
        return "box> "

    def run(self, line: str, io: Terminal) -> bool:
        self.ran.append(line)
        word, _, rest = line.partition(" ")
        if word == "quit":
            return False
        if word == "crash":
            raise RuntimeError("a bug")
        command = getattr(self, "do_" + word, None)
        if command:
            command(io, rest)
        else:
            io.say(f"you said {line}")
        return True

    def do_long(self, io: Terminal, rest: str) -> None:
        io.page(f"line {number}" for number in range(1, int(rest) + 1))

    def do_terminal(self, io: Terminal, rest: str) -> None:
        io.length = int(rest.split()[-1])

    def do_name(self, io: Terminal, rest: str) -> None:
        io.say(f"name is {io.ask('Name: ')!r}")

    def do_question(self, io: Terminal, rest: str) -> None:
        io.say(f"{len(io.ask(QUESTION) or '')} characters")

    def do_secret(self, io: Terminal, rest: str) -> None:
        io.say(f"{len(io.ask('Secret: ', secret=True) or '')} characters")

    def do_paste(self, io: Terminal, rest: str) -> None:
        text = io.paste()
        io.say("nothing" if text is None else f"{len(text)} characters, {text.count(chr(10))} lines")

    def do_sure(self, io: Terminal, rest: str) -> None:
        io.say("yes" if io.confirm("Sure?") else "no")

    def do_slow(self, io: Terminal, rest: str) -> None:
        io.say("interrupted" if io.interrupted(float(rest)) else "done")

    def do_hostile(self, io: Terminal, rest: str) -> None:
        io.say(HOSTILE)

    def complete(self, line: str) -> tuple[str, list[str]]:
        found = [word for word in WORDS if word.startswith(line)]
        return (found[0][len(line) :] + " ", []) if len(found) == 1 else ("", found)

    def help(self, line: str) -> list[str]:
        return [f"  {word}" for word in WORDS if word.startswith(line)]
