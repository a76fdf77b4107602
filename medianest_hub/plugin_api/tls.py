"""Whom a plugin's outside service may prove itself by: a private CA, or the service's own certificate. Does no I/O."""

from __future__ import annotations

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

LONGEST_CA: Final = 64 * 1024
"""Characters of PEM text; some twenty certificates."""

LONGEST_PINNED: Final = 16 * 1024

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----")
_LABEL: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
_EXPECTED: Final = "a certificate in PEM form: from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"


def _certificates(text: str, longest: int) -> list[str]:
    """Each certificate as a tidy PEM block. The words of a `ValueError` never repeat what was given."""
    text = text.strip()
    if not text:
        return []
    if "PRIVATE KEY" in text.upper():
        raise ValueError(
            "this holds a private key, which has no business here. Nothing of it was kept; paste only the certificate, "
            "and make the service a new key if this one was seen by others"
        )
    if len(text) > longest:
        raise ValueError(f"this is too long: at most {longest} characters, so paste only the certificates needed")
    if others := set(_LABEL.findall(text)) - {"CERTIFICATE"}:
        kind = "a certificate request" if any("REQUEST" in other for other in others) else "something else"
        raise ValueError(f"this holds {kind}; paste {_EXPECTED}")
    if _BLOCK.sub("", text).strip() or not _BLOCK.search(text):
        raise ValueError(f"paste nothing but {_EXPECTED}")
    blocks = ["".join(body.split()) for _, body in _BLOCK.findall(text)]
    found = [_pem(body) for body in blocks]
    if not all(map(_is_readable, found)):
        raise ValueError("this certificate is damaged; copy it again, whole and unchanged")
    return found


def _pem(body: str) -> str:
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def _is_readable(pem: str) -> bool:
    """Whether OpenSSL, which will be given it, can read it."""
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _ca(text: str) -> str:
    return "".join(_certificates(text, LONGEST_CA))


def _pinned(text: str) -> str:
    found = _certificates(text, LONGEST_PINNED)
    if len(found) > 1:
        raise ValueError(
            "this holds several certificates; paste only the server's own, which is the first of a chain. "
            "To trust whatever a CA has signed, use the field for the CA"
        )
    return "".join(found)


class TlsTrust(BaseModel):
    """How the service a plugin speaks to proves that it is itself; put it into your settings as `tls: TlsTrust`.

    Empty, as it is at first, means: by a certificate of a public CA, for the name it is called by. There is no way to
    have nothing verified. Texts are PEM; both at once are an error. Hashable, equal when the certificates are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    ca: Annotated[str, AfterValidator(_ca)] = Field(
        default="",
        title="Private CA",
        description="The certificate (PEM) of the authority that signed the service's own, such as that of a home "
        "network. Trusted besides the public ones, for this service only.",
        json_schema_extra={"contentMediaType": "application/x-pem-file"},
    )
    pinned: Annotated[str, AfterValidator(_pinned)] = Field(
        default="",
        title="Pinned certificate",
        description="The service's own certificate (PEM), also a self-signed one. Then only this one is accepted, under "
        "whatever name, until it expires.",
        json_schema_extra={"contentMediaType": "application/x-pem-file"},
    )

    @model_validator(mode="after")
    def _one_at_most(self) -> Self:
        if self.ca and self.pinned:
            raise ValueError(
                "set the CA or the pinned certificate, not both: a pinned certificate is accepted whoever signed it"
            )
        return self

    def __bool__(self) -> bool:
        """Whether anything is set."""
        return bool(self.ca or self.pinned)
