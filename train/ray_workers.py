"""Several workers through Ray Train. The only file here that imports Ray.

Ray starts the processes and joins them into torch's process group; everything else is the engine's own. Worker 0's
progress comes to the caller, and the caller's wish to stop goes back, over an actor that both know.
"""

import dataclasses
import logging
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
import ray.train
from ray.train.torch import TorchConfig, TorchTrainer, get_device

from aisle.errors import AisleError, IncompleteRun, SettingsError
from aisle.machine import cpu_quota
from train.begun import begin
from train.loop import Progress, Report, Stop
from train.recipe import Recipe
from train.run import TrainResult, go
from train.workers import Group

_POLL_SECONDS = 0.2
_OBJECT_STORE_BYTES = 256 * 1024 * 1024
"""Gradients go from worker to worker, pictures lie in files: the store holds next to nothing."""


class _Desk:
    """Where worker 0 and the caller leave word for each other: an actor."""

    def __init__(self) -> None:
        self._progress: list[Progress] = []
        self._stopping = False
        self._result: TrainResult | None = None

    def report(self, now: Progress) -> None:
        self._progress.append(now)

    def take(self) -> list[Progress]:
        taken, self._progress = self._progress, []
        return taken

    def stop(self) -> None:
        self._stopping = True

    def stopping(self) -> bool:
        return self._stopping

    def finish(self, result: TrainResult) -> None:
        self._result = result

    def result(self) -> TrainResult | None:
        return self._result


def train_on_ray(recipe: Recipe, *, output: Path, progress: Report, stop: Stop, gpu: bool) -> TrainResult:
    """Go on with the run in a folder, with as many workers as the recipe says.

    Args:
        recipe: What to do.
        output: The folder, with the run's state and decoded pictures.
        progress: Called after each step, a little later.
        stop: Asked several times a second; True saves and ends.
        gpu: Whether each worker takes a GPU.

    Raises:
        AisleError: What a worker raised.
        IncompleteRun: A worker died.
        SettingsError: Ray cannot be started or has too few GPUs.
    """
    count = recipe.training.workers
    cores = max(1, cpu_quota() // count)
    with _ray(count * cores), tempfile.TemporaryDirectory(prefix="aisle-train-") as storage:
        if gpu and ray.cluster_resources().get("GPU", 0) < count:
            raise SettingsError(f"workers is {count} and each takes a GPU, but there are fewer: choose fewer workers")
        desk: Any = ray.remote(num_cpus=0)(_Desk).remote()
        trainer = TorchTrainer(
            _work,
            train_loop_config={"recipe": _anywhere(recipe), "output": str(output.resolve()), "desk": desk},
            torch_config=TorchConfig(backend="nccl" if gpu else "gloo"),
            scaling_config=ray.train.ScalingConfig(
                num_workers=count, use_gpu=gpu, resources_per_worker={"CPU": cores} | ({"GPU": 1} if gpu else {})
            ),
            run_config=ray.train.RunConfig(name="train", storage_path=storage),
        )
        pool = ThreadPoolExecutor(1)
        try:
            _attend(pool.submit(trainer.fit), desk, progress, stop)
        finally:
            pool.shutdown(wait=False)  # when attending was cut short, Ray's end is what ends the fitting
        result: TrainResult | None = ray.get(desk.result.remote())
    if result is None:
        raise IncompleteRun("the workers ended without a word: resume the run")
    return dataclasses.replace(result, checkpoint=output)


def _attend(fitting: Future[Any], desk: Any, progress: Report, stop: Stop) -> None:
    """Pass word on until the workers are done."""
    done = stopping = False
    while not done:
        done = _ended(fitting)  # asked first, so that nothing that was reported before is missed
        for now in ray.get(desk.take.remote()):
            progress(now)
        if stop() and not stopping:
            stopping = True
            ray.get(desk.stop.remote())
    try:
        fitting.result()
    except ray.train.TrainingFailedError as error:
        raise _cause(error) from error


def _ended(fitting: Future[Any]) -> bool:
    try:
        fitting.exception(timeout=_POLL_SECONDS)
    except TimeoutError:
        return False
    return True


def _cause(error: Exception) -> AisleError:
    """What the workers raised, where it is one of ours: the first cause, not the broken connections that follow it."""
    for failure in getattr(error, "worker_failures", {}).values():
        raised = getattr(failure, "_base_exc", failure)
        if isinstance(raised, AisleError):
            return raised
    reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
    return IncompleteRun(f"a worker died ({reason.strip()}): resume the run")


def _work(config: dict[str, Any]) -> None:
    """One worker, from its own reading of the catalogs to the end."""
    device = get_device()
    begun = begin(config["recipe"], output=Path(config["output"]), resume=True, device=device)
    desk = config["desk"]
    workers = Group(device)
    result = go(
        begun,
        workers=workers,
        progress=lambda now: ray.get(desk.report.remote(now)),
        stop=lambda: bool(ray.get(desk.stopping.remote())),
    )
    if workers.rank == 0:
        ray.get(desk.finish.remote(result))


def _anywhere(recipe: Recipe) -> Recipe:
    """The recipe with local catalogs by their whole path: workers have another working folder."""
    places = {catalog.name: catalog.location for catalog in recipe.catalogs}
    return recipe.at({name: str(Path(place).resolve()) for name, place in places.items() if Path(place).exists()})


@contextmanager
def _ray(cores: int) -> Iterator[None]:
    """Ray on this machine; a process that runs it already is used as it is."""
    if ray.is_initialized():
        yield
        return
    # Read when Ray starts: work at full priority, report to nobody, keep the caller's folder, notice an end soon.
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
    os.environ.setdefault("RAY_TRAIN_METRICS_ENABLED", "0")
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")
    os.environ.setdefault("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", "600")
    try:
        ray.init(
            address="local",
            num_cpus=cores,
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise SettingsError(
            f"cannot start Ray on this machine ({str(error).splitlines()[0]}); set workers to 1"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()
