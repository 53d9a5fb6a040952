"""From requests to queries."""

import asyncio
from collections.abc import Sequence

from aisle.errors import InvalidQuery
from aisle.images import decode_base64
from serving.compact_filters import read_compact
from serving.query import ImagePart, LikePart, Part, Query, QueryLimits, SourceWeights, TextPart, VectorPart
from serving.remote_pictures import RemotePictures
from serving.schemas import (
    ImageSearchForm,
    QueryPart,
    ResultParameters,
    SearchParameters,
    SearchRequest,
    Weights,
)
from serving.snapshot import Snapshot


async def query_of_body(body: SearchRequest, remote: RemotePictures) -> Query:
    """The query of a JSON body.

    Args:
        body: The body.
        remote: Fetches pictures that are named by their address.

    Raises:
        InvalidQuery: It has no meaning for any release.
        InvalidImage: A picture is not base64, or cannot be fetched.
    """
    return Query(
        text=body.text or "",
        image=await read_picture(body.image, remote) if body.weights.image else b"",
        like=_ids(body.like),
        vector=tuple(body.vector or ()),
        weights=_weights(body.weights),
        parts=await _parts(body.parts, remote),
        balance=body.balance,
        k=body.k,
        offset=body.offset,
        filters=body.filters,
        facets=tuple(body.facets),
        fields=None if body.fields is None else tuple(body.fields),
        explain=body.explain,
    )


async def query_of_form(form: ImageSearchForm, image: bytes, remote: RemotePictures) -> Query:
    """The query of a multipart form.

    Args:
        form: The form.
        image: What its file holds.
        remote: As in `query_of_body`.

    Raises:
        InvalidQuery: It has no meaning for any release.
        InvalidImage: A picture among the parts is not base64, or cannot be fetched.
    """
    return Query(
        text=form.text,
        image=image,
        like=tuple(form.like),
        vector=tuple(form.vector),
        weights=_weights(form.weights),
        parts=await _parts(form.parts, remote),
        balance=form.balance,
        k=form.k,
        offset=form.offset,
        filters=form.filters,
        facets=_given(form.facets),
        fields=None if form.fields is None else _given(form.fields),
        explain=form.explain,
    )


def query_of_address(
    parameters: ResultParameters, snapshot: Snapshot, *, limits: QueryLimits, text: str = "", like: Sequence[str] = ()
) -> Query:
    """The query of an address. Its filters need to know what each attribute of the release holds.

    Raises:
        InvalidQuery: It has no meaning for this release.
    """
    if isinstance(parameters, SearchParameters):
        text, like = parameters.q, parameters.like
    return Query(
        text=text,
        like=tuple(like),
        balance=parameters.balance,
        k=parameters.k,
        offset=parameters.offset,
        filters=read_compact(parameters.filter, snapshot.manifest.attributes, limits=limits),
        facets=_given(parameters.facets),
        fields=None if parameters.fields is None else _given(parameters.fields),
        explain=parameters.explain,
    )


async def _parts(parts: Sequence[QueryPart], remote: RemotePictures) -> tuple[Part, ...]:
    """Those with a weight: another is the same as none, even when it could not be read."""
    return tuple([await _part(part, remote) for part in parts if part.weight])


async def _part(part: QueryPart, remote: RemotePictures) -> Part:
    given = [name for name in ("text", "image", "like", "vector") if getattr(part, name) is not None]
    if len(given) != 1:
        raise InvalidQuery(f"a part has {' and '.join(given) or 'nothing'}; it takes one of text, image, like, vector")
    if part.text is not None:
        return TextPart(part.text, part.weight)
    if part.image is not None:
        return ImagePart(await read_picture(part.image, remote), part.weight)
    if part.like is not None:
        return LikePart(_ids(part.like), part.weight)
    return VectorPart(tuple(part.vector or ()), part.weight)


async def read_picture(text: str | None, remote: RemotePictures) -> bytes:
    """Bytes of base64 or of a data URI, read in a thread: a photo takes a while; or of what an address leads to.

    Raises:
        InvalidQuery: Such an address may not be fetched.
        InvalidImage: It cannot be; or the text is no base64.
    """
    if not text:
        return b""
    if text.startswith(("http://", "https://")):
        return await remote.fetch(text)
    data = text.partition(",")[2] if text.startswith("data:") else text
    return await asyncio.to_thread(decode_base64, data)


def _ids(like: str | list[str] | None) -> tuple[str, ...]:
    return (like,) if isinstance(like, str) else tuple(like or ())


def _weights(weights: Weights) -> SourceWeights:
    return SourceWeights(text=weights.text, image=weights.image, like=weights.like, vector=weights.vector)


def _given(names: Sequence[str]) -> tuple[str, ...]:
    """Names of repeated fields, in which one empty value stands for none."""
    return () if list(names) == [""] else tuple(names)
