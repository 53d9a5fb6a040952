"""A request whose time is up while it waits is never computed."""

import threading

import pytest


@pytest.mark.parametrize("stage", ["texts", "pictures"])
def test_what_waits_too_long_is_not_encoded(release, start, monkeypatch, make_picture, stage):
    import base64

    release()
    gate, begun, encoded = threading.Event(), threading.Event(), []
    with start(timeout_seconds=0.4, batches_in_flight=1, decode_workers=1) as client:
        encoder = client.app.state.service.watcher.snapshot.encoder
        name = "encode_texts" if stage == "texts" else "encode_images"
        encode = getattr(encoder, name)

        def slow(batch):
            encoded.append(len(batch))
            begun.set()
            assert gate.wait(10)
            return encode(batch)

        monkeypatch.setattr(encoder, name, slow)

        def body(number: int) -> dict[str, object]:
            if stage == "texts":
                return {"text": f"shirt {number}"}
            return {"image": base64.b64encode(make_picture((number, 0, 0))).decode()}

        statuses = []
        asking = [
            threading.Thread(target=lambda n=n: statuses.append(client.post("/search", json=body(n)).status_code))
            for n in range(4)
        ]
        asking[0].start()
        assert begun.wait(10)
        for thread in asking[1:]:
            thread.start()
        for thread in asking:
            thread.join()
        assert statuses == [504] * 4
        gate.set()
        assert client.post("/search", json=body(9)).status_code == 200
    assert encoded == [1, 1]  # the first and the last: the three that waited were dropped from the queue
