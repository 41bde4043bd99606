"""A child process that is kept alive, and ended with its parent."""

import signal
import subprocess
import threading
import time


class Supervised:
    """A child process that is started again when it dies, with a growing pause, until it is stopped."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.process = subprocess.Popen(command)
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        pause = 1.0
        while not self.stopping.is_set():
            began = time.monotonic()
            self.process.wait()
            if self.stopping.wait(pause):
                return
            pause = 1.0 if time.monotonic() - began > 60 else min(pause * 2, 30.0)
            with self.lock:
                if self.stopping.is_set():
                    return
                self.process = subprocess.Popen(self.command)

    def stop(self) -> None:
        """End the child and wait for it."""
        with self.lock:
            self.stopping.set()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
