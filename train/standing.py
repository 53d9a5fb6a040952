"""How a run stands against its own best: which weights it leaves, and when it has waited long enough."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from train.validation import Validation


@dataclass(frozen=True, slots=True)
class Standing:
    """The best validation so far, of the epochs that were trained.

    Attributes:
        recall_at_10: Mean over catalogs; -1 before the first validation.
        recall_at_1: Of the same weights; decides between equals.
        step: Steps that the best weights have seen.
        waited: Validations since then.
        before: Mean recall@10 before the first step; -1 when it is not known.
    """

    recall_at_10: float = -1.0
    recall_at_1: float = -1.0
    step: int = 0
    waited: int = 0
    before: float = -1.0

    @property
    def validated(self) -> bool:
        """Whether there is a best yet."""
        return self.step > 0

    def began(self, found: Sequence[Validation]) -> "Standing":
        """How the run stands when the weights it starts from have been validated."""
        return replace(self, before=_mean([one.recall_at_10 for one in found]))

    def after(self, found: Sequence[Validation], *, step: int) -> "Standing":
        """How the run stands after another validation, of weights that have seen `step` steps."""
        recall_at_10, recall_at_1 = (
            _mean([one.recall_at_10 for one in found]),
            _mean([one.recall_at_1 for one in found]),
        )
        if (recall_at_10, recall_at_1) > (self.recall_at_10, self.recall_at_1):
            return replace(self, recall_at_10=recall_at_10, recall_at_1=recall_at_1, step=step, waited=0)
        return replace(self, waited=self.waited + 1)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
