"""The kinds the hub itself tells people by. Declares them, and tells nothing.

Why sessions were ended is none of them: nobody may choose not to hear of that, and it is kept with the sessions themselves.
"""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api.notifications import NotificationKind, Words
from medianest_hub.plugin_api.people import ADMIN, SIGNED_IN

APPROVAL_WANTED: Final = NotificationKind(
    "approval_wanted",
    title={"en": "People who ask to be let in", "de": "Wer um Einlass bittet"},
    words={
        "en": Words("{username} asks to be let in", "They signed in by {provider} and wait for your approval."),
        "de": Words("{username} bittet um Einlass", "Angemeldet über {provider}; es fehlt noch deine Zustimmung."),
    },
    permission=ADMIN,
    activity=False,
)
API_KEY_MADE: Final = NotificationKind(
    "api_key_made",
    title={"en": "New API keys of yours", "de": "Neue API-Schlüssel von dir"},
    words={
        "en": Words(
            "A new API key can act for you",
            "It is called “{name}”. If you did not make it, revoke it, and change your password.",
        ),
        "de": Words(
            "Ein neuer API-Schlüssel kann für dich handeln",
            "Er heißt „{name}“. Wenn du ihn nicht gemacht hast, widerrufe ihn und ändere dein Passwort.",
        ),
    },
    permission=SIGNED_IN,
    activity=False,
)

OWN: Final = (APPROVAL_WANTED, API_KEY_MADE)

ALWAYS: Final = frozenset({API_KEY_MADE})
"""Nobody can choose not to hear of these: whoever got hold of a session would choose that first."""
