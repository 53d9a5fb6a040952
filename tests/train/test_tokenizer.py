"""The tokenizer reads lower case, knows every byte, and ends where the model pools."""

from train.tokenizer import train_tokenizer

TEXTS = ["Red Striped Shirt", "Blue T-Shirt for Men", "Crème brûlée scarf"]


def test_texts_are_wrapped_and_lower_cased() -> None:
    tokenizer = train_tokenizer(TEXTS, vocabulary=320, max_length=16)
    ids = tokenizer("RED shirt")["input_ids"]
    assert ids == tokenizer("red SHIRT")["input_ids"]
    assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert tokenizer.eos_token_id == len(tokenizer) - 1  # the highest: both of CLIP's ways to pool find it
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == "red shirt"


def test_a_hyphen_hides_no_word() -> None:
    tokenizer = train_tokenizer(TEXTS, vocabulary=320, max_length=16)
    assert tokenizer("t-shirt")["input_ids"] == tokenizer("t shirt")["input_ids"]


def test_unseen_scripts_are_spelled_in_bytes() -> None:
    tokenizer = train_tokenizer(TEXTS, vocabulary=320, max_length=64)
    for text in ("中文", "emoji 🧦", "ñandú"):
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True).strip() == text


def test_vocabulary_is_as_large_as_asked() -> None:
    words = [f"{a}{b}{c}" for a in "bcdfg" for b in "aeiou" for c in "lmnpr"] * 3
    assert len(train_tokenizer(words, vocabulary=330, max_length=8)) == 330
