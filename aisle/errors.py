"""The exception tree. Every message names the offending value and the way out; none knows of HTTP."""

from enum import StrEnum


class ImageFault(StrEnum):
    """Why bytes are not a picture we accept."""

    EMPTY = "image_empty"
    TOO_MANY_BYTES = "image_too_many_bytes"
    TOO_MANY_PIXELS = "image_too_many_pixels"
    UNKNOWN_FORMAT = "image_unknown_format"
    TRUNCATED = "image_truncated"
    CORRUPT = "image_corrupt"
    NOT_FOUND = "image_not_found"
    UNREADABLE = "image_unreadable"
    UNREACHABLE = "image_unreachable"


class AisleError(Exception):
    """Base of everything Aisle raises on purpose; the message is fit to be shown to a user."""


class SettingsError(AisleError):
    """A setting or an option has a value that cannot be used."""


class CatalogError(AisleError):
    """The catalog cannot be read, or its columns do not fit the roles they were given."""


class InvalidImage(AisleError):
    """The bytes are not a picture we accept: unreadable, truncated, too large.

    Attributes:
        fault: The reason, as recorded in `rejects.parquet`.
    """

    def __init__(self, message: str, *, fault: ImageFault) -> None:
        super().__init__(message)
        self.fault = fault

    def __reduce__(self) -> tuple[object, ...]:
        return (_invalid_image, (str(self), self.fault))


def _invalid_image(message: str, fault: ImageFault) -> InvalidImage:
    return InvalidImage(message, fault=fault)


class InvalidQuery(AisleError):
    """A search request that has no meaning: nothing asked, unknown filter, wrong type."""


class UnknownProduct(AisleError):
    """No product of the release has this id."""


class ModelError(AisleError):
    """A checkpoint or a model bundle cannot be used."""


class ModelMismatch(ModelError):
    """A release was built with another model than the one at hand."""


class ParityError(ModelError):
    """An exported graph does not agree with its checkpoint closely enough."""


class ProviderUnavailable(ModelError):
    """The execution provider that was asked for does not exist on this machine."""


class ReleaseError(AisleError):
    """There is no release to use, or it cannot be published."""


class ReleaseCorrupt(ReleaseError):
    """A release's files do not match its manifest."""


class StoreUnreachable(AisleError):
    """An object store does not answer, or refuses; what was committed before is there."""


class StoreRefused(StoreUnreachable):
    """An object store answers, and will not do it: no such bucket, or the key may not. It will not tomorrow either."""


class IncompleteRun(AisleError):
    """A batch run ended before its work was done; nothing was published, what was done is kept."""


class WorkspaceBusy(IncompleteRun):
    """Another run holds the workspace."""


class TooManyRejects(IncompleteRun):
    """More of the catalog's rows cannot be indexed than may be."""


class PicturesUnreachable(IncompleteRun):
    """More pictures cannot be had today than rows may be rejected; without them it would not be too many."""
