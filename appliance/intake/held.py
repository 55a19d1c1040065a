"""Octets of one client that came and were not taken yet. What is taken as it came is not copied."""

from __future__ import annotations


class Held:
    """Nothing bounds it here: the door stops reading."""

    def __init__(self) -> None:
        self._whole = b""  # the only block that is here; else all lie together in `_octets`
        self._octets = bytearray()

    def __len__(self) -> int:
        return len(self._whole) or len(self._octets)

    def add(self, octets: bytes) -> None:
        if not self:
            self._whole = octets
        else:
            self._together().extend(octets)

    def _together(self) -> bytearray:
        if self._whole:
            self._octets += self._whole
            self._whole = b""
        return self._octets

    def find(self, octets: bytes, place: int) -> int:
        """As bytes.find, from `place` on."""
        return self._together().find(octets, place)

    def first(self, count: int) -> bytes:
        """At most so many; nothing is taken."""
        return (self._whole or bytes(self._octets[:count]))[:count]

    def take(self, count: int) -> bytes:
        """At most so many."""
        if self._whole and count >= len(self._whole):
            octets, self._whole = self._whole, b""
            return octets
        octets = bytes(self._together()[:count])
        del self._octets[:count]
        return octets

    def give_back(self, octets: bytes) -> None:
        """They come before all that is here."""
        if not self:
            self._whole = octets
        else:
            self._together()[:0] = octets

    def clear(self) -> None:
        self._whole = b""
        self._octets.clear()
