"""The gradient of a step, however little of it fits in memory and however many workers share it.

The contrastive loss compares everything with everything, so it cannot be summed over parts of a batch. Cached gradients
(GradCache: Gao et al. 2021, arXiv:2101.06983) get around that: encode all without keeping what a gradient needs; take
the loss's gradient with respect to the vectors, which are small; then encode again, a part at a time, and send
each part's gradient on into the towers. The sum is the gradient of the undivided batch.

Workers need no more than that: each encodes its share, all exchange vectors and take the same loss, and each sends the
gradient of its own vectors on. Every worker's vectors are everyone's negatives.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from train.model import Checkpoint
from train.step import Step, picture_vectors, step_loss
from train.towers import text_vectors
from train.workers import Workers, share

Encode = Callable[[slice], Tensor]
"""Part of a step's pictures or texts to unit vectors."""


def add_gradients(checkpoint: Checkpoint, step: Step, *, micro_batch: int, bfloat16: bool, workers: Workers) -> float:
    """Set the gradients of all trainable parameters to those of the step, summed over workers.

    Args:
        checkpoint: In training mode, its gradients forgotten.
        step: What all workers share.
        micro_batch: Pictures or texts that are encoded at a time; 0 for all at once.
        bfloat16: Whether the towers calculate in bfloat16.
        workers: Who shares the step.

    Returns:
        The step's loss.
    """
    encoders: tuple[Encode, ...] = (
        lambda part: picture_vectors(checkpoint, step, part),
        lambda part: text_vectors(checkpoint.model, checkpoint.tokenizer, step.texts[0][part]),
        lambda part: text_vectors(checkpoint.model, checkpoint.tokenizer, step.texts[1][part]),
    )
    made = [
        _Encoded(
            checkpoint,
            encode,
            share(count, rank=workers.rank, of=workers.count),
            micro_batch=micro_batch,
            bfloat16=bfloat16,
            seed=step.seed,
        )
        for encode, count in zip(encoders, step.counts, strict=True)
    ]
    known = [
        workers.gather(own.vectors.detach(), count).requires_grad_()
        for own, count in zip(made, step.counts, strict=True)
    ]
    loss = step_loss(checkpoint, step, *known)
    loss.backward()  # type: ignore[no-untyped-call]
    for own, vectors in zip(made, known, strict=True):
        if vectors.grad is not None:
            own.send_on(vectors.grad)
    if workers.count > 1:
        _add_up(checkpoint, workers)
    return float(loss.detach())


def _add_up(checkpoint: Checkpoint, workers: Workers) -> None:
    trained = [parameter for parameter in checkpoint.model.parameters() if parameter.requires_grad]
    scale = checkpoint.model.logit_scale
    for parameter in trained:
        # The temperature's gradient is whole on every worker; it must count once.
        if parameter.grad is None or (parameter is scale and workers.rank):
            parameter.grad = torch.zeros_like(parameter)
    workers.add([parameter.grad for parameter in trained if parameter.grad is not None])


class _Encoded:
    """A worker's share of a step's pictures or texts as vectors, and the way back from their gradient.

    Attributes:
        vectors: float32 `[m, dimension]`, unit rows.
    """

    def __init__(
        self, checkpoint: Checkpoint, encode: Encode, own: range, *, micro_batch: int, bfloat16: bool, seed: int
    ) -> None:
        self._checkpoint, self._encode, self._bfloat16, self._seed = checkpoint, encode, bfloat16, seed
        size = micro_batch or len(own)
        self._parts = [slice(start, min(start + size, own.stop)) for start in range(own.start, own.stop, size or 1)]
        self._kept = len(self._parts) == 1
        with torch.set_grad_enabled(self._kept):
            parts = [self._vectors(part) for part in self._parts]
        dimension = int(checkpoint.model.config.projection_dim)
        self.vectors = torch.cat(parts) if parts else torch.zeros(0, dimension, device=checkpoint.model.device)

    def send_on(self, gradient: Tensor) -> None:
        """Back-propagate into the towers.

        Args:
            gradient: With respect to the vectors of all workers, float32 `[n, dimension]`.
        """
        for part in self._parts:
            vectors = self.vectors if self._kept else self._vectors(part)
            vectors.backward(gradient[part])  # type: ignore[no-untyped-call]

    def _vectors(self, part: slice) -> Tensor:
        """Encode, with the same chance each time."""
        device = self._checkpoint.model.device
        with (
            torch.random.fork_rng([device] if device.type == "cuda" else []),
            torch.autocast(device.type, torch.bfloat16, enabled=self._bfloat16),
        ):
            torch.manual_seed(self._seed + part.start)
            return self._encode(part)
