"""Ten thousand hostile requests over loopback: no 500, no hang, no growth.

    python benchmarks/fuzz.py --json fuzz.json

A third are schemathesis' (bodies and parameters that fit the OpenAPI, and such that do not, for every operation), the
rest a hostile stranger's: pictures, filters, ids and bodies of hostile.py, as they are and with bytes changed. They go
to a real server with real sockets. Memory is compared after a first round, which fills pools and caches, and at the
end.
"""

import argparse
import contextlib
import http.client
import queue
import random
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import hypothesis
from hostile import Attack, attacks, random_attack
from report import print_bar, print_table, write_json
from servers import Server, aisle, running
from synthetic import write_release

import demo
from aisle.layout import Layout
from aisle.settings import Settings
from serving.errors import TIMEOUT_HEADER

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis

MODEL = Path(demo.__file__).parent / "model"
HANG_SECONDS = 15.0
"""No answer within this is a hang: the service's own limit is 8 s."""

THREADS = 4
GROWTH_MIB = 40.0
"""More than this after the first round is growth: one decoded picture of the largest size is in and out by chance."""

_EXPECTED = frozenset({200, 304, 400, 401, 404, 405, 408, 413, 415, 422, 429})


@dataclass(slots=True)
class Tally:
    """What came back.

    Attributes:
        statuses: How often each.
        faults: What must not be: name of the attack and what happened.
        slowest: Seconds of the slowest answer, and whose.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")

    def add(self, attack: Attack, status: int | str, seconds: float) -> None:
        """Count one answer."""
        self.statuses[str(status)] += 1
        self.slowest = max(self.slowest, (seconds, attack.name))
        states_time = any(name.lower() == TIMEOUT_HEADER.lower() for name, _ in attack.headers)
        if status not in _EXPECTED and not (status == 504 and states_time):  # it was told when it is too late
            self.faults.append(f"{attack.name}: {status}")


def main() -> None:
    """Attack and report."""
    arguments = _arguments()
    generator = random.Random(arguments.seed)
    seeds = list(attacks())
    with tempfile.TemporaryDirectory(prefix="aisle-benchmark-") as name:
        layout = Layout(Path(name))
        write_release(layout, MODEL, products=2000)
        server = aisle(layout, settings=replace(Settings(), max_image_pixels=16_000_000))
        with running(server) as started:
            described = list(_described(server, arguments.requests // 3))
            changed = [
                random_attack(generator, seeds, lambda: generator.randbytes(generator.randint(1, 32)))
                for _ in range(arguments.requests - len(described) - 2 * len(seeds))
            ]
            tally = Tally()
            _send(server, seeds, tally)
            before = started.memory_mib()
            rest = described + changed + seeds
            generator.shuffle(rest)
            began = time.perf_counter()
            _send(server, rest, tally)
            seconds = time.perf_counter() - began
            after = started.memory_mib()
            ready = _status(server, Attack("ready", "GET", "/readyz"))
    figures = {
        "requests": tally.statuses.total(),
        "requests_per_second": round(len(rest) / seconds),
        "slowest_seconds": round(tally.slowest[0], 2),
        "slowest": tally.slowest[1],
        "memory_mib_before": round(before, 1),
        "memory_mib_after": round(after, 1),
    }
    print_table("Answers", [{"status": status, "answers": count} for status, count in sorted(tally.statuses.items())])
    print_table("Fuzz", [figures])
    for fault in tally.faults[:20]:
        print(f"FAULT {fault}")
    print_bar("requests sent", tally.statuses.total(), at_least=10_000)
    print_bar("500s, hangs and lost connections", len(tally.faults), at_most=0)
    print_bar("memory grown after the first round, MiB", after - before, at_most=GROWTH_MIB)
    print_bar("readyz afterwards", float(ready), at_most=200)
    if arguments.json:
        write_json(arguments.json, figures | {"statuses": dict(tally.statuses), "faults": tally.faults})


def _described(server: Server, number: int) -> Iterator[Attack]:
    """Requests that schemathesis makes up from the OpenAPI."""
    schema = schemathesis.openapi.from_url(f"{server.url}openapi.json")
    operations = [operation.ok() for operation in schema.get_all_operations()]
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    each = number // (len(operations) * len(modes)) + 1
    for operation in operations:
        for mode in modes:
            for case in _cases(operation.as_strategy(generation_mode=mode), number=each):
                yield _attack(server, case)


def _cases(
    strategy: hypothesis.strategies.SearchStrategy[schemathesis.Case], *, number: int
) -> list[schemathesis.Case]:
    made: list[schemathesis.Case] = []

    @hypothesis.seed(7)
    @hypothesis.settings(
        max_examples=number,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(case=strategy)
    def make(case: schemathesis.Case) -> None:
        made.append(case)

    with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # without parameters nothing can be asked wrongly
        make()
    return made


def _attack(server: Server, case: schemathesis.Case) -> Attack:
    import requests

    prepared = requests.Request(**_request(server, case)).prepare()
    body = prepared.body.encode("utf-8", "surrogatepass") if isinstance(prepared.body, str) else prepared.body
    headers = tuple((name, value) for name, value in prepared.headers.items() if name.lower() != "content-length")
    return Attack(f"{case.method} {case.path}", case.method, prepared.path_url, body, headers)


def _request(server: Server, case: schemathesis.Case) -> dict[str, object]:
    given = case.as_transport_kwargs(base_url=server.url)
    return {
        name: given[name] for name in ("method", "url", "headers", "params", "json", "data", "files") if name in given
    }


def _send(server: Server, all_of_it: list[Attack], tally: Tally) -> None:
    waiting: queue.SimpleQueue[Attack] = queue.SimpleQueue()
    for attack in all_of_it:
        waiting.put(attack)
    lock = threading.Lock()

    def work() -> None:
        while True:
            try:
                attack = waiting.get_nowait()
            except queue.Empty:
                return
            began = time.perf_counter()
            status = _status(server, attack)
            with lock:
                tally.add(attack, status, time.perf_counter() - began)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _status(server: Server, attack: Attack) -> int | str:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=HANG_SECONDS)
    try:
        connection.putrequest(attack.method, attack.path, skip_accept_encoding=True)
        for name, value in attack.headers:
            connection.putheader(name, value.encode("latin-1", "replace"))
        if attack.body is not None:
            connection.putheader("Content-Length", str(len(attack.body)))
        connection.endheaders(attack.body)
        response = connection.getresponse()
        response.read()
        return response.status
    except (ValueError, http.client.InvalidURL):
        return 400  # Python's client itself would not send it
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where figures are written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
