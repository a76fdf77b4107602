"""Sends one message by the operator's mail server; reads no address but the recipient's, which is checked before."""

from __future__ import annotations

import smtplib
import socket
import ssl
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from typing import Any

from medianest_notify.apprise_process.guard import Guard
from medianest_notify.network import read_literal

_SECONDS = 8.0


def send_mail(guard: Guard, order: dict[str, Any], tls: ssl.SSLContext) -> dict[str, Any]:
    """The outcome, as `Notes.verdict` words it. `order` holds `mail` (the server), `recipient`, `title` and `body`."""
    server = order["mail"]
    try:
        found = socket.getaddrinfo(server["host"], server["port"], type=socket.SOCK_STREAM)
    except OSError:
        return {"outcome": "passing", "code": "mail_unreachable"}
    places = [(read_literal(str(one[4][0])), int(server["port"])) for one in found]
    guard.begin((address, port) for address, port in places if address is not None)
    try:
        message = _message(server["sender"], order)
        connection = _connect(server, tls)
    except ssl.SSLError:
        return {"outcome": "refused", "code": "mail_certificate"}
    except smtplib.SMTPAuthenticationError:
        return {"outcome": "refused", "code": "mail_login"}
    except (ValueError, TypeError):
        return {"outcome": "refused", "code": "bad_address"}
    except (OSError, smtplib.SMTPException):
        return {"outcome": "passing", "code": "mail_unreachable"}
    return _hand_over(connection, message)


def _connect(server: dict[str, Any], tls: ssl.SSLContext) -> smtplib.SMTP:
    """Connected, in TLS unless the operator said otherwise, and signed in."""
    host, port = server["host"], server["port"]
    connection: smtplib.SMTP
    if server["security"] == "tls":
        connection = smtplib.SMTP_SSL(host, port, timeout=_SECONDS, local_hostname="localhost", context=tls)
    else:
        connection = smtplib.SMTP(host, port, timeout=_SECONDS, local_hostname="localhost")
    try:
        if server["security"] == "starttls":
            connection.starttls(context=tls)
        if server["username"]:
            connection.login(server["username"], server["password"])
    except BaseException:
        connection.close()
        raise
    return connection


def _hand_over(connection: smtplib.SMTP, message: EmailMessage) -> dict[str, Any]:
    try:
        connection.send_message(message)
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        code = error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else _code_of(error)
        passing = 400 <= code < 500
        return {"outcome": "passing" if passing else "refused", "code": "mail_refused", "status": code}
    except (OSError, smtplib.SMTPException):
        return {"outcome": "uncertain", "code": "no_answer"}
    finally:
        connection.close()
    return {"outcome": "delivered"}


def _code_of(error: smtplib.SMTPRecipientsRefused) -> int:
    return next(iter(error.recipients.values()), (550, b""))[0]


def _message(sender: str, order: dict[str, Any]) -> EmailMessage:
    name, _, domain = order["recipient"].rpartition("@")
    message = EmailMessage()
    message["From"] = sender
    message["To"] = MailAddress(username=name, domain=domain)
    message["Subject"] = " ".join(order["title"].split())
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].strip("> ") or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(order["body"] or order["title"])
    return message
