"""What people are told by this plugin, in every language of the hub; that it happened is said where it happens."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import NotificationKind, Words

GREETING_ANSWERED: Final = NotificationKind(
    "greeting_answered",
    title={"en": "Answers to your greetings", "de": "Antworten auf deine Grüße"},
    words={
        "en": Words("Your greeting was answered", "{answer}"),
        "de": Words("Dein Gruß wurde beantwortet", "{answer}"),
    },
    permission="read",
)
