"""What may be entered as a CA or a pinned certificate, and the words where it may not."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from medianest_hub.plugin_api import PluginSettings, TlsTrust
from medianest_hub.plugin_api.tls import LONGEST_CA
from medianest_hub.plugin_host.settings import field_problems, resolve
from medianest_hub.settings import load_settings
from medianest_hub.testing import Authority, self_signed

HOME = Authority()
PEM = self_signed().pem
KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    .decode()
)
SECRET_PART = KEY.splitlines()[1]


class Settings(PluginSettings):
    tls: TlsTrust = TlsTrust()


def words(**given: str) -> str:
    with pytest.raises(ValidationError) as wrong:
        Settings.model_validate({"tls": given})
    assert SECRET_PART not in str(wrong.value), "what was entered is repeated"
    (problem,) = field_problems(wrong.value)
    assert problem.field.startswith("tls")
    return problem.message


def test_nothing_is_set_at_first() -> None:
    assert not Settings().tls
    assert not TlsTrust(ca=" \n ", pinned="")


def test_equal_certificates_are_equal_however_they_were_pasted() -> None:
    tidy = TlsTrust(ca=HOME.pem)
    assert tidy
    assert tidy.ca == HOME.pem
    pasted = TlsTrust(ca="\n" + HOME.pem.replace("\n", "\r\n") + "\n\n")
    assert pasted == tidy
    assert hash(pasted) == hash(tidy)


def test_several_cas_may_be_given_one_after_the_other() -> None:
    assert TlsTrust(ca=HOME.pem + "\n" + PEM).ca == HOME.pem + PEM


@pytest.mark.parametrize("field", ["ca", "pinned"])
@pytest.mark.parametrize("text", [KEY, PEM + KEY, KEY.replace("EC PRIVATE", "private"), KEY.removesuffix("\n")[:-9]])
def test_a_private_key_is_refused_and_never_repeated(field: str, text: str) -> None:
    assert "private key" in words(**{field: text})


@pytest.mark.parametrize("field", ["ca", "pinned"])
@pytest.mark.parametrize(
    ("text", "what_to_do"),
    [
        ("hello", "paste nothing but a certificate"),
        ("MIIBszCCAVmgAwIBAgIU", "-----BEGIN CERTIFICATE-----"),
        (PEM + "# of the router", "paste nothing but a certificate"),
        (PEM.replace("-----END CERTIFICATE-----", ""), "paste nothing but a certificate"),
        (PEM.replace("CERTIFICATE", "PUBLIC KEY"), "something else"),
        (PEM.replace("CERTIFICATE", "CERTIFICATE REQUEST"), "certificate request"),
        (PEM[:60] + PEM[80:], "copy it again"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "copy it again"),
        ("-----BEGIN CERTIFICATE-----\n====\n-----END CERTIFICATE-----", "copy it again"),
        ("x" * (LONGEST_CA + 1), "too long"),
        ("-----BEGIN CERTIFICATE-----" + "\n" * (LONGEST_CA + 1) + "-----END", "too long"),
        ("\x00\ud7ff\u2028", "paste nothing but"),
    ],
)
def test_what_is_no_certificate_is_refused_with_what_to_do(field: str, text: str, what_to_do: str) -> None:
    assert what_to_do in words(**{field: text})


def test_only_one_certificate_can_be_pinned() -> None:
    assert "first of a chain" in words(pinned=PEM + HOME.pem)


def test_a_ca_and_a_pinned_certificate_at_once_are_refused() -> None:
    assert "not both" in words(ca=HOME.pem, pinned=PEM)


def test_verification_cannot_be_switched_off() -> None:
    assert set(TlsTrust.model_fields) == {"ca", "pinned"}
    assert "Extra inputs" in words(verify="false")


def test_a_ca_may_lie_in_a_file_that_a_variable_names(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(HOME.pem)
    loaded = load_settings(None, {"MEDIANEST_PLUGINS__WEATHER__TLS__CA_FILE": str(file)})
    resolved = resolve(Settings, loaded.pins_for("weather"), {}, {})
    assert resolved.settings == Settings(tls=TlsTrust(ca=HOME.pem))
    assert resolved.pinned == {"tls"}


def test_what_was_entered_into_a_plugins_settings_is_not_repeated_by_their_errors() -> None:
    with pytest.raises(ValidationError) as wrong:
        Settings.model_validate({"tsl": "hunter2-hunter2"})
    assert "hunter2" not in str(wrong.value)
