"""What people are told of, in words by language. Who is told of what, and when, is decided in `telling` and `hearing`."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import NotificationKind, Words
from medianest_overseerr.privacy import MANAGE

REQUESTED: Final = NotificationKind(
    "requested",
    title={"en": "Something was asked for", "de": "Etwas wurde gewünscht"},
    words={"en": Words("Asked for: {title}"), "de": Words("Gewünscht: {title}")},
    oversight=MANAGE,
    notify=False,
)

REQUEST_PENDING: Final = NotificationKind(
    "request_pending",
    title={"en": "A request waits for a decision", "de": "Ein Wunsch wartet auf eine Entscheidung"},
    words={
        "en": Words("{who} asks for {title}", "It waits for somebody to decide on it."),
        "de": Words("{who} wünscht sich {title}", "Jemand muss darüber entscheiden."),
    },
    permission=MANAGE,
    activity=False,
)

REQUEST_APPROVED: Final = NotificationKind(
    "request_approved",
    title={"en": "Your request is approved", "de": "Dein Wunsch ist genehmigt"},
    words={
        "en": Words("Approved: {title}", "You will hear when it has arrived."),
        "de": Words("Genehmigt: {title}", "Du hörst davon, sobald es da ist."),
    },
    oversight=MANAGE,
)

REQUEST_DECLINED: Final = NotificationKind(
    "request_declined",
    title={"en": "Your request is declined", "de": "Dein Wunsch ist abgelehnt"},
    words={"en": Words("Declined: {title}", "{reason}"), "de": Words("Abgelehnt: {title}", "{reason}")},
    oversight=MANAGE,
)

REQUEST_AVAILABLE: Final = NotificationKind(
    "request_available",
    title={"en": "What you asked for has arrived", "de": "Was du dir gewünscht hast, ist da"},
    words={
        "en": Words("Arrived: {title}", "It is in the library now."),
        "de": Words("Angekommen: {title}", "Es ist jetzt in der Mediathek."),
    },
    oversight=MANAGE,
)

REQUEST_FAILED: Final = NotificationKind(
    "request_failed",
    title={"en": "What you asked for could not be got", "de": "Was du dir gewünscht hast, war nicht zu bekommen"},
    words={
        "en": Words("Could not be got: {title}", "Whoever manages requests can have it tried again."),
        "de": Words("Nicht zu bekommen: {title}", "Wer die Wünsche verwaltet, kann es noch einmal versuchen lassen."),
    },
    oversight=MANAGE,
)

REQUEST_REMOVED: Final = NotificationKind(
    "request_removed",
    title={"en": "Your request was removed", "de": "Dein Wunsch wurde entfernt"},
    words={
        "en": Words("Removed: {title}", "Somebody who manages requests took it off the list."),
        "de": Words("Entfernt: {title}", "Jemand, der die Wünsche verwaltet, hat ihn von der Liste genommen."),
    },
    oversight=MANAGE,
)


def _of_another(kind: NotificationKind, titles: dict[str, str]) -> NotificationKind:
    """The same of somebody who is nobody of the hub: only in the activity, for those who manage requests."""
    return NotificationKind(
        "others_" + kind.name,
        title=titles,
        words={
            language: Words(f"{words.title} ({{who}})", words.body if "{reason}" in words.body else "")
            for language, words in kind.words.items()
        },
        permission=MANAGE,
        notify=False,
    )


_OTHERS: Final = tuple(
    _of_another(
        kind, {"en": f"{english}, by somebody who is not known here", "de": f"{german}, von jemand Unbekanntem"}
    )
    for kind, english, german in (
        (REQUESTED, "Something was asked for", "Etwas wurde gewünscht"),
        (REQUEST_APPROVED, "A request was approved", "Ein Wunsch wurde genehmigt"),
        (REQUEST_DECLINED, "A request was declined", "Ein Wunsch wurde abgelehnt"),
        (REQUEST_AVAILABLE, "A request arrived", "Ein Wunsch ist angekommen"),
        (REQUEST_FAILED, "A request could not be got", "Ein Wunsch war nicht zu bekommen"),
        (REQUEST_REMOVED, "A request was removed", "Ein Wunsch wurde entfernt"),
    )
)
OF_OTHERS: Final = {kind.name.removeprefix("others_"): kind for kind in _OTHERS}
"""What is told of requests of users who are nobody of the hub, by the name of the kind that else would be."""

ISSUE_REPORTED: Final = NotificationKind(
    "issue_reported",
    title={"en": "Something in the library is reported to be wrong", "de": "Etwas in der Mediathek wird bemängelt"},
    words={
        "en": Words("Something is wrong with {title}", "{message}"),
        "de": Words("Etwas stimmt nicht mit {title}", "{message}"),
    },
    permission=MANAGE,
)

ISSUE_COMMENTED: Final = NotificationKind(
    "issue_commented",
    title={"en": "An answer to what you reported", "de": "Eine Antwort auf deine Meldung"},
    words={
        "en": Words("An answer about {title}", "{message}"),
        "de": Words("Eine Antwort zu {title}", "{message}"),
    },
    activity=False,
)

ISSUE_RESOLVED: Final = NotificationKind(
    "issue_resolved",
    title={"en": "What you reported is solved", "de": "Was du gemeldet hast, ist behoben"},
    words={
        "en": Words("Solved: {title}", "What you reported is solved."),
        "de": Words("Behoben: {title}", "Was du gemeldet hast, ist behoben."),
    },
    oversight=MANAGE,
)

ISSUE_REOPENED: Final = NotificationKind(
    "issue_reopened",
    title={"en": "What you reported is open again", "de": "Deine Meldung ist wieder offen"},
    words={
        "en": Words("Open again: {title}", "What you reported is looked at once more."),
        "de": Words("Wieder offen: {title}", "Um deine Meldung kümmert sich noch einmal jemand."),
    },
    oversight=MANAGE,
)

KINDS: Final = (
    REQUESTED,
    REQUEST_PENDING,
    REQUEST_APPROVED,
    REQUEST_DECLINED,
    REQUEST_AVAILABLE,
    REQUEST_FAILED,
    REQUEST_REMOVED,
    *_OTHERS,
    ISSUE_REPORTED,
    ISSUE_COMMENTED,
    ISSUE_RESOLVED,
    ISSUE_REOPENED,
)
"""All of them, as declared."""
