"""Both bentofiles build without network, and the bento carries the service and nothing else."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = {"cpu": "bentofile.yaml", "gpu": "bentofile.gpu.yaml"}
BUILDERS = {"uv"}
"""Of the extra `serving`: builds bentos, and has nothing to do within one."""
CATALOGS = {"s3fs"}
"""Of the extra `s3`: reads catalogs and pictures, which a service does not."""
TERMINAL = {"rich", "typer"}
"""Of the command line, which a bento does not have."""


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=~!;]", requirement)[0].strip().lower()


def packages(kind: str) -> list[str]:
    return yaml.safe_load((ROOT / FILES[kind]).read_text(encoding="utf-8"))["python"]["packages"]


@pytest.fixture(scope="module", params=list(FILES))
def bento(request, tmp_path_factory) -> tuple[str, Path]:
    """Which kind, and the folder of the bento that was built."""
    home = tmp_path_factory.mktemp("bentoml")
    environment = os.environ | {
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONPATH": str(ROOT),
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    }
    command = [sys.executable, "-m", "bentoml", "build", "-f", FILES[request.param], "--output", "tag", "."]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (folder for folder in (home / "bentos" / "aisle").iterdir() if folder.is_dir())
    return request.param, built


def test_it_carries_the_service_alone(bento):
    _, folder = bento
    source = folder / "src"
    assert {path.name for path in source.iterdir() if path.is_dir()} == {"aisle", "serving", "web"}
    for package in ("aisle", "serving"):
        carried = {path.name for path in (source / package).glob("*.py")}
        assert carried == {path.name for path in (ROOT / package).glob("*.py")}
    assert sum(path.stat().st_size for path in source.rglob("*") if path.is_file()) < 2_000_000


def test_it_installs_no_training_and_no_ray(bento):
    kind, folder = bento
    text = (folder / "env" / "python" / "requirements.txt").read_text(encoding="utf-8")
    names = {name_of(line) for line in text.splitlines() if line.strip() and not line.startswith(("#", "-"))}
    assert not names & {"torch", "ray", "transformers", "optimum", "datasets", "optimum-onnx", "onnx"}
    wanted = {"cpu": {"onnxruntime", "faiss-cpu"}, "gpu": {"onnxruntime-gpu", "faiss-gpu"}}
    assert wanted[kind] <= names
    assert not wanted["gpu" if kind == "cpu" else "cpu"] & names


def test_its_source_is_enough(bento):
    """Imported from the bento alone, with the workspace named by the environment."""
    kind, folder = bento
    if kind == "gpu":
        return  # the same source, as `test_it_carries_the_service_alone` saw
    code = "import sys; sys.path.insert(0, '.'); import serving.service as s; print(s.__file__, s.Aisle.name)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"AISLE_WORKSPACE": "/nowhere", "BENTOML_HOME": str(folder.parents[2])}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=folder / "src", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(folder / "src" / "serving" / "service.py"), "aisle"]


@pytest.mark.parametrize("kind", list(FILES))
def test_packages_are_those_of_pyproject(kind):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras[kind], *extras["serving"], *extras["s3"], *extras["tracing"]]
    wanted = {requirement for requirement in wanted if name_of(requirement) not in BUILDERS | CATALOGS | TERMINAL}
    assert set(packages(kind)) == wanted
    assert packages(kind) == sorted(packages(kind))


def test_both_kinds_are_alike():
    cpu, gpu = (yaml.safe_load((ROOT / name).read_text(encoding="utf-8")) for name in FILES.values())
    assert gpu["docker"].pop("cuda_version")
    for file in (cpu, gpu):
        file["python"].pop("packages")
    assert cpu == gpu
