"""For all tests: hypothesis judges what comes out, not how long a busy machine took."""

from hypothesis import settings

settings.register_profile("box", deadline=None)
settings.load_profile("box")
