from dataclasses import fields, replace
from pathlib import Path

import pytest

from aisle.errors import SettingsError
from aisle.machine import Provider
from aisle.settings import Settings, from_environment, to_environment, variable

DOCS = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_defaults():
    assert from_environment({}) == Settings()
    assert from_environment({"AISLE_WORKSPACE": "  ", "UNRELATED": "x"}) == Settings()


def test_values_are_read():
    read = from_environment(
        {
            "AISLE_WORKSPACE": "/data/shop",
            "AISLE_LISTEN_PORT": "8080",
            "AISLE_PROVIDER": "cpu",
            "AISLE_POLL_SECONDS": ".5",
        }
    )
    assert read == replace(
        Settings(), workspace=Path("/data/shop"), listen_port=8080, provider=Provider.CPU, poll_seconds=0.5
    )


def test_kubernetes_variables_of_a_service_named_aisle_do_not_interfere():
    names = {"AISLE_PORT": "tcp://10.0.0.1:3000", "AISLE_SERVICE_HOST": "10.0.0.1", "AISLE_SERVICE_PORT": "3000"}
    assert from_environment(names) == Settings()


def test_settings_survive_the_environment(tmp_path):
    settings = replace(
        Settings(),
        workspace=tmp_path,
        workers=3,
        timeout_seconds=2.5,
        provider=Provider.CUDA,
        drain_seconds=0.0,
        open_images=True,
        api_keys=("shop=0123456789abcdef", "cron=fedcba9876543210"),
        api_key_file=tmp_path / "keys",
        trusted_proxies=("10.0.0.0/8", "::1"),
    )
    assert from_environment(to_environment(settings)) == settings


def test_a_relative_workspace_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert to_environment(Settings())["AISLE_WORKSPACE"] == str(tmp_path / "workspace")


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("AISLE_WORKERS", "two", "a whole number"),
        ("AISLE_WORKERS", "0", "greater than 0"),
        ("AISLE_TEXT_BATCH", "-1", "greater than 0"),
        ("AISLE_LISTEN_PORT", "70000", "65535"),
        ("AISLE_LISTEN_HOST", "localhost", "127.0.0.1"),
        ("AISLE_TIMEOUT_SECONDS", "soon", "a number"),
        ("AISLE_TIMEOUT_SECONDS", "nan", "greater than 0"),
        ("AISLE_POLL_SECONDS", "inf", "greater than 0"),
        ("AISLE_PROVIDER", "tpu", "auto, cpu, cuda"),
        ("AISLE_OPEN_IMAGES", "perhaps", "true or false"),
        ("AISLE_DRAIN_SECONDS", "-1", "0 or greater"),
        ("AISLE_TRUSTED_PROXIES", "10.0.0.0/8,proxy.internal", "proxy.internal.*networks"),
        ("AISLE_MAX_FILTER_DEPTH", "65", "64 deep"),
        ("AISLE_MAX_BATCH_QUERIES", "0", "greater than 0"),
        ("AISLE_IMAGE_URL_SCHEMES", "https,file", "file"),
    ],
)
def test_unusable_values_name_the_variable(name, value, wanted):
    with pytest.raises(SettingsError, match=f"{name}.*{wanted}"):
        from_environment({name: value})


def test_every_setting_is_documented_with_its_default():
    rows = {}
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if cells[0].startswith("AISLE_"):
            assert len(cells[2]) > 10, cells[0]
            rows[cells[0]] = cells[1]
    assert rows == {variable(field.name): _written(getattr(Settings(), field.name)) for field in fields(Settings)}


def _written(value: object) -> str:
    if value == Path():
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)
