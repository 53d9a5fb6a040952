"""Workers that share each step: every one encodes its part of the batch, and all know the whole."""

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.distributed
from torch import Tensor


class Workers(Protocol):
    """The processes that train one model together, as one of them sees them."""

    @property
    def rank(self) -> int:
        """This one's number. Number 0 decides, reports and writes."""
        ...

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def gather(self, own: Tensor, count: int, /) -> Tensor:
        """All `count` rows, `[count, dimension]`, from everyone's share of them (`share`), in order."""
        ...

    def add(self, tensors: Sequence[Tensor], /) -> None:
        """Replace each tensor by its sum over all workers."""
        ...

    def agreed(self, said: bool, /) -> bool:
        """What worker 0 said."""
        ...


def share(count: int, *, rank: int, of: int) -> range:
    """Which of `count` items belong to a worker: as even as can be, the first workers have one more."""
    size, more = divmod(count, of)
    start = rank * size + min(rank, more)
    return range(start, start + size + (rank < more))


class Alone:
    """One process."""

    rank = 0
    count = 1

    def gather(self, own: Tensor, count: int, /) -> Tensor:
        """Its own rows."""
        del count
        return own

    def add(self, tensors: Sequence[Tensor], /) -> None:
        """Nothing to add."""

    def agreed(self, said: bool, /) -> bool:
        """Always."""
        return said


class Group:
    """The processes of torch's default process group, which is there already."""

    def __init__(self, device: torch.device) -> None:
        """Join.

        Args:
            device: Where this process calculates.
        """
        self.rank = torch.distributed.get_rank()
        self.count = torch.distributed.get_world_size()
        self._device = device

    def gather(self, own: Tensor, count: int, /) -> Tensor:
        """Shares differ by one row at most; a row of padding makes them equal on their way."""
        sizes = [len(share(count, rank=rank, of=self.count)) for rank in range(self.count)]
        padded = torch.zeros(sizes[0], own.shape[1], dtype=own.dtype, device=own.device)
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in sizes]
        if count:
            torch.distributed.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    def add(self, tensors: Sequence[Tensor], /) -> None:
        """One message for all of them."""
        together = torch.cat([tensor.flatten() for tensor in tensors])
        torch.distributed.all_reduce(together)
        for tensor, summed in zip(tensors, torch.split(together, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(summed.view_as(tensor))

    def agreed(self, said: bool, /) -> bool:
        """Worker 0's word, sent to all."""
        word = torch.tensor([said], dtype=torch.uint8, device=self._device)
        torch.distributed.broadcast(word, src=0)
        return bool(word.item())
