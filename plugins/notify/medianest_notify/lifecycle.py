"""Starting and stopping, and what can be said of settings before they are kept."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Context, Lifecycle, errors
from medianest_notify.senders import close_senders, make_senders
from medianest_notify.settings import NotifySettings


async def check_settings(ctx: Context[NotifySettings]) -> None:
    """ "Test connection": there is a sender where there is a mail server. Nobody is written to; each address has its own test."""
    if ctx.settings.mail.host and not ctx.settings.mail_sender:
        message = "Enter the address e-mails come from: the user of the mail server is none."
        raise errors.ConfigInvalid(
            message, fields=[errors.FieldProblem(field="mail.sender", code="missing", message=message)]
        )


async def startup(ctx: Context[NotifySettings]) -> None:
    """Nothing is started yet: a process for Apprise comes with the first message."""
    make_senders(ctx)


async def shutdown(ctx: Context[NotifySettings]) -> None:
    """End the processes, if there are any."""
    await close_senders(ctx)


LIFECYCLE: Final = Lifecycle(check_settings=check_settings, startup=startup, shutdown=shutdown)
