"""The manifests of deploy/ray: fields that KubeRay knows, options that the command has, one job in both schedules."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from cli.main import app

FOLDER = Path(__file__).parents[2] / "deploy/ray"
JOBS = ("rayjob.yaml", "rayjob-gpu.yaml")

# Of KubeRay's custom resource definitions, version ray.io/v1.
JOB_FIELDS = {
    "activeDeadlineSeconds", "backoffLimit", "clusterSelector", "deletionStrategy", "entrypoint", "entrypointNumCpus",
    "entrypointNumGpus", "entrypointResources", "jobId", "managedBy", "metadata", "preRunningDeadlineSeconds",
    "rayClusterSpec", "runtimeEnvYAML", "shutdownAfterJobFinishes", "submissionMode", "submitterConfig",
    "submitterPodTemplate", "suspend", "ttlSecondsAfterFinished",
}  # fmt: skip
CRON_FIELDS = {"jobTemplate", "schedule", "timeZone", "suspend"}


def manifest(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_fields_that_kuberay_knows(name: str):
    job = manifest(name)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert set(job["spec"]) <= JOB_FIELDS


def test_the_nightly_job_is_the_job():
    nightly = manifest("raycronjob.yaml")
    assert (nightly["apiVersion"], nightly["kind"]) == ("ray.io/v1", "RayCronJob")
    assert set(nightly["spec"]) <= CRON_FIELDS
    assert re.fullmatch(r"\d+ \d+ \* \* \*", nightly["spec"]["schedule"])
    assert nightly["spec"]["jobTemplate"] == manifest("rayjob.yaml")["spec"]


@pytest.mark.parametrize("name", JOBS)
def test_the_entrypoint_is_a_command_that_there_is(name: str):
    program, command, *words = shlex.split(manifest(name)["spec"]["entrypoint"])
    assert program == "aisle"
    known = {option for parameter in get_command(app).commands[command].params for option in parameter.opts}
    asked = {word for word in words if word.startswith("--")}
    assert asked <= known
    assert {"--catalog", "--workspace", "--wait"} <= asked


@pytest.mark.parametrize("name", JOBS)
def test_every_volume_is_mounted_and_every_mount_is_a_volume(name: str):
    cluster = manifest(name)["spec"]["rayClusterSpec"]
    words = shlex.split(manifest(name)["spec"]["entrypoint"])
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
        assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
        for path in (word for word in words if word.startswith("/")):
            assert any(path.startswith(mounted) for mounted in mounts.values()), path


def test_tasks_run_where_the_gpus_are():
    cluster = manifest("rayjob-gpu.yaml")["spec"]["rayClusterSpec"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    limits = cluster["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["nvidia.com/gpu"] == "1"
