"""The firmware image: what is in it and how it is built. Runs in the tools root (Debian 13, Python 3.13); standard
library only.
"""
