from dataclasses import replace

import pytest

from aisle.errors import SettingsError
from aisle.settings import Settings
from serving.keys import read_keys

LONG = "0123456789abcdef"


def keys(*entries: str, file=None):
    settings = replace(Settings(), api_keys=entries)
    return read_keys(settings if file is None else replace(settings, api_key_file=file))


def test_there_are_none_unless_set():
    assert not keys()
    assert keys().name_of("") is None


def test_names(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"# of 2026\n\n cron = {LONG}x=y \npage={LONG}äöü\n", encoding="utf-8")
    read = keys(f"shop={LONG}", file=path)
    assert read
    assert {
        name: read.name_of(key) for name, key in (("shop", LONG), ("cron", f"{LONG}x=y"), ("page", f"{LONG}äöü"))
    } == {
        "shop": "shop",
        "cron": "cron",
        "page": "page",
    }
    assert read.name_of(LONG[:-1]) is None
    assert read.name_of("\ud800" * 16) is None
    assert LONG not in repr(read)
    assert LONG not in repr(replace(Settings(), api_keys=(f"shop={LONG}",)))


def test_every_key_is_compared(monkeypatch):
    """Whichever it is, and whether it is one: the time says nothing."""
    from serving import keys as module

    read = keys(f"a={LONG}a", f"b={LONG}b", f"c={LONG}c")
    compared, compare = [], module.hmac.compare_digest
    monkeypatch.setattr(module.hmac, "compare_digest", lambda *pair: compared.append(pair) or compare(*pair))
    for key in (f"{LONG}a", f"{LONG}c", "x"):
        compared.clear()
        read.name_of(key)
        assert len(compared) == 3
        assert {len(side) for pair in compared for side in pair} == {32}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (["secret-without-name"], "entry 1"),
        ([f"a={LONG}", "=x"], "entry 2"),
        (["a="], "entry 1"),
        ([f"a={LONG}", f"a={LONG}2"], "second key named 'a'"),
        (["a=too-short"], "'a' has 9 characters"),
    ],
)
def test_unusable_entries(entries, said):
    with pytest.raises(SettingsError, match=f"AISLE_API_KEYS.*{said}") as raised:
        keys(*entries)
    assert "secret" not in str(raised.value)
    assert "too-short" not in str(raised.value)


def test_unusable_files(tmp_path):
    with pytest.raises(SettingsError, match=r"AISLE_API_KEY_FILE.*nowhere.*cannot be read"):
        keys(file=tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.write_text("# nothing yet\n")
    with pytest.raises(SettingsError, match="holds no key"):
        keys(file=empty)
    twice = tmp_path / "twice"
    twice.write_text(f"shop={LONG}\n")
    with pytest.raises(SettingsError, match="second key named 'shop'"):
        keys(f"shop={LONG}", file=twice)
