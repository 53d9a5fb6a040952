"""The dashboard and the alerts ask for metrics, and for labels, that the service has."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from serving import metrics

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "aisle.json").read_text(encoding="utf-8"))
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
DOCS = (DEPLOY.parent / "docs" / "deploy.md").read_text(encoding="utf-8")
PANELS = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in DASHBOARD["panels"]}
VARIABLES = [variable["query"] for variable in DASHBOARD["templating"]["list"] if variable["type"] == "query"]
QUERIES = [query for queries in PANELS.values() for query in queries] + VARIABLES + [rule["expr"] for rule in RULES]


@pytest.fixture(scope="module")
def series() -> dict[str, set[str]]:
    """Names of time series of /metrics, and the labels of each."""
    registries = []

    def kept() -> CollectorRegistry:
        registries.append(CollectorRegistry())
        return registries[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "CollectorRegistry", kept)
        exposed = metrics.Metrics().expose().decode()
    labels = {collector._name: set(collector._labelnames) for collector in registries[0]._collector_to_names}
    found = {}
    for family in text_string_to_metric_families(exposed):
        if family.name not in labels:
            continue  # when a counter was made, which the client adds by itself
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        for suffix in suffixes:
            own = {"le"} if suffix == "_bucket" else set()
            found[family.name + suffix] = labels[family.name] | own | {"job", "instance"}
    return found


@pytest.mark.parametrize("query", QUERIES)
def test_metrics_and_labels_exist(query, series):
    names = re.findall(r"\baisle_\w+", query)
    assert names, query
    assert set(names) <= set(series), query
    known = set.union(*(series[name] for name in names))
    grouped = [label for labels in re.findall(r"by \(([^)]*)\)", query) for label in labels.split(", ")]
    matchers = " ".join(re.findall(r"\{([^}]*)\}", query))
    matched = re.findall(r"(\w+)(?:=~|!~|!=|=)", matchers)
    assert {*grouped, *matched} <= known, query


def test_everything_that_is_measured_is_shown(series):
    shown = " ".join(QUERIES)
    hidden = {name for name in series if not re.search(rf"\b{re.sub('_(bucket|count|sum)$', '', name)}", shown)}
    assert hidden == set()


def test_panels_do_not_overlap():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule):
    assert rule["for"]
    assert rule["annotations"]["summary"]
    assert f"`{rule['alert']}`" in DOCS
