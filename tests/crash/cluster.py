"""A PostgreSQL of the test's own, in a temporary folder, that may be killed."""

import contextlib
import os
import random
import shutil
import socket
import subprocess
from pathlib import Path


def find_binaries() -> Path | None:
    """Return the folder with initdb and postgres of the newest version on this machine, None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    which = shutil.which("initdb")
    return Path(which).parent if which else None


def free_port() -> int:
    """Return a port that nobody listens on just now.

    Below those that clients are given: a client that asks again and again for a server that is down may be given
    the server's own port, connect to itself, and keep the server from coming back.
    """
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(probe.getsockname()[1])


class Cluster:
    """One server process over its own data folder; run as `postgres` where the test runs as root.

    `postgres` must be able to reach the folder for as long as the server lives. Not in pytest's own folders: each
    pytest that starts on the machine takes away what others than its user may do there.
    """

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder = folder / "cluster"
        self.binaries = binaries
        self.port = free_port()
        self.folder.mkdir()
        if os.geteuid() == 0:
            for path in (self.folder, folder):
                shutil.chown(path, "postgres")
        self.run(
            "initdb",
            "-D",
            str(self.folder),
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--no-sync",
        )
        self.start()

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end."""
        command = [str(self.binaries / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        )
        self.run(
            "pg_ctl",
            "-D",
            str(self.folder),
            "-o",
            options,
            "-w",
            "-l",
            str(self.folder / "log"),
            "start",
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; `immediate` is a crash."""
        with contextlib.suppress(subprocess.CalledProcessError):  # it may be gone already
            self.run("pg_ctl", "-D", str(self.folder), "-m", mode, "-w", "stop")

    def url(self, name: str = "postgres") -> str:
        """Return the URL of a database of this server."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"
