"""A clock that stands still until a test moves it."""


class FakeClock:
    def __init__(self, at: float = 1_800_000_000.0) -> None:
        self.at, self.ticks, self.is_known = at, 0.0, True

    def wall(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.ticks

    def known(self) -> bool:
        return self.is_known

    def pass_by(self, seconds: float) -> None:
        self.at += seconds
        self.ticks += seconds
