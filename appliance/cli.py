"""The command `outbox`: composes, decides nothing."""


def main() -> int:
    """Entry point; the exit status."""
    return 0
