"""`aisle export`: a checkpoint becomes a model bundle, in the fastest precision that passes the parity gate."""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import aisle
from aisle.encoder import OnnxEncoder, resolve_provider
from aisle.errors import ModelError, ParityError
from aisle.files import sync_folder
from aisle.layout import PREPROCESS, TOKENIZER, Layout
from aisle.machine import Provider, cpu_quota
from aisle.manifest import (
    MODEL_FILES,
    ModelManifest,
    Precision,
    load_model_manifest,
    model_fingerprint,
    record_files,
    save_model_manifest,
)
from aisle.mirror import push_model
from aisle.preprocess import Preprocess, save_preprocess
from export.checkpoint import FAMILY, Checkpoint, open_checkpoint
from export.freeze import freeze_preprocess, freeze_tokenizer
from export.graphs import Say, parameter_bytes, silent, write_graphs
from export.parity import GATES, ParityFigures, candidate_vectors, compare, prepare_pictures, reference_vectors
from export.request import CHECKPOINT, REQUEST, checkpoint_key, made_before, request_key
from export.sample import ParitySample, drawn_sample
from export.speed import Speed, measure_speed

CANDIDATES = {
    Provider.CPU: (Precision.INT8, Precision.FLOAT32),
    Provider.CUDA: (Precision.FLOAT16, Precision.FLOAT32),
}

WORTHWHILE = 1.15
"""How many times float32's speed a lower precision must reach: less is not worth any loss, and for a model so small
that precision hardly matters it would let noise decide."""

ABANDONED_SECONDS = 24 * 3600
"""Age of an unfinished export's folder at which it is taken for a dead one's."""

_TEMPORARY = ".export.tmp-"


@dataclass(frozen=True, slots=True)
class ParityRow:
    """One candidate in the parity table.

    Attributes:
        precision: Of its graphs.
        figures: Against the checkpoint.
        speed: On this machine.
        shortfalls: What it failed; empty when it passed.
    """

    precision: Precision
    figures: ParityFigures
    speed: Speed
    shortfalls: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every figure reaches the gate."""
        return not self.shortfalls


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export left in the workspace.

    Attributes:
        folder: The bundle.
        manifest: Its `model.json`.
        rows: The parity table, in the order the candidates were considered.
        reused: The same bundle was there already, whole, and was kept.
    """

    folder: Path
    manifest: ModelManifest
    rows: tuple[ParityRow, ...]
    reused: bool


def export_checkpoint(
    model: str,
    *,
    layout: Layout,
    precision: Precision | None = None,
    sample: ParitySample | None = None,
    provider: Provider = Provider.AUTO,
    any_comparison: bool = False,
    say: Say = silent,
) -> ExportResult:
    """Export a CLIP checkpoint into `models/<fingerprint>` of a workspace.

    What an equal request made before, from an equal checkpoint with the same libraries, is kept and not made again.

    Args:
        model: A hub id or a local folder.
        layout: The workspace.
        precision: Forces one; None takes the fastest candidate that passes.
        sample: What the candidates are compared on; drawn pictures and texts when None.
        provider: Where the bundle will run, which decides the candidates.
        any_comparison: Take what an equal checkpoint was exported to before, whatever it was compared on then and
            whichever precision was forced. A catalog's sample changes with every product.
        say: Told what is being done, a line at a time.

    Raises:
        ModelError: The checkpoint cannot be used, or the disk is too small.
        ParityError: The forced precision, or every candidate, fails the gate; the message has the figures.
        ProviderUnavailable: `provider` is not to be had here.
    """
    runs_on = resolve_provider(provider)
    say(f"opening {model}")
    checkpoint = open_checkpoint(model)
    preprocess = freeze_preprocess(checkpoint)
    layout.models.mkdir(parents=True, exist_ok=True)
    _sweep(layout.models)
    given = sample or drawn_sample()
    made_of = checkpoint_key(checkpoint.folder, provider=runs_on, versions=_versions())
    asked = request_key(made_of, precision=precision, sample=given)
    keys = {CHECKPOINT: made_of, REQUEST: asked}
    settled = CHECKPOINT if any_comparison else REQUEST
    if found := made_before(layout.models, settled, keys[settled]):
        folder, manifest = found
        push_model(layout, folder)
        say(f"the same checkpoint was exported before, as {manifest.precision}: {manifest.fingerprint} is kept")
        return ExportResult(folder=folder, manifest=manifest, rows=_recorded_rows(manifest), reused=True)
    candidates = (precision,) if precision else CANDIDATES[runs_on]
    _check_space(layout.models, checkpoint, candidates=len(candidates))
    with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=layout.models) as temporary:
        folders = _write_candidates(checkpoint, preprocess, candidates, Path(temporary), say)
        say(f"comparing with the checkpoint on {len(given.images)} pictures and {len(given.texts)} texts")
        rows = _compare(checkpoint, preprocess, folders, sample=given, provider=runs_on)
        chosen = _choose(checkpoint.name, rows, forced=precision is not None)
        parity = _record(rows, chosen, sample=given, provider=runs_on, forced=precision is not None) | keys
        manifest = replace(load_model_manifest(folders[chosen.precision], verify=False), parity=parity)
        save_model_manifest(manifest, folders[chosen.precision])
        folder, reused = _settle(folders[chosen.precision], layout, manifest)
    push_model(layout, folder)
    say(f"{chosen.precision} bundle {manifest.fingerprint} {'was there already' if reused else 'written'}")
    return ExportResult(folder=folder, manifest=load_model_manifest(folder), rows=rows, reused=reused)


def _sweep(models: Path) -> None:
    """Remove what killed exports left; a folder that is younger may belong to one that still runs."""
    for folder in models.glob(f"{_TEMPORARY}*"):
        if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _check_space(models: Path, checkpoint: Checkpoint, *, candidates: int) -> None:
    needed = parameter_bytes(checkpoint.model) * (candidates + 1)  # the quantiser keeps a copy while it works
    free = shutil.disk_usage(models).free
    if free < needed:
        raise ModelError(
            f"exporting {checkpoint.name} needs {needed:,} bytes in {models} and {free:,} are free: make room, or use "
            "another workspace"
        )


def _write_candidates(
    checkpoint: Checkpoint,
    preprocess: Preprocess,
    candidates: tuple[Precision, ...],
    temporary: Path,
    say: Say,
) -> dict[Precision, Path]:
    """A whole bundle per candidate, with a manifest that knows no parity yet."""
    folders: dict[Precision, Path] = {}
    for precision in sorted(candidates, key=lambda one: one is not Precision.FLOAT32):  # int8 is made of float32
        folder = temporary / precision
        folder.mkdir()
        write_graphs(checkpoint, folder, precision=precision, say=say, float32=folders.get(Precision.FLOAT32))
        freeze_tokenizer(checkpoint, preprocess, folder / TOKENIZER)
        save_preprocess(preprocess, folder / PREPROCESS)
        save_model_manifest(_manifest(checkpoint, preprocess, precision, folder), folder)
        folders[precision] = folder
    return {precision: folders[precision] for precision in candidates}


def _manifest(checkpoint: Checkpoint, preprocess: Preprocess, precision: Precision, folder: Path) -> ModelManifest:
    records = record_files(folder, MODEL_FILES)
    return ModelManifest(
        name=checkpoint.name,
        family=FAMILY,
        precision=precision,
        dimension=checkpoint.model.config.projection_dim,
        image_size=preprocess.crop,
        max_length=preprocess.max_length,
        fingerprint=model_fingerprint(records),
        files=records,
        versions=_versions(),
    )


def _versions() -> dict[str, str]:
    found = {"aisle": aisle.__version__}
    for name in ("torch", "transformers", "optimum-onnx", "onnx", "onnxruntime", "onnxruntime-gpu"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # of onnxruntime's two wheels only one is installed
    return found


def _compare(
    checkpoint: Checkpoint,
    preprocess: Preprocess,
    folders: Mapping[Precision, Path],
    *,
    sample: ParitySample,
    provider: Provider,
) -> tuple[ParityRow, ...]:
    reference = reference_vectors(checkpoint, sample)
    pixels = prepare_pictures(sample.images, preprocess)
    encoders = {
        precision: OnnxEncoder(folder, provider=provider, threads=cpu_quota(), verify=False)
        for precision, folder in folders.items()
    }
    speeds = measure_speed(encoders, pixels, sample.texts)
    rows = []
    for precision, encoder in encoders.items():
        figures = compare(candidate_vectors(encoder, pixels, sample.texts), reference)
        rows.append(ParityRow(precision, figures, speeds[precision], figures.shortfalls(GATES[precision])))
    return tuple(rows)


def _choose(name: str, rows: tuple[ParityRow, ...], *, forced: bool) -> ParityRow:
    passed = [row for row in rows if row.passed]
    if not passed:
        found = "; ".join(f"{row.precision}: {', '.join(row.shortfalls)}" for row in rows)
        way_out = "choose another precision, or none" if forced else "report this checkpoint, it should not happen"
        raise ParityError(f"{name} does not pass the parity gate as {found}: {way_out}")
    full = next((row for row in passed if row.precision is Precision.FLOAT32), None)
    fastest = max(passed, key=lambda row: row.speed.images_per_s)
    if full is not None and fastest.speed.images_per_s < WORTHWHILE * full.speed.images_per_s:
        return full
    return fastest


def _record(
    rows: tuple[ParityRow, ...], chosen: ParityRow, *, sample: ParitySample, provider: Provider, forced: bool
) -> dict[str, Any]:
    """`parity` of `model.json`."""
    return {
        "chosen": chosen.precision,
        "forced": forced,
        "provider": provider,
        "threads": cpu_quota(),
        "sample": {"source": sample.source, "images": len(sample.images), "texts": len(sample.texts)},
        "candidates": {
            row.precision: {
                **{name: round(value, 6) for name, value in asdict(row.figures).items()},
                **{name: round(value, 1) for name, value in asdict(row.speed).items()},
                "passed": row.passed,
                "gate": asdict(GATES[row.precision]),
            }
            for row in rows
        },
    }


def _recorded_rows(manifest: ModelManifest) -> tuple[ParityRow, ...]:
    """The parity table that `_record` wrote."""
    rows = []
    for name, found in manifest.parity["candidates"].items():
        precision = Precision(name)
        figures = ParityFigures(**{field.name: found[field.name] for field in fields(ParityFigures)})
        speed = Speed(**{field.name: found[field.name] for field in fields(Speed)})
        rows.append(ParityRow(precision, figures, speed, figures.shortfalls(GATES[precision])))
    return tuple(rows)


def _settle(bundle: Path, layout: Layout, manifest: ModelManifest) -> tuple[Path, bool]:
    """Move a finished bundle into place; the same one that is already there, whole, is kept.

    It then gets this export's manifest: a request that it does not record would be answered by the same work for ever.

    Returns:
        Its final folder, and whether it was there already.
    """
    target = layout.model(manifest.fingerprint)
    if target.exists():
        try:
            load_model_manifest(target)
            save_model_manifest(manifest, target)
            return target, True
        except ModelError:
            target.rename(bundle.with_name("damaged"))  # goes with the temporary folder
    for name in MODEL_FILES:
        with (bundle / name).open("rb") as stream:
            os.fsync(stream.fileno())
    sync_folder(bundle)
    bundle.rename(target)
    sync_folder(layout.models)
    return target, False
