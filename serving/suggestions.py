"""What a shopper may be typing: titles and attribute values of a release, by prefix of their words, typos forgiven.

An inverted index over a bounded number of texts: sorted words, and for each the texts that hold it. The words typed
must all be in a text, the last one as far as it was typed. A word that no text begins with is taken for a typo of
those at the least optimal string alignment distance (Boytsov 2011, "Indexing methods for approximate dictionary
searching"): one edit for 3 to 5 letters, two beyond. Texts are folded and split by Arrow, outside Python's lock: this
runs while the release before answers.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from aisle.catalog import Product
from aisle.products import Products
from serving.columns import CategoryColumn, FilterColumn, ListColumn

MAX_TEXTS = 100_000
"""Most texts of one release that are suggested: the most frequent, attribute values before titles."""

MAX_LENGTH = 120
"""Longer texts, in characters, are descriptions and are not suggested."""

MAX_TYPED = 200
"""Longest typed text, in characters."""

_APOSTROPHES = "'\u2019"  # the straight one and the typographer's

_LAST = "\U0010ffff"
"""Sorts behind whatever may follow a prefix."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A text to search for.

    Attributes:
        text: As the catalog spells it.
        attribute: Of which it is a value; None for a title.
        products: How many have it.
    """

    text: str
    attribute: str | None
    products: int


@dataclass(frozen=True, slots=True, eq=False)
class Suggestions:
    """The texts of one release, sorted by their folded form.

    Attributes:
        texts: string `[texts]`, as the catalog spells them.
        folded: string `[texts]`, ascending.
        sources: int64 `[texts]`: place in `names`.
        names: Attributes; None stands for titles.
        all_counts: int64 `[texts]`: products of the release that have it.
        counts: int64 `[texts]`: of these, products that are shown.
        places: int64 `[texts]`: 0 for the text that most products have, and so on.
        words: Every word, ascending.
        starts: int64 `[words + 1]`: where each word's texts start in `holders`.
        holders: int64: texts by word.
    """

    texts: pa.Array
    folded: pa.Array
    sources: NDArray[np.int64]
    names: tuple[str | None, ...]
    all_counts: NDArray[np.int64]
    counts: NDArray[np.int64]
    places: NDArray[np.int64]
    words: Sequence[str]
    starts: NDArray[np.int64]
    holders: NDArray[np.int64]

    def find(self, typed: str, *, k: int) -> tuple[Suggestion, ...]:
        """Texts that go on where the typed one ends.

        Args:
            typed: At most `MAX_TYPED` characters count; blank finds the most frequent texts.
            k: Suggestions wanted.

        Returns:
            Those that begin as typed first, then by number of products. Texts that differ in case, accents or
            punctuation alone come once.
        """
        folded = fold(typed[:MAX_TYPED])
        found = self.counts > 0
        *earlier, last = folded.split() or [""]
        for word in earlier:
            found &= self._holding(word, complete=True)
        if last:
            found &= self._holding(last, complete=False)
        candidates = np.flatnonzero(found)
        begins = slice(_place(self.folded, folded), _place(self.folded, folded + _LAST))
        ranks = self.places[candidates] + len(self.texts)
        ranks[(candidates >= begins.start) & (candidates < begins.stop)] -= len(self.texts)
        most = min(len(candidates), k * len(self.names))  # each text may come once from each source
        best = candidates[np.argpartition(ranks, most - 1)[:most]] if most else candidates
        best = best[np.argsort(ranks[np.searchsorted(candidates, best)])]
        once = {self.folded[text].as_py(): text for text in reversed(best.tolist())}
        chosen = sorted(once.values(), key=best.tolist().index)[:k]
        return tuple(self._suggestion(text) for text in chosen)

    def without(self, products: Sequence[Product]) -> "Suggestions":
        """What there is to suggest when these products are hidden and no others."""
        counts = self.all_counts.copy()
        for source, name in enumerate(self.names):
            mine = np.flatnonzero(self.sources == source)
            values = pa.array([value for product in products for value in _values(product, name)], pa.string())
            found = pc.index_in(values, value_set=self.texts.take(pa.array(mine))).drop_null().to_numpy()
            np.subtract.at(counts, mine[found], 1)
        return replace(self, counts=counts, places=_places(counts))

    def _holding(self, word: str, *, complete: bool) -> NDArray[np.bool_]:
        """Texts that hold a word: bool `[texts]`."""
        first, end = bisect_left(self.words, word), bisect_left(self.words, word + _LAST)
        if complete and first < end and self.words[first] == word:
            end = first + 1
        holding = np.zeros(len(self.texts), dtype=np.bool_)
        holding[self.holders[self.starts[first] : self.starts[end]]] = True
        if first == end:
            for similar in self._similar(word):
                holding[self.holders[self.starts[similar] : self.starts[similar + 1]]] = True
        return holding

    def _similar(self, word: str) -> list[int]:
        """Words that begin nearly so: those at the least distance."""
        allowed = 0 if len(word) < 3 else 1 if len(word) < 6 else 2
        distances: dict[int, float] = {}
        for length in (len(word), len(word) + 1) if allowed else ():  # a letter may be missing
            beginnings = [other[:length] for other in self.words]
            for _, distance, place in process.extract(
                word, beginnings, scorer=OSA.distance, score_cutoff=allowed, limit=None
            ):
                distances[place] = min(distance, distances.get(place, distance))
        return [place for place, distance in distances.items() if distance == min(distances.values())]

    def _suggestion(self, text: int) -> Suggestion:
        return Suggestion(
            text=self.texts[text].as_py(),
            attribute=self.names[self.sources[text]],
            products=int(self.counts[text]),
        )


def collect_suggestions(products: Products, columns: Mapping[str, FilterColumn]) -> Suggestions:
    """Gather the texts of a release."""
    worded = {name: column for name, column in columns.items() if isinstance(column, CategoryColumn | ListColumn)}
    names = (*worded, None)
    titles = pc.value_counts(products.table.column("title"))
    values = [column.facet(name, None, most=MAX_TEXTS).values for name, column in worded.items()]
    texts = pa.concat_arrays(
        [*(pa.array([v.value for v in found], pa.string()) for found in values), titles.field("values")]
    )
    counts = np.concatenate([*([v.count for v in found] for found in values), titles.field("counts").to_numpy()])
    sources = np.repeat(np.arange(len(names)), [*map(len, values), len(titles)])
    folded = fold_all(texts)
    fit = pc.and_(pc.less_equal(pc.utf8_length(texts), MAX_LENGTH), pc.greater(pc.utf8_length(folded), 0))
    kept = np.flatnonzero(fit.to_numpy(zero_copy_only=False))
    kept = kept[np.argsort(-counts[kept], kind="stable")[:MAX_TEXTS]]
    # By folded text, the same ones by source.
    kept = kept[np.argsort(sources[kept], kind="stable")]
    table = pa.table({"folded": folded.take(pa.array(kept)), "place": np.arange(len(kept))})
    kept = kept[pc.sort_indices(table, sort_keys=[("folded", "ascending"), ("place", "ascending")]).to_numpy()]
    counts = counts[kept].astype(np.int64)
    folded = folded.take(pa.array(kept))
    words, starts, holders = _invert(folded)
    return Suggestions(
        texts=texts.take(pa.array(kept)),
        folded=folded,
        sources=sources[kept],
        names=names,
        all_counts=counts,
        counts=counts,
        places=_places(counts),
        words=words,
        starts=starts,
        holders=holders,
    )


def fold(text: str) -> str:
    """Without accents, apostrophes and case; words of letters and digits, one space apart."""
    plain = unicodedata.normalize("NFKD", text)
    kept = (" " if unicodedata.category(char)[0] not in "LN" else char.lower() for char in plain if not _drops(char))
    return " ".join("".join(kept).split())


def fold_all(texts: pa.Array) -> pa.Array:
    """`fold` of many texts. Of one it would take milliseconds: the classes of Unicode make large expressions."""
    plain = pc.replace_substring_regex(
        pc.utf8_normalize(texts, form="NFKD"), pattern=rf"[\p{{M}}{_APOSTROPHES}]+", replacement=""
    )
    spaced = pc.replace_substring_regex(pc.utf8_lower(plain), pattern=r"[^\p{L}\p{N}]+", replacement=" ")
    return pc.utf8_trim_whitespace(spaced)


def _drops(char: str) -> bool:
    return char in _APOSTROPHES or unicodedata.category(char)[0] == "M"


def _invert(folded: pa.Array) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    lists = pc.split_pattern(folded, " ")
    encoded = pc.list_flatten(lists).dictionary_encode()
    by_name = pc.sort_indices(encoded.dictionary).to_numpy()
    code_of = np.empty(len(by_name), dtype=np.int64)
    code_of[by_name] = np.arange(len(by_name))
    codes, owners = code_of[encoded.indices.to_numpy()], pc.list_parent_indices(lists).to_numpy()
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(by_name) + 1))
    return encoded.dictionary.take(pa.array(by_name)).to_pylist(), starts, owners[order].astype(np.int64)


def _places(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    places = np.empty(len(counts), dtype=np.int64)
    places[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return places


def _place(texts: pa.Array, text: str) -> int:
    """Of the first text that is not less."""
    return bisect_left(range(len(texts)), text, key=lambda place: texts[place].as_py())


def _values(product: Product, name: str | None) -> set[str]:
    value = product.title if name is None else product.attributes[name]
    if isinstance(value, list):
        return set(value)
    return {value} if isinstance(value, str) else set()
