"""What people are told of their downloads, in words. Tells nothing itself: that is done where a download ends."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import ADMIN, NotificationKind, Words

DOWNLOAD_DONE: Final = NotificationKind(
    "download_done",
    title={"en": "Downloads that are ready", "de": "Fertige Downloads"},
    words={
        "en": Words("Downloaded: {title}", "It is ready to play or to save."),
        "de": Words("Heruntergeladen: {title}", "Es kann abgespielt oder gespeichert werden."),
    },
    permission="download",
    oversight=ADMIN,
)

DOWNLOAD_FAILED: Final = NotificationKind(
    "download_failed",
    title={"en": "Downloads that failed", "de": "Fehlgeschlagene Downloads"},
    words={
        "en": Words("Not downloaded: {title}", "{reason}"),
        # The reason is put into English words where it arises; the list of downloads has it.
        "de": Words("Nicht heruntergeladen: {title}", "Woran es lag, steht in der Liste deiner Downloads."),
    },
    permission="download",
    oversight=ADMIN,
)
