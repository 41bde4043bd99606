"""Mails against a real SMTP server on the loopback: delivered, put off, refused for good, sent again after a crash."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import select

from app import writing
from app.database import Database
from app.notifications import mail, release
from app.notifications.models import Mail, Notification
from app.notifications.wording import Text, Words
from app.outbox import sending
from app.outbox.models import OutboxMessage
from app.outbox.relay import ATTEMPTS_MAX, relay, requeue
from app.outbox.sending import LEASE, send
from app.sla.enforcement import sweep
from app.statements import Row, Statement
from app.subscribers import SUBSCRIPTIONS
from app.time import FAR_END
from tests.factories import freeze, make_line, make_rules, make_subject, make_user

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
WORDS = Words(
    zh=Text("已超时 40 分钟:受理", "事项:T1 打印机故障\n负责人:韩梅梅"),
    en=Text("Overdue by 40 min: Acceptance", "What: T1\nOwner: 韩梅梅"),
)
MAILS = Statement(select(*Mail.__table__.columns).order_by(Mail.id))
MESSAGES = Statement(
    select(*OutboxMessage.__table__.columns).where(OutboxMessage.event == mail.READY)
)


class Post:
    """The other side: keeps what it took, and answers the next recipients and contents as it was told to."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.recipient_answers: list[str] = []
        self.content_answers: list[str] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient_answers:
            return self.recipient_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.content_answers:
            return self.content_answers.pop(0)
        assert isinstance(envelope.content, bytes)
        self.taken.append(message_from_bytes(envelope.content, policy=default))
        self.envelopes.append(envelope)
        return "250 OK"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def post(port: int) -> Iterator[Post]:
    handler = Post()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler
    controller.stop()


@pytest.fixture(autouse=True)
async def noon(database: Database, port: int) -> None:
    database.settings = database.settings.model_copy(
        update={
            "smtp_host": "127.0.0.1",
            "smtp_port": port,
            "mail_from": "回应 <huiying@example.cn>",
        }
    )
    await freeze(database, NOON)


async def deliver(database: Database, words: Words = WORDS, **of_user: Any) -> Row:
    """Deliver one notice to a new user, as the relay does, and return the user."""
    async with database.transaction() as tx:
        user = await make_user(tx, **of_user)
        note = await writing.insert(
            tx, Notification, user_id=user["id"], kind="deadline.escalated", created_at=NOON,
            deliver_at=NOON,
        )  # fmt: skip
        line = {**user, **note}
        await release.deliver(tx, [release.Delivery(line, words, {})], at=NOON)
    return user


async def the_mail(database: Database) -> Row:
    (row,) = await database.all(MAILS)
    return row


async def the_message(database: Database) -> Row:
    (row,) = await database.all(MESSAGES)
    return row


async def test_a_delivered_notice_reaches_its_reader_as_a_mail(
    database: Database, post: Post
) -> None:
    user = await deliver(database)
    assert (await send(database, SUBSCRIPTIONS)).settled_count == 1
    (got,) = post.taken
    row = await the_mail(database)
    assert post.envelopes[0].rcpt_tos == [user["email"]]
    assert post.envelopes[0].mail_from == "huiying@example.cn"
    assert got["To"] == user["email"]
    assert got["From"] == "回应 <huiying@example.cn>"
    assert got["Subject"] == "已超时 40 分钟:受理"
    assert got["Message-ID"] == f"<{row['public_id']}@huiying>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["List-Id"] == "Huiying notices <notices.huiying>"
    assert got.get_content_type() == "text/plain"
    assert got.get_content().replace("\r\n", "\n") == (
        "事项:T1 打印机故障\n负责人:韩梅梅\n\n-- \n本邮件由回应(Huiying)自动发出,请勿直接回复。\n"
    )
    assert (row["sent_at"], (await the_message(database))["state"]) == (NOON, "done")


async def test_a_mail_speaks_the_recipients_language(database: Database, post: Post) -> None:
    await deliver(database, language="en")
    await send(database, SUBSCRIPTIONS)
    assert post.taken[0]["Subject"] == "Overdue by 40 min: Acceptance"
    assert post.taken[0].get_content().startswith("What: T1")


async def test_a_second_run_sends_nothing_again(database: Database, post: Post) -> None:
    await deliver(database)
    await send(database, SUBSCRIPTIONS)
    assert (await send(database, SUBSCRIPTIONS)).settled_count == 0
    assert len(post.taken) == 1


async def test_without_a_server_no_mail_is_written(database: Database) -> None:
    database.settings = database.settings.model_copy(update={"smtp_host": ""})
    await deliver(database)
    assert await database.all(MAILS) == []
    assert await database.all(MESSAGES) == []


async def test_who_has_left_gets_no_mail(database: Database) -> None:
    await deliver(database, is_active=False)
    assert await database.all(MAILS) == []


@pytest.mark.parametrize("answers", ["recipient_answers", "content_answers"])
async def test_a_temporary_refusal_is_tried_again_later(
    database: Database, post: Post, answers: str
) -> None:
    user = await deliver(database)
    setattr(post, answers, ["451 come back later"])
    assert (await send(database, SUBSCRIPTIONS)).failed_count == 1
    put_off = await the_message(database)
    assert (put_off["state"], put_off["attempts"]) == ("pending", 1)
    assert user["email"] not in put_off["last_error"]
    assert (await the_mail(database))["sent_at"] == FAR_END
    await freeze(database, put_off["attempt_at"])
    await send(database, SUBSCRIPTIONS)
    assert len(post.taken) == 1
    assert (await the_mail(database))["sent_at"] == put_off["attempt_at"]


@pytest.mark.parametrize("answers", ["recipient_answers", "content_answers"])
async def test_a_refusal_for_good_is_dead_at_once_and_requeue_revives_it(
    database: Database, post: Post, answers: str
) -> None:
    user = await deliver(database)
    setattr(post, answers, ["550 no such mailbox"])
    await send(database, SUBSCRIPTIONS)
    dead = await the_message(database)
    assert (dead["state"], dead["attempts"]) == ("dead", 1)
    assert user["email"] not in dead["last_error"]
    assert post.taken == []
    assert await requeue(database, dead["public_id"])
    await send(database, SUBSCRIPTIONS)
    assert len(post.taken) == 1
    assert (await the_message(database))["state"] == "done"


async def test_a_server_that_is_down_ends_dead_and_requeue_revives_it(
    database: Database, port: int
) -> None:
    await deliver(database)
    for _ in range(ATTEMPTS_MAX):
        await freeze(database, (await the_message(database))["attempt_at"])
        await send(database, SUBSCRIPTIONS)
    dead = await the_message(database)
    assert dead["state"] == "dead"
    assert dead["last_error"].startswith("ConnectionRefusedError")
    assert await requeue(database, dead["public_id"])
    handler = Post()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        await send(database, SUBSCRIPTIONS)
    finally:
        controller.stop()
    assert len(handler.taken) == 1


async def test_a_crash_between_sending_and_settling_sends_again_under_the_same_id(
    database: Database, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        pass

    def pass_by(name: str) -> None:
        if name == "send.after":
            raise Crash

    await deliver(database)
    monkeypatch.setattr(sending, "pass_by", pass_by)
    with pytest.raises(Crash):
        await send(database, SUBSCRIPTIONS)
    monkeypatch.undo()
    assert (await the_mail(database))["sent_at"] == FAR_END
    await freeze(database, NOON + LEASE)
    await send(database, SUBSCRIPTIONS)
    first, second = post.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert (await the_mail(database))["sent_at"] == NOON + LEASE


async def test_a_mail_that_was_sent_is_not_sent_again(database: Database, post: Post) -> None:
    await deliver(database)
    await send(database, SUBSCRIPTIONS)
    message = await the_message(database)
    async with database.transaction() as tx:
        await writing.update(tx, OutboxMessage, message, state="pending", attempt_at=NOON)
    assert (await send(database, SUBSCRIPTIONS)).settled_count == 1
    assert len(post.taken) == 1


HEADERS = {"to", "from", "subject", "message-id", "date", "list-id", "auto-submitted"} | {
    "x-auto-response-suppress", "mime-version", "content-type", "content-transfer-encoding",
}  # fmt: skip


@pytest.mark.parametrize(
    "title",
    [
        "T1\r\nBcc: thief@example.com",
        "T1\nBcc: thief@example.com",
        "T1\u2028Bcc: thief@example.com",
        "T1\x0bBcc: thief@example.com\x1f",
        "=?utf-8?q?T1=0D=0ABcc=3A_thief=40example.com?=",
        "T1 " + "很长的标题" * 60,
    ],
)
async def test_no_title_makes_a_header_of_its_own(
    database: Database, post: Post, title: str
) -> None:
    user = await deliver(database, Words(Text(title[:300], "正文"), Text(title[:300], "body")))
    await send(database, SUBSCRIPTIONS)
    (got,) = post.taken
    assert {name.lower() for name in got} <= HEADERS
    assert post.envelopes[0].rcpt_tos == [user["email"]]
    assert got.get_content().startswith("正文")


@pytest.mark.parametrize(
    "address",
    [
        "韩梅梅",
        "a@b\r\nBcc: thief@example.com",
        "a@b.cn, thief@example.com",
        "",
        "@",
        "a@",
        "=?utf-8?q?a=0D=0ABcc=3A_thief=40example.com?=@b.cn",
    ],
)
async def test_what_is_no_address_is_dead_and_reaches_nobody(
    database: Database, post: Post, address: str
) -> None:
    await deliver(database, email=address)
    await send(database, SUBSCRIPTIONS)
    assert (await the_message(database))["state"] == "dead"
    assert post.envelopes == []


async def test_a_body_arrives_as_it_was_written(database: Database, post: Post) -> None:
    body = "<script>alert(1)</script>\n.\nFrom here\n" + "长" * 2000
    await deliver(database, Words(Text("标题", body), Text("title", body)))
    await send(database, SUBSCRIPTIONS)
    (got,) = post.taken
    assert got.get_content().replace("\r\n", "\n").startswith(body + "\n\n-- \n")


async def test_an_escalation_travels_from_the_sweep_to_the_mailbox(
    database: Database, post: Post
) -> None:
    await make_rules(database, NOON)
    async with database.transaction() as tx:
        line = await make_line(tx)
        await make_subject(tx, owner=line["owner"], department=line["department"])
    await freeze(database, NOON + timedelta(minutes=30))
    await sweep(database)
    await relay(database, SUBSCRIPTIONS)
    await send(database, SUBSCRIPTIONS)
    told = sorted((got["To"], got["Subject"]) for got in post.taken)
    assert told == [
        ("owner@example.cn", "刚刚到期:受理(TK-2)· T000001 系统无法登录"),
        ("supervisor@example.cn", "刚刚到期:受理(TK-2)· T000001 系统无法登录"),
    ]
