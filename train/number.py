"""English singular and plural by rule: catalogs say "Shirts", shoppers say "shirt", and the other way round."""

_ALIKE = ("jeans", "trousers", "sunglasses", "shorts", "leggings", "pants", "glasses", "tights", "briefs", "boxers")
"""Ends of words that have a plural only."""

_IRREGULAR = {"scarf": "scarves", "watch": "watches", "clutch": "clutches", "shelf": "shelves", "man": "men"}
_REGULAR = {plural: singular for singular, plural in _IRREGULAR.items()}


def other_number(noun: str) -> str:
    """The plural of a singular, the singular of a plural; only the last word changes.

    Args:
        noun: Lower case, such as "casual shoes"; words with one form only come back as they are.
    """
    head, space, last = noun.rpartition(" ")
    return f"{head}{space}{_other(last)}"


def _other(word: str) -> str:
    if not word or not word[-1].isalpha() or word.endswith(_ALIKE):
        return word
    if word in _IRREGULAR or word in _REGULAR:
        return _IRREGULAR.get(word) or _REGULAR[word]
    if word.endswith("s") and not word.endswith("ss"):
        return _singular(word)
    if word.endswith(("ss", "x", "z", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in set("aeiou"):
        return f"{word[:-1]}ies"
    return f"{word}s"


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("sses", "xes", "zes", "ches", "shes")):
        return word[:-2]
    return word[:-1]
