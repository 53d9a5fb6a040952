"""The objects of deploy/kubernetes fit each other, the settings and the routes."""

from pathlib import Path

import pytest
import yaml

from aisle.settings import Settings, from_environment, is_url
from serving.routes import ROUTERS

ROOT = Path(__file__).resolve().parents[2]
OBJECTS = {
    (document["kind"], document["metadata"]["name"]): document
    for path in sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
}
MERGED_BY = {"containers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath"}
"""Lists of a pod that a strategic merge patch does not replace, and by what it tells their items apart."""


def patched(value, patch, *, field=""):
    """What `kubectl patch` makes of an object (strategic merge, as far as our patch uses it)."""
    if isinstance(patch, dict):
        before = value or {}
        return before | {name: patched(before.get(name), change, field=name) for name, change in patch.items()}
    if not isinstance(patch, list) or field not in MERGED_BY:
        return patch
    key = MERGED_BY[field]
    items = {item[key]: item for item in value}
    for change in patch:
        if change.get("$patch") == "delete":
            del items[change[key]]
        else:
            items[change[key]] = patched(items.get(change[key], {}), change)
    return list(items.values())


PATCH = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "s3" / "patch.yaml").read_text(encoding="utf-8"))
ON_S3 = patched(OBJECTS["Deployment", "aisle"], PATCH) | {"metadata": {"name": "aisle on s3"}}
DEPLOYMENTS = [document for (kind, _), document in OBJECTS.items() if kind == "Deployment"] + [ON_S3]
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
PATHS = {route.path for router in ROUTERS for route in router.routes}


def seconds_of(container) -> int:
    return int(container["lifecycle"]["preStop"]["exec"]["command"][1])


def test_what_there_is():
    kinds = {kind for kind, _ in OBJECTS}
    assert kinds >= {
        "Deployment",
        "Service",
        "PodDisruptionBudget",
        "HorizontalPodAutoscaler",
        "PersistentVolumeClaim",
    }


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda document: document["metadata"]["name"])
def test_a_pod(deployment):
    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    environment = {variable["name"]: variable.get("value", "") for variable in container["env"]}
    for name in environment:
        assert f"`{name}`" in SETTINGS, name
    settings = from_environment(environment)
    assert settings.listen_host == "0.0.0.0"
    assert [port["containerPort"] for port in container["ports"]] == [settings.listen_port]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    files = settings.cache if is_url(settings.workspace) else settings.workspace
    assert any(str(files).startswith(mount) for mount in mounts)
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["spec"]["volumes"]
    }
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in PATHS
        assert container[probe]["httpGet"]["port"] == container["ports"][0]["name"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert pod["metadata"]["annotations"]["prometheus.io/path"] in PATHS
    assert int(pod["metadata"]["annotations"]["prometheus.io/port"]) == settings.listen_port
    ending = seconds_of(container) + settings.drain_seconds + settings.timeout_seconds
    assert pod["spec"]["terminationGracePeriodSeconds"] > ending
    assert set(container["resources"]["limits"]) >= {"cpu", "memory"}
    assert set(container["resources"]["limits"]) == set(container["resources"]["requests"])


def test_on_an_object_store_nothing_is_left_of_the_volume():
    pod = ON_S3["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    assert environment["AISLE_WORKSPACE"] == "s3://bucket/shop"
    assert environment["AISLE_LISTEN_HOST"] == "0.0.0.0"  # what the patch does not name stays
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == [environment["AISLE_CACHE"]]
    assert [list(volume) for volume in pod["volumes"]] == [["name", "emptyDir"]]
    assert container["resources"]["limits"]["memory"]
    assert "persistentVolumeClaim" in str(OBJECTS["Deployment", "aisle"])  # the patch is what took it away


def test_selectors_find_the_pods():
    labels = OBJECTS["Deployment", "aisle"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        OBJECTS["Deployment", "aisle"]["spec"]["selector"]["matchLabels"],
        OBJECTS["Service", "aisle"]["spec"]["selector"],
        OBJECTS["PodDisruptionBudget", "aisle"]["spec"]["selector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()


def test_the_autoscaler_asks_for_a_metric_of_ours():
    from serving.metrics import Metrics

    scaler = OBJECTS["HorizontalPodAutoscaler", "aisle"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == "aisle"
    (name,) = [metric["pods"]["metric"]["name"] for metric in scaler["metrics"] if metric["type"] == "Pods"]
    assert f"# TYPE {name} gauge" in Metrics().expose().decode()


def test_claims_exist():
    for deployment in DEPLOYMENTS:
        for volume in deployment["spec"]["template"]["spec"]["volumes"]:
            if claim := volume.get("persistentVolumeClaim"):
                assert ("PersistentVolumeClaim", claim["claimName"]) in OBJECTS


def test_defaults_would_not_do_in_a_container():
    assert Settings().listen_host == "127.0.0.1"  # so the objects have to say otherwise, as `test_a_pod` wants
