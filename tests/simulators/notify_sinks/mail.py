"""A mail server that takes messages for one household (RFC 5321, AUTH PLAIN and LOGIN); delivers nothing."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from email.message import EmailMessage

USER, PASSWORD = "hub@mail.example", "the-mail-password"


class MailSink:
    """`async with MailSink().running() as mail:`; messages are in `arrived`, whole, with the recipients of the envelope.

    `fault`: `hang` (never greets), `login` (refuses everybody), `recipient` (knows nobody), `later` (not now), `silent`
    (takes the message and says nothing more).
    """

    def __init__(self, certificate: ssl.SSLContext | None = None) -> None:
        self.arrived: list[tuple[list[str], EmailMessage]] = []
        self.connections = 0
        self.fault = ""
        self.port = 0
        self._tls = certificate
        self._closing = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[MailSink]:
        """Serve on 127.0.0.1 until the block ends; with a certificate in TLS from the first byte."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self._closing.set()
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self.fault == "hang":
                await self._closing.wait()
                return
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client had enough
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        signed_in, recipients = False, list[str]()
        writer.write(b"220 mail.example ESMTP\r\n")
        while line := (await reader.readline()).decode("utf-8", "replace").strip():
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                answer = "250-mail.example\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME"
            elif verb == "AUTH":
                signed_in = self.fault != "login" and await self._sign_in(line, reader, writer)
                answer = "235 2.7.0 welcome" if signed_in else "535 5.7.8 no"
            elif verb == "MAIL":
                answer = "250 ok" if signed_in else "530 5.7.0 sign in first"
            elif verb == "RCPT":
                answer = {"recipient": "550 5.1.1 nobody here", "later": "451 4.7.1 later"}.get(self.fault, "250 ok")
                recipients.append(line.partition(":")[2].strip("<> "))
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                data = await reader.readuntil(b"\r\n.\r\n")
                self.arrived.append((recipients, _read(data[:-5])))
                if self.fault == "silent":
                    await self._closing.wait()
                    return
                answer = "250 ok"
            else:
                answer = "221 bye" if verb == "QUIT" else "250 ok"
            writer.write(f"{answer}\r\n".encode())
            await writer.drain()

    async def _sign_in(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        parts = line.split(" ")
        if parts[1].upper() == "PLAIN":
            return base64.b64decode(parts[2]).decode().split("\0")[1:] == [USER, PASSWORD]
        given = [parts[2]] if len(parts) > 2 else []
        while len(given) < 2:
            writer.write(b"334 " + base64.b64encode(b"Password:") + b"\r\n")
            given.append((await reader.readline()).decode().strip())
        return [base64.b64decode(one).decode() for one in given] == [USER, PASSWORD]


def _read(data: bytes) -> EmailMessage:
    found = email.message_from_bytes(data, policy=email.policy.default)
    if not isinstance(found, EmailMessage):
        raise TypeError("the policy makes such messages")
    return found
