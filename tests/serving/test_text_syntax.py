"""What counts as a minus, and what does not."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serving.text_syntax import TypedText, read_text


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("dress -floral", "dress", ["floral"]),
        ("-floral dress -striped", "dress", ["floral", "striped"]),
        ("-floral", "", ["floral"]),
        ("dress -floral -floral", "dress", ["floral"]),
        ("dress -floral, with pockets", "dress with pockets", ["floral"]),
        ("dress -v-neck", "dress", ["v-neck"]),
        ("kleid -grün -花柄", "kleid", ["grün", "花柄"]),
        ("dress\n-floral\tred", "dress red", ["floral"]),
        # several words, with straight quotes and with those of a phone
        ('dress -"long  sleeves" red', "dress red", ["long sleeves"]),
        ("dress -“long sleeves”", "dress", ["long sleeves"]),
        ('-"t-shirt"', "", ["t-shirt"]),
        # hyphens inside and after words
        ("t-shirt", "t-shirt", []),
        ("off-white t-shirt", "off-white t-shirt", []),
        ("mid- and full-length", "mid- and full-length", []),
        # numbers
        ("jacket -5 degrees", "jacket -5 degrees", []),
        ("-20% shoes -3d", "-20% shoes -3d", []),
        # minuses on their own, and several
        ("dress - floral", "dress - floral", []),
        ("-", "-", []),
        ("--floral ---", "--floral ---", []),
        ("-_x -(red)", "-_x -(red)", []),
        # quotes protect, and disappear
        ('"-floral" dress', "-floral dress", []),
        ('"red dress"', "red dress", []),
        ("“red dress” shoes", "red dress shoes", []),
        # quotes that are text
        ('27" screen', '27" screen', []),
        ('5\'11" x 3"', '5\'11" x 3"', []),
        ('"red dress', '"red dress', []),
        ('dress -"long sleeves', 'dress -"long sleeves', []),
        ('-"red"dish', '-"red"dish', []),
        ('""', '""', []),
        # nothing
        ("", "", []),
        ("   ", "", []),
        ('dress -"   "', "dress", []),
    ],
)
def test_what_is_typed(text, wanted, unwanted):
    assert read_text(text) == TypedText(wanted=wanted, unwanted=tuple(unwanted))


@given(st.text(st.characters(blacklist_characters='"“”', blacklist_categories=["Cs"]), max_size=60))
@example("a -b")
def test_without_a_minus_before_a_letter_nothing_changes(text):
    words = text.split()
    if any(len(word) > 1 and word[0] == "-" and word[1].isalpha() for word in words):
        assert read_text(text).unwanted
    else:
        assert read_text(text).unwanted == ()
        assert read_text(text).wanted.split() == words


@given(st.text(string.ascii_letters + '-"“” ', max_size=60))
def test_no_letter_is_lost_or_invented(text):
    typed = read_text(text)

    def letters(texts):
        return {letter for letter in "".join(texts) if letter.isalpha()}

    assert letters([typed.wanted, *typed.unwanted]) == letters(text)
