"""`huiying serve --with-worker` as a real process: whatever ends the server, no worker is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import SECRET, migrate
from tests.crash.cluster import free_port


def children_of(pid: int) -> list[int]:
    """The processes that `pid` started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in text.split()]


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server with its worker, answering."""
    url = f"sqlite:///{tmp_path}/serve.sqlite3"
    migrate(url)
    port = free_port()
    environment = {**os.environ, "HUIYING_DATABASE_URL": url, "HUIYING_SECRET_KEY": SECRET}
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port), "--with-worker"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
    try:
        for _ in range(600):
            try:
                if httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_server(
    server: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    workers = children_of(server.pid)
    assert len(workers) == 1
    server.send_signal(number)
    server.wait(30)
    for _ in range(150):
        if not is_alive(workers[0]):
            return
        time.sleep(0.1)
    os.kill(workers[0], signal.SIGKILL)
    pytest.fail("the worker is still there")
