"""A server on loopback that nothing may contact: it records every connection, even one without a request."""

from __future__ import annotations

import re
import socketserver
import threading
import time


class _Handler(socketserver.StreamRequestHandler):
    timeout = 5

    def handle(self) -> None:
        canary: Canary = self.server.canary  # type: ignore[attr-defined]
        canary.note("connected")
        try:
            while line := self.rfile.readline(4096):
                words = line.split()
                if len(words) == 3 and words[2].startswith(b"HTTP/"):
                    canary.note(words[1].decode("latin-1"))
                if line in (b"\r\n", b"\n"):
                    self.wfile.write(
                        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nAccess-Control-Allow-Origin: *\r\n"
                        b"Cache-Control: no-store\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    )
                    return
        except OSError:
            return  # the browser went away


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class Canary:
    """`with Canary() as canary:`; *heard* lists the requests it received, in order."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._changed = threading.Condition()

    def __enter__(self) -> Canary:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.canary = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def note(self, what: str) -> None:
        with self._changed:
            self.heard.append(what)
            self._changed.notify_all()

    def wait_for(self, what: str, seconds: float = 10.0) -> bool:
        """Whether a request that begins with the name *what* has arrived, now or within *seconds*."""
        wanted = re.compile(rf"{re.escape(what)}(?![\w-])")
        deadline = time.monotonic() + seconds
        with self._changed:
            return self._changed.wait_for(
                lambda: any(wanted.match(heard) for heard in self.heard),
                deadline - time.monotonic(),
            )
