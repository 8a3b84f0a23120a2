"""How bone names are compared: whatever their case, prefix, name space and separators."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from functools import lru_cache


class Finder:
    """Looks bone names up as a rig has them, whatever their case, prefix, name space and separators."""

    def __init__(self, prefixes: Sequence[str], names: Sequence[str]) -> None:
        self._prefixes = tuple(_plain(prefix) for prefix in prefixes)
        self._plain: dict[str, str] = {}
        for name in names:
            self._plain.setdefault(self._strip(name), name)
        self._plain.update({name.lower(): name for name in names})  # a whole name wins over a stripped one
        self._exact = frozenset(names)  # and one that is the same to the letter over all: 'head' beside 'HEAD'

    def _strip(self, name: str) -> str:
        plain = _plain(re.split("[:|]", name)[-1])
        prefix = next((p for p in self._prefixes if plain.startswith(p)), "")
        return plain[len(prefix) :]

    def find(self, name: str) -> str:
        """The rig's bone, or '' where it has none."""
        return name if name in self._exact else self._plain.get(name.lower()) or self._plain.get(self._strip(name), "")

    def nearest(self, name: str) -> str:
        near = difflib.get_close_matches(self._strip(name), self._plain, n=1, cutoff=0.5)
        return f" (nearest is '{self._plain[near[0]]}')" if near else ""


@lru_cache(maxsize=4096)  # the same rig is held against every preset
def _plain(name: str) -> str:
    """Lower case, one underscore for whatever separates words: exporters write 'thigh_L' for 'thigh.L'."""
    return re.sub(r"[\s._-]+", "_", name.lower())
