"""The command interface: verbs asked for in JSON lines on a Unix socket; the relay and the steward each offer one."""
