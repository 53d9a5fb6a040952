"""Vectors of the texts asked for most recently. Lives in one event loop."""

from collections import OrderedDict

from aisle.types import UnitVectors

MAX_TEXTS = 4096
"""Most texts that are remembered: 8 MiB at 512 dimensions."""


class TextCache:
    """The least recently used text goes first. One that a new model encodes anew ages out with its model."""

    def __init__(self, *, most: int = MAX_TEXTS) -> None:
        """Start empty.

        Args:
            most: Texts that are remembered.
        """
        self._most = most
        self._vectors: OrderedDict[tuple[str, str], UnitVectors] = OrderedDict()

    def __len__(self) -> int:
        return len(self._vectors)

    def get(self, model: str, text: str) -> UnitVectors | None:
        """float32 `[dimension]`, or None.

        Args:
            model: Fingerprint.
            text: As it was encoded.
        """
        vector = self._vectors.get((model, text))
        if vector is not None:
            self._vectors.move_to_end((model, text))
        return vector

    def put(self, model: str, text: str, vector: UnitVectors) -> None:
        """Remember a vector; a copy, as the one given is a row of its whole batch."""
        self._vectors[model, text] = vector.copy()
        self._vectors.move_to_end((model, text))
        if len(self._vectors) > self._most:
            self._vectors.popitem(last=False)
