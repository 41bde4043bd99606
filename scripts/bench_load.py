"""A small loader over raw sockets: keeps N connections busy with one request each, and writes down latencies."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

Make = Callable[[int], bytes]


@dataclass(slots=True)
class Load:
    """What a load measured: answers a second, latencies in seconds, statuses."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """The latency that `share` of the answers kept to, in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else 0.0


class _Connection(asyncio.Protocol):
    def __init__(self, make: Make, load: Load, until: float, done: asyncio.Future[None]) -> None:
        self.make, self.load, self.until, self.done = make, load, until, done
        self.buffer = b""
        self.sent_at = 0.0
        self.count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        if time.perf_counter() >= self.until:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self.count += 1
        request = self.make(self.count)
        self.sent_at = time.perf_counter()
        self.transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self.buffer = b""
        self.load.latencies.append(time.perf_counter() - self.sent_at)
        status = int(head[9:12])
        self.load.statuses[status] = self.load.statuses.get(status, 0) + 1
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def run_load(port: int, make: Make, *, seconds: float, connections: int) -> Load:
    """Keep `connections` busy for `seconds` against 127.0.0.1 and return what was measured."""
    loop = asyncio.get_running_loop()
    load = Load(seconds)
    until = time.perf_counter() + seconds
    waits = []
    for _ in range(connections):
        done = loop.create_future()
        make_connection = partial(_Connection, make, load, until, done)
        await loop.create_connection(make_connection, "127.0.0.1", port)
        waits.append(done)
    await asyncio.gather(*waits)
    return load


def request(
    method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None
) -> bytes:
    """Return one HTTP/1.1 request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
