"""E-mail by the operator's mail server: where it goes, what the server does wrong, and that nobody chooses another one."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from medianest_hub.plugin_api import Notification, errors
from medianest_hub.testing import make_call
from medianest_notify import lifecycle, notifiers, routes
from medianest_notify.settings import NotifySettings
from tests.simulators.notify_sinks.mail import PASSWORD, USER, MailSink

from .conftest import addresses, enter, run_job, somebody, try_out


def server(mail: MailSink, **fields: object) -> dict[str, object]:
    settings = {"host": "127.0.0.1", "port": mail.port, "security": "none", "username": USER, **fields}
    return {"mail": settings, "mail_password": PASSWORD, "services": ["json"]}


@asynccontextmanager
async def ready(make, **fields):
    """A mail server, a hub that writes by it, and somebody with an e-mail address."""
    async with MailSink().running() as mail:
        ctx = await make(**server(mail, **fields))
        mia = somebody(ctx)
        yield mail, ctx, mia, await enter(ctx, mia, "mia@mail.example")


async def test_an_email_arrives_whole(make):
    async with ready(make) as (mail, ctx, mia, address):
        told = Notification(
            kind="a.b", title="Ünder\nthe\r\nBcc: tom@mail.example", body="Zwölf\n.\nEnde", href="https://a.example/1"
        )
        await notifiers.deliver_by_apprise(ctx, mia, told)
        await run_job(ctx)
        assert (await addresses(ctx, mia))[0].delivered_at is not None
        ((recipients, message),) = mail.arrived
        assert recipients == ["mia@mail.example"]
        assert (message["From"], message["To"]) == (USER, "mia@mail.example")
        assert (message["Subject"], message["Bcc"]) == ("Ünder the Bcc: tom@mail.example", None)
        assert message["Auto-Submitted"] == "auto-generated"
        assert "Zwölf" in message.get_content()
        assert "https://a.example/1" in message.get_content()
        assert (address.service, address.server) == ("mail", "m•••@mail.example")


async def test_what_a_mail_server_does_wrong_is_told_in_words(make):
    async with ready(make) as (mail, ctx, mia, address):
        for mail.fault, outcome, code in (
            ("login", "failed", "mail_login"),
            ("recipient", "failed", "mail_refused"),
            ("later", "failed", "mail_refused"),
            ("hang", "failed", "mail_unreachable"),
            ("silent", "uncertain", "no_answer"),
        ):
            told = await try_out(ctx, mia, address)
            assert (told.outcome, told.code) == (outcome, code)
            assert PASSWORD not in told.model_dump_json()
        mail.fault = "later"
        await notifiers.deliver_by_apprise(ctx, mia, Notification(kind="a.b", title="Hello"))
        with pytest.raises(errors.RetryLater):
            await run_job(ctx)


async def test_a_mail_server_that_is_away_or_speaks_no_tls_is_told_as_such(make):
    async with ready(make, security="tls") as (_, ctx, mia, address):
        assert (await try_out(ctx, mia, address)).code == "mail_certificate"
    async with ready(make, security="starttls") as (_, ctx, mia, address):
        assert (await try_out(ctx, mia, address)).outcome == "failed"
    gone = await make(**server(mail=MailSink(), port=1))
    mia = somebody(gone)
    assert (await try_out(gone, mia, await enter(gone, mia, "mia@mail.example"))).code == "mail_unreachable"


async def test_a_mail_server_in_tls_proves_itself_by_the_households_ca(make, authority):
    async with MailSink(authority.certificate().context()).running() as mail:
        for tls, code in (({"ca": authority.pem}, ""), ({}, "mail_certificate")):
            ctx = await make(**server(mail, security="tls"), tls=tls)
            mia = somebody(ctx)
            assert (await try_out(ctx, mia, await enter(ctx, mia, "mia@mail.example"))).code == code
        assert len(mail.arrived) == 1


async def test_people_say_whom_to_write_to_and_nothing_else(make):
    async with ready(make) as (mail, ctx, mia, _):
        for address in (
            "mailto://user:password@smtp.example",
            "mailtos://user:password@127.0.0.1:25",
            "mailto:mia@mail.example?bcc=tom@mail.example",
            "mailto:mia@mail.example,tom@mail.example",
            "mia@mail.example,tom@mail.example",
            "Mia <mia@mail.example>",
            "mia@localhost",
            "mia@@mail.example",
            '"mia@a"@mail.example',
            "mia@mail.example\r\nRCPT TO:<tom@mail.example>",
            "mia@" + "a" * 260 + ".example",
        ):
            with pytest.raises(errors.BadInput):
                await enter(ctx, mia, address)
        # An address of Apprise reaches no further for the mail server being allowed.
        other = await enter(ctx, mia, f"json://127.0.0.1:{mail.port}/hook")
        assert (await try_out(ctx, mia, other)).code == "unreachable"
        assert mail.connections == 0


async def test_without_a_mail_server_there_is_no_email(make):
    ctx = await make()
    mia = somebody(ctx)
    with pytest.raises(errors.BadInput):
        await enter(ctx, mia, "mia@mail.example")
    offered = (await routes.services(ctx, make_call(person=mia))).items
    assert "mail" not in [one.name for one in offered]
    async with ready(make) as (_, with_mail, tom, _):
        offered = (await routes.services(with_mail, make_call(person=tom))).items
        assert [one.name for one in offered] == ["mail", "json"]


async def test_a_mail_server_without_a_sender_is_refused(context):
    for fields, good in (
        ({"host": "smtp.example"}, False),
        ({"host": "smtp.example", "username": "hub"}, False),
        ({"host": "smtp.example", "username": "hub@mail.example"}, True),
        ({"host": "smtp.example", "username": "hub", "sender": "hub@mail.example"}, True),
        ({}, True),
    ):
        ctx = await context(NotifySettings(mail=fields))
        if good:
            await lifecycle.check_settings(ctx)
        else:
            with pytest.raises(errors.ConfigInvalid) as refused:
                await lifecycle.check_settings(ctx)
            assert refused.value.fields[0].field == "mail.sender"
