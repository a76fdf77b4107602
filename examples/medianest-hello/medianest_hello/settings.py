"""The settings; the hub makes a form of them, seals the secret and keeps them in its database."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, HttpUrl, SecretStr

from medianest_hub.plugin_api import PluginSettings


class HelloSettings(PluginSettings):
    """Everything has a default, so the plugin runs as soon as it is installed."""

    greeting: Annotated[str, Field(title="Greeting", description="The word answers begin with.", max_length=40)] = (
        "Hello"
    )
    keep_days: Annotated[
        float, Field(title="Keep for", description="Days after which a greeting is removed.", gt=0, le=3650)
    ] = 90
    pulse_seconds: Annotated[
        float, Field(title="Pulse", description="Seconds between two beats of the stream.", ge=0.05, le=3600)
    ] = 1.0
    service_url: Annotated[
        HttpUrl | None,
        Field(title="Word service", description="Where to ask for a kind word for each answer; empty asks nobody."),
    ] = None
    api_key: Annotated[SecretStr | None, Field(title="API key", description="The key the word service gave you.")] = (
        None
    )
