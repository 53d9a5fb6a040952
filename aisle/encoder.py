"""ONNX Runtime sessions of a model bundle: pictures and texts in, unit vectors out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from aisle.errors import ModelError, ProviderUnavailable, SettingsError
from aisle.layout import IMAGE_GRAPH, PREPROCESS, TEXT_GRAPH, TOKENIZER
from aisle.machine import Provider
from aisle.manifest import ModelManifest, load_model_manifest
from aisle.preprocess import Preprocess, load_preprocess, load_tokenizer, tokenize
from aisle.types import PixelBatch, UnitVectors

_NAMES = {Provider.CPU: "CPUExecutionProvider", Provider.CUDA: "CUDAExecutionProvider"}


def resolve_provider(provider: Provider) -> Provider:
    """Turn `auto` into a provider of this machine and check that a named one exists.

    Raises:
        ProviderUnavailable: The named provider is not part of the installed ONNX Runtime.
    """
    available = onnxruntime.get_available_providers()
    if provider is Provider.AUTO:
        return Provider.CUDA if _NAMES[Provider.CUDA] in available else Provider.CPU
    if _NAMES[provider] not in available:
        raise ProviderUnavailable(
            f"provider {provider} is not available here (ONNX Runtime offers {', '.join(available)}): "
            "install the extra `aisle[gpu]` instead of `aisle[cpu]`, or choose --provider auto"
        )
    return provider


class OnnxEncoder:
    """Both towers of a bundle, each one ONNX Runtime session. Safe to call from several threads.

    Attributes:
        manifest: The bundle's `model.json`.
        preprocess: The rules for what happens outside the graphs.
        provider: Where the graphs really run.
    """

    def __init__(
        self, bundle: Path, *, provider: Provider = Provider.AUTO, threads: int = 1, verify: bool = True
    ) -> None:
        """Open a bundle.

        Args:
            bundle: Folder with the four files and `model.json`.
            provider: Where to run.
            threads: Threads of one call on the CPU, at least 1. Several calls may run at once.
            verify: Hash the files first. Only a process that was handed a verified bundle may skip it.

        Raises:
            ModelError: The bundle cannot be used.
            ProviderUnavailable: `provider` is not to be had here.
            SettingsError: `threads` is below 1.
        """
        if threads < 1:
            raise SettingsError(f"threads is {threads}; an encoder needs at least 1")
        self.manifest: ModelManifest = load_model_manifest(bundle, verify=verify)
        self.preprocess: Preprocess = load_preprocess(bundle / PREPROCESS)
        self._tokenizer = load_tokenizer(bundle / TOKENIZER, self.preprocess)
        self.provider = resolve_provider(provider)
        self._image = _session(bundle / IMAGE_GRAPH, provider=self.provider, threads=threads)
        self._text = _session(bundle / TEXT_GRAPH, provider=self.provider, threads=threads)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.manifest.dimension

    def encode_images(self, pixels: PixelBatch, /) -> UnitVectors:
        """Encode prepared pictures.

        Args:
            pixels: uint8 `[n, size, size, 3]` from `preprocess.prepare_image`.

        Returns:
            float32 `[n, dimension]`, unit rows.

        Raises:
            ValueError: `pixels` has another shape or dtype than the graph's input.
        """
        size = self.manifest.image_size
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (size, size, 3):
            raise ValueError(
                f"pixels are {pixels.dtype} {list(pixels.shape)}; the model takes uint8 [n, {size}, {size}, 3]"
            )
        return self._run(self._image, pixels)

    def encode_texts(self, texts: Sequence[str], /) -> UnitVectors:
        """Encode texts; longer ones than the model reads are truncated.

        Returns:
            float32 `[n, dimension]`, unit rows.
        """
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return self._run(self._text, tokenize(texts, self._tokenizer))

    def count_tokens(self, texts: Sequence[str], /) -> int:
        """Tokens the model reads of these texts together, special ones included, padding not."""
        return sum(sum(encoding.attention_mask) for encoding in self._tokenizer.encode_batch(list(texts)))

    def _run(self, session: onnxruntime.InferenceSession, batch: NDArray[Any]) -> UnitVectors:
        if len(batch) == 0:
            return np.zeros((0, self.dimension), dtype=np.float32)
        (vectors,) = session.run(None, {session.get_inputs()[0].name: batch})
        return cast(UnitVectors, np.asarray(vectors, dtype=np.float32))


def _session(graph: Path, *, provider: Provider, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A waiting thread that spins steals the core from the batch beside it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    wanted = _NAMES[provider]
    try:
        session = onnxruntime.InferenceSession(str(graph), options, providers=[wanted])
    except Exception as error:  # ONNX Runtime's exceptions share no base but Exception
        raise ModelError(f"{graph} cannot be opened by ONNX Runtime: {error}") from error
    if session.get_providers()[0] != wanted:
        raise ProviderUnavailable(
            f"ONNX Runtime could not start {wanted} and fell back to {session.get_providers()[0]}: "
            "check the CUDA and cuDNN libraries, or choose --provider cpu"
        )
    return session
