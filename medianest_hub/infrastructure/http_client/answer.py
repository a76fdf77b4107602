"""An outside service's answer, read whole; turns what does not fit into an `UpstreamError` that names the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from medianest_hub.plugin_api.errors import UpstreamError

ModelT = TypeVar("ModelT", bound=BaseModel)

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, headers (names case-insensitive) and the bytes. `service` is named by errors about the content."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    service: str

    def json(self) -> Any:
        """The parsed JSON. Raises `UpstreamError` if it is something else."""
        try:
            return from_json(self._text(), allow_inf_nan=False)
        except ValueError:
            raise UpstreamError(
                f"{self.service} answered {self._what_it_is()} where JSON was expected.", service=self.service
            ) from None

    def parse(self, model: type[ModelT]) -> ModelT:
        """The body as `model`. Raises `UpstreamError` naming the first field that does not fit, without its value."""
        try:
            return model.model_validate_json(self._text())
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            self.json()
        field = ".".join(str(part) for part in first["loc"])
        raise UpstreamError(
            f"{self.service} answered something unexpected in {field or 'its answer'}: {first['msg']}.",
            service=self.service,
            field=field or None,
        )

    def _text(self) -> bytes:
        # Some services put a byte order mark before their JSON, which RFC 8259 tells readers they may ignore.
        return self.body.removeprefix(_BYTE_ORDER_MARK)

    def _what_it_is(self) -> str:
        if not self.body:
            return "nothing"
        if self._text().lstrip()[:1] == b"<":
            return "a web page (a sign-in or error page, perhaps of a proxy in between)"
        return "something else"
