"""The status page: did my scan go? A process of its own that asks the relay and never touches the spool."""
