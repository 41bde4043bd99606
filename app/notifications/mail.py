"""Mails: written with the delivery of a notice, sent by SMTP outside any transaction, at least once under one id.

A mail is plain text in the recipient's language. No header is made of a text that could hold a line break: neither
a written one, nor one hidden in an encoded word, which the standard library would decode and write out.
"""

import asyncio
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any

from sqlalchemy import bindparam, select

from app import writing
from app.database import Database, Transaction
from app.notifications.models import Mail
from app.notifications.wording import Text, Words, one_line
from app.outbox import service as outbox
from app.outbox.relay import Message, Record, Undeliverable
from app.settings import Settings
from app.statements import Row, Statement
from app.time import FAR_END, real_now

READY = "mail.ready"
SOCKET_SECONDS_MAX = 10
IMPLICIT_TLS_PORT = 465
ONE = Statement(select(*Mail.__table__.columns).where(Mail.id == bindparam("key")))
FOOTERS = Words(
    zh=Text("", "本邮件由回应(Huiying)自动发出,请勿直接回复。"),
    en=Text("", "Huiying sent this by itself; please do not reply to it."),
)


class RecipientPutOff(Exception):
    """The server does not take mail for the recipient just now."""


async def write_mail(
    tx: Transaction,
    reader: Mapping[str, Any],
    notification_key: int | None,
    words: Words,
    at: datetime,
    *,
    event: str = READY,
) -> None:
    """Hold back a mail of a delivered notice and the message that has it sent; nothing where no server is set.

    `reader` is the recipient's `email`, `language` and `is_active`: who has left gets no mail. `event` names who
    sends it, where that is not the worker.
    """
    if not tx.database.settings.smtp_host or not reader["is_active"]:
        return
    text = words.in_language(reader["language"])
    footer = FOOTERS.in_language(reader["language"]).body
    row = await writing.insert(
        tx,
        Mail,
        notification_id=notification_key,
        recipient=reader["email"],
        subject=one_line(text.title),
        body=f"{text.body}\n\n-- \n{footer}\n",
        created_at=at,
    )
    await outbox.publish(
        tx,
        event,
        at=at,
        subject_type="mail",
        subject_id=row["public_id"],
        payload={"mail_key": row["id"]},
    )


async def send_mail(database: Database, message: Message) -> Record | None:
    """Send the mail that a message speaks of; what it returns records when. One already sent is left alone.

    Raises `Undeliverable` for what no later attempt can mend: a recipient or a content refused for good.
    """
    row = await database.one(ONE, key=message.payload["mail_key"])
    if row is None:
        raise Undeliverable("there is no such mail")
    if row["sent_at"] != FAR_END:
        return None
    email = _email(row, database.settings)
    await asyncio.to_thread(_transmit, email, database.settings)

    async def record(tx: Transaction) -> None:
        await writing.update_many(tx, Mail, [{"id": row["id"], "sent_at": await tx.now()}])

    return record


def _email(row: Row, settings: Settings) -> EmailMessage:
    name, address = parseaddr(settings.mail_from)
    email = EmailMessage(policy=SMTP)
    try:
        email["From"] = Address(display_name=name or "Huiying 回应", addr_spec=address)
        email["To"] = Address(addr_spec=row["recipient"])
    except (ValueError, LookupError, MessageError) as error:
        raise Undeliverable(f"not a mail address: {type(error).__name__}") from None
    email["Subject"] = one_line(row["subject"]).replace("=?", "= ?")
    email["Date"] = format_datetime(real_now())
    email["Message-ID"] = f"<{row['public_id']}@huiying>"
    email["List-Id"] = "Huiying notices <notices.huiying>"
    email["Auto-Submitted"] = "auto-generated"
    email["X-Auto-Response-Suppress"] = "All"
    email.set_content(row["body"], charset="utf-8", cte="base64")
    return email


def _transmit(email: EmailMessage, settings: Settings) -> None:
    smtp = _connect(settings)
    try:
        smtp.send_message(email)
    except smtplib.SMTPRecipientsRefused as error:
        # The library's own text would carry the address into the outbox.
        codes = [code for code, _ in error.recipients.values()]
        kind = Undeliverable if all(code >= 500 for code in codes) else RecipientPutOff
        raise kind(f"the recipient was refused: {codes}") from None
    except smtplib.SMTPDataError as error:
        if error.smtp_code >= 500:
            raise Undeliverable(f"the content was refused: {error.smtp_code}") from error
        raise
    finally:
        with suppress(smtplib.SMTPException, OSError):  # what was accepted stays accepted
            smtp.quit()


def _connect(settings: Settings) -> smtplib.SMTP:
    host, port = settings.smtp_host, settings.smtp_port
    smtp: smtplib.SMTP
    if port == IMPLICIT_TLS_PORT:
        context = ssl.create_default_context()
        smtp = smtplib.SMTP_SSL(host, port, timeout=SOCKET_SECONDS_MAX, context=context)
    else:
        smtp = smtplib.SMTP(host, port, timeout=SOCKET_SECONDS_MAX)
    try:
        if settings.smtp_starttls:
            smtp.starttls(context=ssl.create_default_context())
        if settings.smtp_username:
            smtp.login(settings.smtp_username, settings.smtp_password.get_secret_value())
    except BaseException:
        smtp.close()
        raise
    return smtp
