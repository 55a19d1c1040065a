"""Outbox: a dedicated outgoing mail box. The command is `outbox`, see cli.py."""

__version__ = "0.1.0"
