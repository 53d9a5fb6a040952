"""Answers as JSON bytes, written by hand: a response model would be checked again on every request."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from aisle.catalog import Product
from aisle.manifest import AttributeType
from serving.errors import Failure
from serving.facets import Facet
from serving.query import Answer, Contribution, Hit
from serving.snapshot import Snapshot
from serving.suggestions import Suggestion
from serving.watcher import Refused


def image_url(product_id: str) -> str:
    """Path of a product's thumbnail, relative to the service's root."""
    return f"/images/{quote(product_id, safe='')}"


def to_json(value: object) -> bytes:
    """Compact UTF-8 JSON; a lone surrogate, which UTF-8 cannot carry, becomes a question mark."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


def answer_json(answer: Answer) -> bytes:
    """Body of a search's response."""
    return to_json(_answer(answer))


def batch_json(release: str, outcomes: Sequence[Answer | Failure], *, request_id: str) -> bytes:
    """Body of a batch's response: one answer, or one error, per query."""
    results = [
        _answer(outcome)
        if isinstance(outcome, Answer)
        else {"error": {"code": outcome.code, "message": outcome.message, "request_id": request_id}}
        for outcome in outcomes
    ]
    return to_json({"release": release, "results": results})


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


def suggestions_json(release: str, suggestions: Sequence[Suggestion]) -> bytes:
    """Body of the suggestions' response."""
    return to_json({"release": release, "suggestions": [asdict(suggestion) for suggestion in suggestions]})


def describe_release(snapshot: Snapshot) -> dict[str, Any]:
    """Everything about a snapshot that does not change while it is live; costs a pass over its attributes."""
    manifest, model = snapshot.manifest, snapshot.encoder.manifest
    return {
        "release": manifest.id,
        "created": manifest.created,
        "products": manifest.products,
        "rejected": manifest.rejected,
        "hidden": snapshot.hidden_products,
        "model": {"name": manifest.model_name, "fingerprint": model.fingerprint, "precision": model.precision},
        "index": asdict(manifest.index),
        "recall": manifest.recall,
        "weights": {kind: asdict(halves) for kind, halves in manifest.weights.items()},
        "provider": snapshot.encoder.provider,
        "attributes": [_facet(column.facet(name, snapshot.shown)) for name, column in snapshot.columns.items()],
    }


def release_json(description: dict[str, Any], *, refused: Refused | None, hidden_fault: str | None) -> bytes:
    """Body of the release's response."""
    faults = {"refused": None if refused is None else asdict(refused), "hidden_fault": hidden_fault}
    return to_json(description | faults)


def _answer(answer: Answer) -> dict[str, Any]:
    body: dict[str, Any] = {
        "release": answer.release,
        "hits": [_hit(hit) for hit in answer.hits],
        "matches": answer.matches,
        "milliseconds": {stage: round(spent, 3) for stage, spent in asdict(answer.milliseconds).items()},
    }
    if answer.facets:
        body["facets"] = [_facet(facet) for facet in answer.facets]
    if answer.hints:
        body["hints"] = answer.hints
    return body


def _hit(hit: Hit) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": hit.id,
        "score": None if hit.score is None else round(hit.score, 6),
        "title": hit.title,
        "image_url": image_url(hit.id) if hit.pictured else None,
        "attributes": hit.attributes,
    }
    if hit.explanation is not None:
        body["explanation"] = [_contribution(contribution) for contribution in hit.explanation]
    return body


def _contribution(part: Contribution) -> dict[str, Any]:
    return {
        "kind": part.kind,
        "value": part.value,
        "weight": part.weight,
        "image": round(part.image, 6),
        "text": round(part.text, 6),
    }


def _facet(facet: Facet) -> dict[str, Any]:
    body: dict[str, Any] = {"name": facet.name, "type": facet.type}
    match facet.type:
        case AttributeType.NUMBER:
            return body | {"minimum": facet.minimum, "maximum": facet.maximum}
        case AttributeType.BOOLEAN:
            return body | {"true": facet.true, "false": facet.false}
        case AttributeType.CATEGORY | AttributeType.LIST:
            return body | {"values": [asdict(value) for value in facet.values]}
