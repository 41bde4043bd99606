"""What the administrators are told when no worker lives, and when one lives again. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from app.notifications.wording import Text, Words

_CALM_ZH = "在它恢复之前:到期不会被发现,提醒、升级和邮件都不会发出。数据不会丢失,恢复后会自动补上。"
_CALM_EN = (
    "Until one is back, nothing that falls due is noticed and no reminder, escalation or mail goes out. "
    "Nothing is lost: it is all made up for afterwards."
)
_REMEDY_ZH = "请启动 huiying worker(或重启带 --with-worker 的服务),再看 /readyz 是否就绪。"
_REMEDY_EN = (
    "Start `huiying worker` (or restart the server that runs --with-worker), then look at /readyz."
)


def silent(since: datetime | None, zone: ZoneInfo) -> Words:
    """Return the alarm: no worker has given a sign since an instant (None: none ever has)."""
    if since is None:
        when = ("至今没有任何后台进程报到过。", "No background worker has ever reported.")
    else:
        at = f"{since.astimezone(zone):%Y-%m-%d %H:%M:%S} ({zone.key})"
        when = (
            f"自 {at} 起没有任何后台进程报到。",
            f"No background worker has reported since {at}.",
        )
    return Words(
        zh=Text("警报:没有后台进程在运行,时限引擎停了", "\n".join((when[0], _CALM_ZH, _REMEDY_ZH))),
        en=Text(
            "Alarm: no worker is running, the deadline engine stands still",
            "\n".join((when[1], _CALM_EN, _REMEDY_EN)),
        ),
    )


def back(since: datetime | None, ended_at: datetime, zone: ZoneInfo) -> Words:
    """Return what replaces the alarm once a worker lives again."""
    end = f"{ended_at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    if since is None:
        zh, en = f"首个后台进程于 {end} 开始运行", f"The first worker started at {end}"
    else:
        begin = f"{since.astimezone(zone):%Y-%m-%d %H:%M:%S}"
        minutes = max(1, round((ended_at - since).total_seconds() / 60))
        zh = f"自 {begin} 至 {end} 没有后台进程(约 {minutes} 分钟)"
        en = f"There was no worker from {begin} to {end} (about {minutes} min)"
    return Words(
        zh=Text(
            "已恢复:后台进程重新运行", f"{zh}({zone.key})。\n这段时间里到期的事项正在自动补上。"
        ),
        en=Text(
            "Settled: a worker is running again",
            f"{en} ({zone.key}).\nWhatever fell due meanwhile is being made up for.",
        ),
    )
