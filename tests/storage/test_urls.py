"""What a workspace's URL may be, whose keys open it, and what is said where it does not open."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from aisle.errors import SettingsError, StoreRefused
from aisle.mirror import open_layout
from aisle.objects import ObjectStore
from cli.exit_codes import ExitCode, exit_code
from cli.workspace import open_workspace
from tests.http_server import http_server


@pytest.mark.parametrize(
    ("url", "said"),
    {
        "sftp://host/shop": r"sftp:// has no conditional writes",
        "hf://datasets/shop": r"hf:// has no conditional writes",
        "memory://shop": r"memory:// has no conditional writes",
        "https://host/shop": r"https:// has no conditional writes",
        "s3:/bucket/shop": r"two slashes, s3://bucket/shop",
        "s3://": r"names no bucket",
        "gs:///": r"names no bucket",
    }.items(),
)
def test_what_is_no_workspace_is_told_at_once(url: str, said: str):
    with pytest.raises(SettingsError, match=said):
        open_layout(url)


def test_a_store_that_cannot_be_opened_says_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(SettingsError, match=r"az://shop/x cannot be opened: .*[Aa]ccount must be specified"):
        open_layout("az://shop/x").store.get("CURRENT")


@pytest.mark.parametrize("plain", ["shop", "./s3", "/data/s3:/x"])
def test_a_folder_is_a_folder(plain: str):
    assert open_layout(plain).store is None
    assert open_layout(f"file://{Path(plain).absolute()}").root == Path(plain).absolute()


def test_the_mirror_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AISLE_CACHE", str(tmp_path / "mirrors"))
    assert open_workspace("s3://bucket/shop").root.parent == tmp_path / "mirrors"
    assert open_layout("s3://bucket/shop").root.parent == Path.home() / ".cache" / "aisle", "read by commands alone"
    layout = open_workspace("s3://bucket/shop/")
    assert layout.shown(layout.release("r1")) == "s3://bucket/shop/releases/r1"
    assert open_layout("shop").shown(Path("shop/releases/r1")) == "shop/releases/r1"
    assert open_workspace("s3://bucket/shop/").root == open_workspace("s3://bucket/shop").root
    assert open_workspace("s3://bucket/shop").root != open_workspace("s3://bucket-shop").root


@pytest.fixture
def door() -> Iterator[tuple[str, list[str], Callable[[int, str], None]]]:
    """A store that answers what it is told to, and whose keys it was shown."""
    shown: list[str] = []
    answer = [200, ""]

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(self.headers.get("Authorization", ""))
            body = str(answer[1]).encode()
            self.send_response(int(answer[0]))
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Wed, 25 Nov 2026 00:00:00 GMT")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def tell(status: int, body: str) -> None:
        answer[:] = [status, body]

    with http_server(Door) as address:
        yield address, shown, tell


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without keys, and an environment without."""
    for name in (
        "ACCESS_KEY_ID",
        "SECRET_ACCESS_KEY",
        "SESSION_TOKEN",
        "REGION",
        "DEFAULT_REGION",
        "ENDPOINT_URL",
        "PROFILE",
    ):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()
    return tmp_path / ".aws"


def test_keys_of_a_profile_open_it(door: tuple, no_keys: Path, monkeypatch: pytest.MonkeyPatch):
    url, shown, _ = door
    (no_keys / "credentials").write_text(
        "[default]\naws_access_key_id = OURS\naws_secret_access_key = x\n"
        "[night]\naws_access_key_id = THEIRS\naws_secret_access_key = y\n"
    )
    (no_keys / "config").write_text(
        f"[default]\nregion = eu-west-3\nendpoint_url = {url}\n"
        f"[profile night]\nregion = eu-north-1\nendpoint_url = {url}\n"
    )
    assert ObjectStore("s3://profile/default").get("CURRENT") is not None
    monkeypatch.setenv("AWS_PROFILE", "night")
    assert ObjectStore("s3://profile/night").get("CURRENT") is not None
    assert "Credential=OURS/" in shown[0]
    assert "/eu-west-3/s3/" in shown[0]
    assert "Credential=THEIRS/" in shown[1]
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(SettingsError, match=r"~/\.aws .*nobody"):
        ObjectStore("s3://profile/nobody").get("CURRENT")


def test_keys_of_the_environment_come_first(door: tuple, no_keys: Path, monkeypatch: pytest.MonkeyPatch):
    url, shown, _ = door
    (no_keys / "credentials").write_text("[default]\naws_access_key_id = OURS\naws_secret_access_key = x\n")
    for name, value in {"ACCESS_KEY_ID": "MINE", "SECRET_ACCESS_KEY": "z", "ENDPOINT_URL": url}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    assert ObjectStore("s3://profile/environment").get("CURRENT") is not None
    assert "Credential=MINE/" in shown[0]


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "SignatureDoesNotMatch", "SignatureDoesNotMatch: it does not.*AWS_PROFILE"),
        (403, "AccessDenied", "AccessDenied: it does not.*what the key may do"),
        (404, "NoSuchBucket", "NoSuchBucket: it does not.*Make the bucket"),
    ],
)
def test_who_is_refused_has_to_look(
    door: tuple, no_keys: Path, monkeypatch: pytest.MonkeyPatch, status: int, code: str, said: str
):
    url, _, tell = door
    for name, value in {"ACCESS_KEY_ID": "MINE", "SECRET_ACCESS_KEY": "z", "ENDPOINT_URL": url}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    tell(status, f"<Error><Code>{code}</Code><Message>it does not</Message></Error>")
    with pytest.raises(StoreRefused, match=said) as raised:
        ObjectStore(f"s3://refused/{code}").get("CURRENT")
    assert exit_code(raised.value) is ExitCode.SETUP
