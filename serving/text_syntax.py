"""What a shopper types: words wanted, and words with a minus in front that are not.

    dress -floral               a dress, but not a floral one
    dress -"long sleeves"       several words after the minus, in quotes
    "-floral" dress             in quotes a minus is only a minus

A minus counts when it opens a word and a letter or a quotation mark follows: `t-shirt`, `off-white`, `-5`, `-20%`, `--`
and a `-` on its own are words like any other. Quotation marks (" or the curly ones a phone types) group words when
they open and close at the edge of a word; they demand nothing literally, and others, as in `27" screen`, are text.
"""

import re
from dataclasses import dataclass

_TERM = re.compile(
    r"""(?<!\S)                                     # at the start of a word:
        (?P<minus>-(?=["“”][^"“”]+["“”](?!\S)|[^\W\d_]))?  # a minus before quoted words or a letter
        (?: ["“”](?P<quoted>[^"“”]+)["“”](?!\S)             # then words in quotes, up to the edge of a word
          | (?P<word>\S+) )""",
    re.VERBOSE,
)
_TRAILING = ".,;:!?"


@dataclass(frozen=True, slots=True)
class TypedText:
    """A search text, read.

    Attributes:
        wanted: What to look for; empty for nothing.
        unwanted: What to turn away from, each as it was typed without minus and quotes.
    """

    wanted: str
    unwanted: tuple[str, ...]


def read_text(text: str) -> TypedText:
    """Tell wanted words from unwanted ones. A text without minus terms and quotes is only trimmed."""
    if "-" not in text and not any(mark in text for mark in '"“”'):
        return TypedText(wanted=text.strip(), unwanted=())
    wanted, unwanted = [], []
    for term in _TERM.finditer(text):
        words = _words(term)
        if term["minus"] and words:
            unwanted.append(words)
        elif words:
            wanted.append(words)
    return TypedText(wanted=" ".join(wanted), unwanted=tuple(dict.fromkeys(unwanted)))


def _words(term: re.Match[str]) -> str:
    if term["quoted"] is not None:
        return " ".join(term["quoted"].split())
    word: str = term["word"]
    return word.rstrip(_TRAILING) if term["minus"] else word
