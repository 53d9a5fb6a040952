import numpy as np

from serving.text_cache import TextCache


def vector(value):
    return np.full(4, value, dtype=np.float32)


def test_what_was_used_longest_ago_goes_first():
    cache = TextCache(most=2)
    cache.put("model", "a", vector(1))
    cache.put("model", "b", vector(2))
    assert cache.get("model", "a")[0] == 1
    cache.put("model", "c", vector(3))
    assert cache.get("model", "b") is None
    assert [cache.get("model", text)[0] for text in "ac"] == [1, 3]
    cache.put("model", "a", vector(4))
    assert (len(cache), cache.get("model", "a")[0]) == (2, 4)


def test_each_model_has_its_own():
    cache = TextCache()
    cache.put("old", "red", vector(1))
    assert cache.get("new", "red") is None


def test_a_row_does_not_keep_its_whole_batch():
    batch = np.ones((32, 4), dtype=np.float32)
    cache = TextCache()
    cache.put("model", "red", batch[3])
    assert cache.get("model", "red").base is None
