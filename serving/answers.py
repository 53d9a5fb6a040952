"""Answers as JSON bytes, written by hand: a response model would be checked again on every request."""

import json
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

import numpy as np

from aisle.catalog import Product
from aisle.manifest import AttributeType
from serving.filters import BooleanColumn, NumberColumn
from serving.query import Answer
from serving.snapshot import Snapshot
from serving.watcher import Refused


def image_url(product_id: str) -> str:
    """Path of a product's thumbnail, relative to the service's root."""
    return f"/images/{quote(product_id, safe='')}"


def to_json(value: object) -> bytes:
    """Compact UTF-8 JSON; a lone surrogate, which UTF-8 cannot carry, becomes a question mark."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


def answer_json(answer: Answer) -> bytes:
    """Body of a search's response."""
    return to_json(
        {
            "release": answer.release,
            "hits": [
                {
                    "id": hit.id,
                    "score": None if hit.score is None else round(hit.score, 6),
                    "title": hit.title,
                    "image_url": image_url(hit.id) if hit.pictured else None,
                    "attributes": hit.attributes,
                }
                for hit in answer.hits
            ],
            "matches": answer.matches,
            "milliseconds": {stage: round(spent, 3) for stage, spent in asdict(answer.milliseconds).items()},
        }
    )


def product_json(product: Product, *, pictured: bool) -> bytes:
    """Body of a product's response."""
    return to_json(
        {
            "id": product.id,
            "title": product.title,
            "text": product.text,
            "image_url": image_url(product.id) if pictured else None,
            "attributes": product.attributes,
        }
    )


def describe_release(snapshot: Snapshot) -> dict[str, Any]:
    """Everything about a release that does not change while it is live; costs a pass over its attributes."""
    manifest, model = snapshot.manifest, snapshot.encoder.manifest
    return {
        "release": manifest.id,
        "created": manifest.created,
        "products": manifest.products,
        "rejected": manifest.rejected,
        "model": {"name": manifest.model_name, "fingerprint": model.fingerprint, "precision": model.precision},
        "index": asdict(manifest.index),
        "recall": manifest.recall,
        "weights": {kind: asdict(halves) for kind, halves in manifest.weights.items()},
        "provider": snapshot.encoder.provider,
        "attributes": [_attribute(snapshot, name, kind) for name, kind in manifest.attributes.items()],
    }


def release_json(description: dict[str, Any], *, refused: Refused | None) -> bytes:
    """Body of the release's response."""
    return to_json({**description, "refused": None if refused is None else asdict(refused)})


def _attribute(snapshot: Snapshot, name: str, kind: AttributeType) -> dict[str, Any]:
    summary: dict[str, Any] = {"name": name, "type": kind}
    column = snapshot.columns[name]
    if isinstance(column, NumberColumn):
        known = column.values[~np.isnan(column.values)]
        summary |= {"minimum": float(known.min()), "maximum": float(known.max())} if len(known) else {}
        summary = {"minimum": None, "maximum": None} | summary
    elif isinstance(column, BooleanColumn):
        summary |= {"true": int((column.values == 1).sum()), "false": int((column.values == 0).sum())}
    else:
        counts = snapshot.products.value_counts(name)
        summary["values"] = [{"value": value, "count": count} for value, count in counts]
    return summary
