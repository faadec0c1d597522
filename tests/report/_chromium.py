"""
Headless Chromium through its DevTools pipe: no driver, no websocket, no port that anything else could use.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    # Few processes. The one of its own that a browser gives to a frame in a sandbox is one more wall: those of the page are tested.
    "--disable-features=BackForwardCache,IsolateSandboxedIframes,ProactivelySwapBrowsingInstance,SpareRendererForSitePerProcess",
    "--remote-debugging-pipe",
)
# The browser reads on 3 and writes on 4; the process that becomes the browser puts our ends there.
_LAUNCH = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
os.dup2(ends[0], 3), os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
SECONDS = 30.0
SIZE = (1280, 800)


def find_chromium() -> str | None:
    """The path of the browser, or None if there is none or if pipes cannot be passed on."""
    if os.name == "nt":
        return None
    return next(filter(None, map(shutil.which, _NAMES)), None)


class BrowserError(RuntimeError):
    """The browser, or a script in it, failed."""


class Chromium:
    """A browser process; `with Chromium(program) as browser: page = browser.page()`."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._answers: dict[int, dict[str, Any]] = {}
        self._events: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._number = 0
        self._ended = False

    def __enter__(self) -> Chromium:
        self._directory = tempfile.mkdtemp(prefix="mailtrap-chromium-")
        to_read, self._to_write = os.pipe()
        self._from_read, to_write = os.pipe()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _LAUNCH, str(to_read), str(to_write)),
                *(self._program, *_FLAGS, f"--user-data-dir={self._directory}"),
            ],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.call("Browser.close")
            self._process.wait(SECONDS)
        except (BrowserError, OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._to_write)
        self._reader.join(SECONDS)
        os.close(self._from_read)
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    def page(self, width: int = SIZE[0], height: int = SIZE[1]) -> Page:
        """A new page of that size, in its own profile: it knows nothing of what other pages have stored."""
        profile = self.call("Target.createBrowserContext")["browserContextId"]
        made = self.call("Target.createTarget", url="about:blank", browserContextId=profile)
        target = made["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, profile, target, session)
        page.call("Page.enable")
        page.call("Runtime.enable")
        page.call("Log.enable")
        page.size(width, height)
        return page

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        with self._changed:
            self._number += 1
            number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to_write, data) :]
        with self._changed:
            if not self._changed.wait_for(lambda: number in self._answers or self._ended, SECONDS):
                raise BrowserError(f"{method}: no answer within {SECONDS:g} s")
            answer = self._answers.pop(number, {"error": {"message": "the browser ended"}})
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def events(self, session: str) -> list[dict[str, Any]]:
        with self._changed:
            return [event for event in self._events if event.get("sessionId") == session]

    def wait_for_event(self, session: str, method: str, seconds: float = SECONDS) -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            return [
                e for e in self._events if (e.get("sessionId"), e["method"]) == (session, method)
            ]

        with self._changed:
            if not self._changed.wait_for(found, seconds):
                raise BrowserError(f"no {method} within {seconds:g} s")
            return found()[-1]

    def targets(self) -> list[str]:
        """The ids of all existing pages, including pop-ups."""
        infos = self.call("Target.getTargets")["targetInfos"]
        return [info["targetId"] for info in infos if info["type"] == "page"]

    def close(self, profile: str) -> None:
        """Close a page and its pop-ups, and wait until they are gone: the browser replies before that."""
        infos = self.call("Target.getTargets")["targetInfos"]
        own = {info["targetId"] for info in infos if info.get("browserContextId") == profile}
        self.call("Target.disposeBrowserContext", browserContextId=profile)
        deadline = time.monotonic() + SECONDS
        while own & set(self.targets()):
            if time.monotonic() > deadline:
                raise BrowserError(f"a page did not close within {SECONDS:g} s")
            time.sleep(0.01)

    def forget(self, session: str) -> None:
        with self._changed:
            self._events = [e for e in self._events if e.get("sessionId") != session]

    def _read(self) -> None:
        buffer = bytearray()
        while chunk := os.read(self._from_read, 1 << 20):
            buffer += chunk
            while (end := buffer.find(b"\0")) >= 0:
                self._take(json.loads(bytes(buffer[:end])))
                del buffer[: end + 1]
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take(self, message: dict[str, Any]) -> None:
        with self._changed:
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self._events.append(message)
            self._changed.notify_all()


class Page:
    """One page of a browser."""

    def __init__(self, browser: Chromium, profile: str, target: str, session: str) -> None:
        self._browser = browser
        self._profile = profile
        self._session = session

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.close(self._profile)
        self._browser.forget(self._session)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, session=self._session, **parameters)

    def size(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def open(self, url: str) -> None:
        """Load *url* and wait until it is loaded."""
        self._browser.forget(self._session)
        self.call("Page.navigate", url=url)
        self._browser.wait_for_event(self._session, "Page.loadEventFired")

    def renew(self) -> None:
        """Become like a new page of the usual size: nothing stored, logged, typed, or emulated is left."""
        self.call("Emulation.setEmulatedMedia", media="", features=[])
        self.size(*SIZE)
        # Files have no origin of which the browser could be told to forget everything.
        self.run("location.protocol === 'file:' && (localStorage.clear(), sessionStorage.clear())")
        self.call("Accessibility.disable")
        self._browser.call(
            "Browser.setDownloadBehavior", behavior="default", browserContextId=self._profile
        )
        self.open("about:blank")
        self.call("Page.resetNavigationHistory")
        self._browser.forget(self._session)

    def download_to(self, directory: Path) -> None:
        self._browser.call(
            "Browser.setDownloadBehavior",
            behavior="allow",
            downloadPath=str(directory),
            browserContextId=self._profile,
        )

    def open_file(self, path: Path) -> None:
        self.open(path.resolve().as_uri())

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression, awaited."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def until(self, script: str, seconds: float = SECONDS) -> Any:
        """Wait until the expression is true."""
        deadline = time.monotonic() + seconds
        while not (value := self.run(script)):
            if time.monotonic() > deadline:
                raise BrowserError(f"not within {seconds:g} s: {script}")
            time.sleep(0.02)
        return value

    def press(self, key: str, *, text: str | None = None) -> None:
        """Press and release a key, given by its name in KeyboardEvent.key."""
        typed = text if text is not None else (key if len(key) == 1 else None)
        extra = {"text": typed} if typed else {}
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38}
        codes |= {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35}
        code = codes.get(key, ord(key.upper()) if len(key) == 1 else 0)
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                windowsVirtualKeyCode=code,
                **(extra if kind == "keyDown" else {}),
            )

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def click(self, x: float, y: float) -> None:
        """Click as a user does, so that the click also reaches what is in a frame."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def events(self, method: str) -> list[dict[str, Any]]:
        return [e for e in self._browser.events(self._session) if e["method"] == method]

    def complaints(self) -> list[str]:
        """What the console reports: errors, exceptions, policy violations."""
        found = [e["params"]["entry"]["text"] for e in self.events("Log.entryAdded")]
        found += [
            e["params"]["exceptionDetails"].get("exception", {}).get("description", "exception")
            for e in self.events("Runtime.exceptionThrown")
        ]
        return found

    def dialogs(self) -> int:
        return len(self.events("Page.javascriptDialogOpening"))

    def screenshot(self, path: Path) -> None:
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))
