"""The one command interface of the box, on a Unix socket."""
