"""What a call may raise: one class per kind of answer, each with the service's code and request id."""

import httpx


class AisleClientError(Exception):
    """The service answered with an error, or not at all.

    Attributes:
        status: HTTP status; 0 when there was no answer, or when it is of one query of a batch.
        code: For programs; empty when the answer was not Aisle's.
        request_id: To be looked for in the service's log.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id


class InvalidRequest(AisleClientError):
    """The request, a filter or a picture has no meaning for the live release."""


class Unauthorized(AisleClientError):
    """A key is wanted, or another one."""


class NotFound(AisleClientError):
    """There is no such product or model."""


class Overloaded(AisleClientError):
    """More was asked than the service answers in good time, and trying again did not help."""


class Unavailable(AisleClientError):
    """There is no release yet, the service is ending, or it took too long."""


class ServerError(AisleClientError):
    """Something went wrong in the service."""


class ConnectionFailed(AisleClientError):
    """Nobody answered."""


_KINDS: dict[int, type[AisleClientError]] = {
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    429: Overloaded,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
_OF_CODE: dict[str, type[AisleClientError]] = {
    "unknown_product": NotFound,
    "overloaded": Overloaded,
    "internal": ServerError,
}


def error_of(response: httpx.Response) -> AisleClientError:
    """The error of an answer that is none of success."""
    status = response.status_code
    kind = _KINDS.get(status, ServerError if status >= 500 else InvalidRequest)
    try:
        error = response.json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):  # of a proxy
        code, message = "", f"{response.request.method} {response.request.url} was answered with status {status}"
    return kind(message, status=status, code=code, request_id=response.headers.get("x-request-id", ""))


def error_of_query(code: str, message: str, *, request_id: str) -> AisleClientError:
    """The error of one query of a batch."""
    return _OF_CODE.get(code, InvalidRequest)(message, code=code, request_id=request_id)
