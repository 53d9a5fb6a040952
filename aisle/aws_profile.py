"""Keys for S3 from where AWS's own tools keep them: files below `~/.aws`, with profiles and single sign-on.

obstore looks into the environment, at web identities and at the machine's role; s3fs (catalogs, pictures) looks
everywhere botocore does. With this a workspace finds the keys that its catalog does.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aisle.errors import SettingsError

_LIFETIME = timedelta(minutes=5)
"""After which keys that change are asked for again; botocore renews them in time."""


def profile_options() -> dict[str, Any]:
    """What obstore's stores are to be told; nothing where the environment has a key, or no file has one.

    Raises:
        SettingsError: `AWS_PROFILE` names a profile that is not there, or a file cannot be read.
    """
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        return {}
    try:
        from botocore.exceptions import BotoCoreError
        from botocore.session import get_session
    except ImportError:  # it comes with s3fs
        return {}
    try:
        session = get_session()
        if not session.full_config.get("profiles"):
            return {}
        found = {"region": session.get_config_variable("region"), "endpoint": _endpoint(session)}
        keys = session.get_credentials()
    except BotoCoreError as error:
        raise SettingsError(f"the keys below ~/.aws cannot be used: {error}") from error
    options = {name: value for name, value in found.items() if value}
    return options if keys is None else {**options, "credential_provider": _provider(keys)}


def _endpoint(session: Any) -> str | None:
    """Where a profile says that S3 is; the environment says so to obstore itself."""
    if os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL_S3"):
        return None
    endpoint: str | None = session.get_scoped_config().get("endpoint_url")
    return endpoint


def _provider(keys: Any) -> Callable[[], dict[str, Any]]:
    changing = hasattr(keys, "refresh_needed")

    def provide() -> dict[str, Any]:
        now = keys.get_frozen_credentials()
        return {
            "access_key_id": now.access_key,
            "secret_access_key": now.secret_key,
            "token": now.token,
            "expires_at": datetime.now(UTC) + _LIFETIME if changing else None,
        }

    return provide
