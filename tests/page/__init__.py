"""The page in a real browser, before a real relay and a pretend Internet: `make test-page`."""
