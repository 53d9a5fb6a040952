"""What a run leaves in its folder while it goes: history, checkpoint, and the state it is resumed from."""

import time
from dataclasses import replace
from pathlib import Path

from train.history import History
from train.loop import Progress, Run
from train.model import save_checkpoint
from train.state import Position, Settings, save_state
from train.validation import Validation, validate

STATE = "training.safetensors"


class Record:
    """Keeps a run's folder so that a kill at any moment loses minutes, and what lies there can be searched with.

    The history is written first, then the checkpoint, the state last: a resumed run repeats what came after the state.

    Attributes:
        standing: Against the run's own best.
        validation: Of the last epoch that ended in this process.
    """

    def __init__(self, run: Run, *, folder: Path, position: Position, settings: Settings) -> None:
        """Go on at a position.

        Args:
            run: Whose folder it is.
            folder: The checkpoint folder.
            position: How far the run has come.
            settings: What a resumed run must have in common with this one.
        """
        self.standing = position.standing
        self.validation: tuple[Validation, ...] = ()
        self._run, self._folder, self._settings = run, folder, settings
        self._history = History(folder, step=position.step)
        self._saved, self._saved_at = position.step, time.monotonic()
        if position.step == 0:
            self._save(0)  # from here on the run can be resumed
            if found := self._validate(0, epoch=0):
                self.standing = self.standing.began(found)

    @property
    def over(self) -> bool:
        """Whether the run has waited for a better validation long enough."""
        patience = self._run.recipe.patience
        return 0 < patience <= self.standing.waited

    def stepped(self, now: Progress) -> Progress:
        """Write down a step; at the end of an epoch validate, and save when it is time.

        Returns:
            The same progress, with the validation where there was one.
        """
        self._history.stepped(now)
        if now.step % self._run.steps_per_epoch == 0:
            self.validation = self._validate(now.step, epoch=now.epoch)
            if self.validation:
                self.standing = self.standing.after(self.validation, step=now.step)
            self._save(now.step)
            return replace(now, validation=self.validation)
        if time.monotonic() - self._saved_at >= 60 * self._run.recipe.save_minutes:
            self._save(now.step)
        return now

    def ended(self, step: int) -> None:
        """Save what is not saved yet."""
        if step != self._saved:
            self._save(step)

    def close(self) -> None:
        """No line follows."""
        self._history.close()

    def _save(self, step: int) -> None:
        position = Position(step, self._run.steps_per_epoch, self.standing)
        save(self._run, folder=self._folder, position=position, settings=self._settings)
        self._saved, self._saved_at = step, time.monotonic()

    def _validate(self, step: int, *, epoch: int) -> tuple[Validation, ...]:
        found = [validate(self._run.checkpoint, corpus) for corpus in self._run.corpora]
        known = tuple(one for one in found if one is not None)
        for one in known:
            self._history.validated(one, step=step, epoch=epoch)
        return known


def save(run: Run, *, folder: Path, position: Position, settings: Settings) -> None:
    """Write the checkpoint, unless a better one stays, and the state."""
    standing = position.standing
    if not run.recipe.patience or not standing.validated or standing.step == position.step:
        save_checkpoint(run.checkpoint, folder)
    save_state(folder / STATE, run.checkpoint.model, run.optimizer, position, settings=settings)
