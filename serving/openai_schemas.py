"""Requests and responses of `/v1`, as OpenAI's clients write and read them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from serving.schemas import Picture

MAX_INPUTS = 2048
"""Most inputs of one request, as at OpenAI."""


class TextItem(BaseModel):
    """A text, however it begins."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1)]


class ImageItem(BaseModel):
    """A picture."""

    model_config = ConfigDict(extra="forbid")

    image: Picture


Input = Annotated[str, Field(min_length=1)] | TextItem | ImageItem


class EmbeddingRequest(BaseModel):
    """Texts and pictures to embed. A string is a text, or a picture when it is a data URI of one."""

    model_config = ConfigDict(extra="forbid")

    input: Annotated[
        Input | Annotated[list[Input], Field(min_length=1, max_length=MAX_INPUTS)],
        Field(
            description="One input or a list: strings (texts, or pictures as `data:image/...;base64,...`), "
            '`{"text": ...}` and `{"image": ...}`.',
            examples=["red striped shirt", ["red dress", {"image": "data:image/png;base64,iVBORw0KGgo="}]],
        ),
    ]
    model: Annotated[
        str | None,
        Field(description="An id of `/v1/models`; without it the model of the live release. Another is an error."),
    ] = None
    modality: Annotated[
        Literal["text", "image"] | None, Field(description="What plain strings are; null tells them by `data:`.")
    ] = None
    encoding_format: Annotated[
        Literal["float", "base64"], Field(description="Numbers, or little-endian float32 as base64.")
    ] = "float"
    dimensions: Annotated[
        int | None, Field(ge=1, description="Only the model's own: CLIP's vectors cannot be shortened.")
    ] = None
    user: Annotated[str | None, Field(description="Read by nobody.")] = None

    @field_validator("input", mode="before")
    @classmethod
    def _no_tokens(cls, given: Any) -> Any:
        first = given[0] if isinstance(given, list) and given else None
        if isinstance(first, int) or (isinstance(first, list) and first and isinstance(first[0], int)):
            raise ValueError(
                "token ids are those of another model's tokenizer: send texts (LangChain: "
                "check_embedding_ctx_length=False)"
            )
        return given


class Embedding(BaseModel):
    """The unit vector of one input."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    """What was read: tokens of texts, after truncation; pictures have none."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingResponse(BaseModel):
    """One vector per input, in their order; texts and pictures share one space."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


class ModelDescription(BaseModel):
    """A model that can be named."""

    id: str
    object: Literal["model"]
    created: Annotated[int, Field(description="When the live release was built, in seconds since 1970.")]
    owned_by: str


class ModelList(BaseModel):
    """Both names of the live release's model: the one it was exported from, and its fingerprint."""

    object: Literal["list"]
    data: list[ModelDescription]


class OpenAIErrorDetail(BaseModel):
    """The envelope's fields, and those that OpenAI's clients look for beside them."""

    code: str
    message: str
    request_id: str
    type: str
    param: str | None


class OpenAIErrorResponse(BaseModel):
    """An error of `/v1`."""

    error: OpenAIErrorDetail
