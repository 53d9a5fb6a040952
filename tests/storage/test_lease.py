"""The run lock on an object store: one at a time, whoever looks; the dead are relieved, and must not go on."""

import json
import time
from dataclasses import asdict, replace

import pytest

from aisle.errors import IncompleteRun, StoreUnreachable, WorkspaceBusy
from aisle.layout import Layout
from aisle.objects import ObjectStore
from batch.lock import hold
from batch.lock_owner import me


def _somebody_far_away(layout: Layout) -> str:
    """Write a lease of another machine's process; its tag."""
    owner = replace(me("reindexing"), host="far-away", machine="another kernel", pid=4711)
    tag = layout.store.put(layout.lock.name, json.dumps({"owner": asdict(owner), "beats": 0}).encode(), replacing=None)
    assert tag is not None
    return tag


def test_the_second_is_refused_and_told_by_whom(layout: Layout, elsewhere: Layout):
    with (
        hold(layout.lock, doing="reindexing", store=layout.store),
        pytest.raises(WorkspaceBusy, match=r"s3://.+ is in use by process \d+ on .+, reindexing since"),
        hold(elsewhere.lock, doing="cleaning up", store=elsewhere.store),
    ):
        pass
    with hold(elsewhere.lock, doing="cleaning up", store=elsewhere.store):
        pass  # free again
    assert layout.store.get(layout.lock.name) is None


def test_an_owner_elsewhere_lives_while_its_lease_is_fresh(layout: Layout):
    _somebody_far_away(layout)
    with (
        pytest.raises(WorkspaceBusy, match=r"process 4711 on far-away.*dead after 120 s"),
        hold(layout.lock, doing="reindexing", store=layout.store),
    ):
        pass


def test_an_owner_elsewhere_that_gives_no_sign_is_relieved(layout: Layout):
    _somebody_far_away(layout)
    with hold(layout.lock, doing="reindexing", store=layout.store, wait=30.0, expiry=1.0, beat=0.2) as lease:
        found = layout.store.get(layout.lock.name)
        assert found is not None
        assert json.loads(found.data)["owner"]["token"] == lease.owner.token


def test_signs_of_life_are_given(layout: Layout):
    with hold(layout.lock, doing="reindexing", store=layout.store, beat=0.05):
        first = layout.store.get(layout.lock.name)
        end = time.monotonic() + 20
        while layout.store.get(layout.lock.name).tag == first.tag:
            assert time.monotonic() < end, "no sign of life"
            time.sleep(0.02)


def test_who_was_relieved_must_not_go_on(layout: Layout):
    with hold(layout.lock, doing="reindexing", store=layout.store) as lease:
        lease.check()
        layout.store.remove([layout.lock.name])
        taken_over = _somebody_far_away(layout)
        with pytest.raises(IncompleteRun, match=r"lost .+; nothing was published"):
            lease.check()
    assert layout.store.get(layout.lock.name).tag == taken_over, "what is another's is left alone"


def test_a_dead_owner_on_this_machine_is_relieved_at_once(layout: Layout):
    owner = replace(me("reindexing"), born=1)  # a process of this number lives, and is another one
    layout.store.put(layout.lock.name, json.dumps({"owner": asdict(owner), "beats": 0}).encode(), replacing=None)
    with hold(layout.lock, doing="reindexing", store=layout.store) as lease:
        lease.check()


def test_a_sign_of_life_whose_answer_was_lost_is_one(layout: Layout, monkeypatch: pytest.MonkeyPatch):
    """The store took it and its answer never came: the owner has another tag than it knows of, and is the owner."""
    put = type(layout.store).put

    def lost(self: ObjectStore, name: str, data: bytes, *, replacing: str | None) -> str | None:
        put(self, name, data, replacing=replacing)
        raise StoreUnreachable("no answer")

    with hold(layout.lock, doing="reindexing", store=layout.store) as lease:
        with monkeypatch.context() as patched:
            patched.setattr(type(layout.store), "put", lost)
            lease.check()
        lease.check()
        lease.check()
    assert layout.store.get(layout.lock.name) is None, "and it lets go in the end"
