"""A person at the console without a line: keeps what was said, answers what is asked from a list."""

from __future__ import annotations

import time
from collections.abc import Iterable

from appliance.console.faces import Gone


class Person:
    """Implements faces.Terminal. `answers` are given to ask, confirm and paste in turn; None = ^C. Without an answer
    left the person is gone, so that no test waits."""

    def __init__(self, *answers: str | None) -> None:
        self.width, self.length, self.ascii = 80, 0, False
        self.answers = list(answers)
        self.lines: list[str] = []
        self.questions: list[str] = []

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def say(self, text: str) -> None:
        self.lines += text.split("\n")

    def page(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.say(line)

    def _answer(self, question: str) -> str | None:
        self.questions.append(question)
        if not self.answers:
            raise Gone
        return self.answers.pop(0)

    def ask(self, prompt: str, secret: bool = False) -> str | None:
        return self._answer(prompt)

    def paste(self, end: str = ".") -> str | None:
        text = self._answer("paste")
        return None if text is None else text.partition(f"\n{end}\n")[0] + "\n"

    def confirm(self, question: str) -> bool:
        return self._answer(question) in ("y", "yes")

    def interrupted(self, wait_s: float = 0.0) -> bool:
        """Never; and no waiting to speak of, but no busy waiting either."""
        time.sleep(min(wait_s, 0.01))
        return False
