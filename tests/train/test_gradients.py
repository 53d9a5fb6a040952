"""The gradient of a step is the same however it is divided: into micro batches, and among workers."""

import copy
import dataclasses
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor

import train.step
from train.batches import Batch
from train.begun import begin
from train.gradients import add_gradients
from train.loop import Run, train_step
from train.model import Checkpoint
from train.recipe import Recipe
from train.step import Step, draw_step, picture_vectors, step_loss
from train.towers import text_vectors
from train.workers import Alone, Workers, share

ROWS = 15


@pytest.fixture(scope="module")
def run(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Run:
    numbers = dataclasses.replace(recipe.training, choices=2, word_dropout=0.2, patches_kept=0.5)
    folder = tmp_path_factory.mktemp("begun")
    recipe = dataclasses.replace(recipe, training=numbers)
    return begin(recipe, output=folder, resume=False, device=torch.device("cpu")).run


@pytest.fixture
def step(run: Run) -> Step:
    batch = Batch(0, run.corpora[0].training[:ROWS])
    return draw_step(run.checkpoint, run.corpora, batch, run.recipe, number=3, whole=False)


def _fresh(run: Run, *, dropout: float = 0.0) -> Checkpoint:
    model = copy.deepcopy(run.checkpoint.model).train()
    for tower in (model.text_model, model.vision_model):
        for layer in tower.encoder.layers:
            layer.self_attn.dropout = dropout
    return dataclasses.replace(run.checkpoint, model=model)


def _gradients(checkpoint: Checkpoint) -> dict[str, Tensor]:
    return {name: parameter.grad for name, parameter in checkpoint.model.named_parameters()}


def _plain(checkpoint: Checkpoint, step: Step, *, size: int) -> float:
    """The whole graph in memory, as autograd does it: parts of `size` are only for equal chance in dropout."""

    def encoded(count: int, encode) -> Tensor:
        parts = []
        for start in range(0, count, size):
            torch.manual_seed(step.seed + start)
            parts.append(encode(slice(start, min(start + size, count))))
        return torch.cat(parts)

    images, *texts = step.counts
    loss = step_loss(
        checkpoint,
        step,
        encoded(images, lambda part: picture_vectors(checkpoint, step, part)),
        *(
            encoded(count, lambda part, said=said: text_vectors(checkpoint.model, checkpoint.tokenizer, said[part]))
            for count, said in zip(texts, step.texts, strict=True)
        ),
    )
    loss.backward()
    return float(loss.detach())


def _equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert gradient.abs().max() > 0, name
        torch.testing.assert_close(found[name], gradient, atol=2e-6, rtol=2e-4, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("micro_batch", [0, 1, 4, 7, ROWS, 1000])
def test_micro_batches_give_the_gradient_of_the_undivided_batch(run: Run, step: Step, micro_batch: int) -> None:
    whole, divided = _fresh(run), _fresh(run)
    expected = _plain(whole, step, size=1000)
    loss = add_gradients(divided, step, micro_batch=micro_batch, bfloat16=False, workers=Alone())
    assert loss == pytest.approx(expected, abs=1e-5)
    _equal(_gradients(divided), _gradients(whole))


def test_dropout_repeats_itself_when_a_part_is_encoded_again(run: Run, step: Step) -> None:
    whole, divided = _fresh(run, dropout=0.3), _fresh(run, dropout=0.3)
    expected = _plain(whole, step, size=4)
    before = torch.random.get_rng_state()
    loss = add_gradients(divided, step, micro_batch=4, bfloat16=False, workers=Alone())
    assert loss == pytest.approx(expected, abs=1e-5)
    _equal(_gradients(divided), _gradients(whole))
    assert torch.equal(torch.random.get_rng_state(), before), "chance elsewhere goes on as if nothing had been drawn"
    without = _fresh(run)
    assert add_gradients(without, step, micro_batch=4, bfloat16=False, workers=Alone()) != pytest.approx(loss, abs=1e-3)


def test_no_more_than_a_micro_batch_is_in_memory(run: Run, step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, bool]] = []
    real = train.step.image_vectors

    def watched(model, pixels: Tensor, **options) -> Tensor:
        seen.append((len(pixels), torch.is_grad_enabled()))
        return real(model, pixels, **options)

    monkeypatch.setattr(train.step, "image_vectors", watched)
    add_gradients(_fresh(run), step, micro_batch=6, bfloat16=False, workers=Alone())
    assert seen == [(6, False), (6, False), (3, False), (6, True), (6, True), (3, True)]
    seen.clear()
    add_gradients(_fresh(run), step, micro_batch=ROWS, bfloat16=False, workers=Alone())
    assert seen == [(ROWS, True)], "what fits is encoded once"


class Desk:
    """Where workers that are threads of one process meet."""

    def __init__(self, count: int) -> None:
        self.barrier = threading.Barrier(count, timeout=60)
        self.said: list = [None] * count


class Thread:
    """A worker that is a thread."""

    def __init__(self, rank: int, desk: Desk) -> None:
        self.rank, self.count, self._desk = rank, len(desk.said), desk

    def _exchanged(self, word) -> list:
        self._desk.said[self.rank] = word
        self._desk.barrier.wait()
        heard = list(self._desk.said)
        self._desk.barrier.wait()
        return heard

    def gather(self, own: Tensor, count: int, /) -> Tensor:
        together = torch.cat(self._exchanged(own.clone()))
        assert len(together) == count
        return together

    def add(self, tensors: Sequence[Tensor], /) -> None:
        for tensor, *parts in zip(tensors, *self._exchanged([one.clone() for one in tensors]), strict=True):
            tensor.copy_(torch.stack(parts).sum(dim=0))

    def agreed(self, said: bool, /) -> bool:
        return self._exchanged(said)[0]


def _in_threads(count: int, work) -> list:
    desk = Desk(count)
    with ThreadPoolExecutor(count) as pool:
        return [one.result() for one in [pool.submit(work, Thread(rank, desk)) for rank in range(count)]]


@pytest.mark.parametrize(("count", "micro_batch"), [(2, 0), (3, 4), (17, 0)])
def test_workers_add_up_to_the_gradient_of_one(run: Run, step: Step, count: int, micro_batch: int) -> None:
    whole = _fresh(run)
    expected = add_gradients(whole, step, micro_batch=0, bfloat16=False, workers=Alone())

    def work(worker: Workers) -> tuple[float, dict[str, Tensor]]:
        own = _fresh(run)
        loss = add_gradients(own, step, micro_batch=micro_batch, bfloat16=False, workers=worker)
        return loss, _gradients(own)

    done = _in_threads(count, work)
    for loss, gradients in done:
        assert loss == pytest.approx(expected, abs=1e-5)
        _equal(gradients, _gradients(whole))
        assert all(torch.equal(gradients[name], done[0][1][name]) for name in gradients)


def test_shares_are_even_and_cover_everything() -> None:
    assert [list(share(7, rank=rank, of=3)) for rank in range(3)] == [[0, 1, 2], [3, 4], [5, 6]]
    assert [len(share(2, rank=rank, of=4)) for rank in range(4)] == [1, 1, 0, 0]
    assert [len(share(0, rank=rank, of=2)) for rank in range(2)] == [0, 0]


def test_products_without_a_text_to_be_told_apart_by_teach_nothing(run: Run, step: Step) -> None:
    nothing = dataclasses.replace(
        step.long, products=np.zeros(0, np.int64), texts=[], true_of=np.zeros((0, ROWS), bool)
    )
    silent = dataclasses.replace(step, long=nothing, short=nothing, choices=[], texts=((), ()))
    checkpoint = _fresh(run)
    assert add_gradients(checkpoint, silent, micro_batch=0, bfloat16=False, workers=Alone()) == 0.0


def test_a_batch_that_does_not_fit_says_what_to_set(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments, **options) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(train.step, "image_vectors", full)
    with pytest.raises(Exception, match="set micro_batch to 4"):
        train_step(run, Batch(0, run.corpora[0].training), step=0, share=1.0, workers=Alone())
