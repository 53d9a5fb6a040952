"""Where an index is built: lists are learnt and looked for on GPUs where FAISS can use some, and kept on the CPU.

`faiss-gpu` and `faiss-cpu` are wheels of one module: the second one counts no GPUs.
"""

from typing import Any

import faiss

from aisle.errors import ProviderUnavailable
from aisle.machine import Provider


def index_device(asked: Provider) -> Provider:
    """Where this process builds: `cpu` or `cuda`.

    Args:
        asked: What was asked for; `auto` takes the GPUs that FAISS sees.

    Raises:
        ProviderUnavailable: `cuda` was asked for and FAISS sees no GPU.
    """
    gpus = faiss.get_num_gpus()
    if asked is Provider.CUDA and not gpus:
        raise ProviderUnavailable(
            "FAISS sees no GPU here for the index: install aisle[gpu] in place of aisle[cpu] on a machine with one, or "
            "choose --index-device cpu"
        )
    return Provider.CUDA if gpus and asked is not Provider.CPU else Provider.CPU


def on_gpus(index: Any) -> Any:
    """A copy of a flat index on every GPU; batches are shared out among them."""
    return faiss.index_cpu_to_all_gpus(index)
