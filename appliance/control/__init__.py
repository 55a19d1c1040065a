"""The verbs of the relay: what console, page, panel and command line can ask of the mail path."""
