"""The only privileged part: settings, passwords, network, clock, power, reset, update, behind a fixed list of verbs."""
