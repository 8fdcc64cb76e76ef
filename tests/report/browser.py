"""Headless Chromium over its debugging pipe: real mouse and keyboard events, scripts on or off, pictures of the page."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

PATIENCE = 60  # seconds


class Browser:
    """One Chromium; `page` opens a page of a size, and forgets the last one."""

    def __init__(self, profile: Path) -> None:
        program = shutil.which("chromium")
        assert program is not None
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        options = (
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--allow-file-access-from-files", f"--user-data-dir={profile}", "--remote-debugging-pipe"),
        )

        # Chromium reads commands from its descriptor 3 and answers on 4.
        def pipes() -> None:
            one, other = os.dup(theirs_in), os.dup(theirs_out)
            for place, end in ((3, one), (4, other)):
                os.dup2(end, place)

        with (profile.parent / "chromium.log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, *options], preexec_fn=pipes, close_fds=False, stderr=log, stdin=subprocess.DEVNULL
            )
        os.close(theirs_in)
        os.close(theirs_out)
        self._buffer, self._number, self._session = b"", 0, None
        self.console: list[str] = []

    def close(self) -> None:
        """End the program."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        os.close(self._out)
        os.close(self._in)

    def page(self, path: Path, width: int = 1200, scripts: bool = True, height: int = 900) -> None:
        """Open a file as a page of its own and wait until it is there."""
        if self._session:
            self("Target.closeTarget", None, targetId=self._target)
        self.console, self._loaded = [], False
        self._target = self("Target.createTarget", None, url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", None, targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self("Emulation.setDeviceMetricsOverride", **size)
        if not scripts:
            self("Emulation.setScriptExecutionDisabled", value=True)
        self._loaded = False
        self("Page.navigate", url=path.as_uri())
        while not self._loaded:
            self._read()

    def ask(self, expression: str):
        """The value of a JavaScript expression in the page; works with its scripts off, too."""
        found = self("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Left, top, width and height of the first such element, brought into view."""
        script = (
            f"(() => {{ const one = document.querySelector({selector!r}); "
            "one.scrollIntoView({block: 'center', behavior: 'instant'}); "
            "const b = one.getBoundingClientRect(); return [b.left, b.top, b.width, b.height] })()"
        )
        return tuple(self.ask(script))

    def move(self, x: float, y: float) -> None:
        """Move the mouse."""
        self("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x: float, y: float) -> None:
        """Press and release the left button."""
        self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def click_on(self, selector: str) -> None:
        """Click into the middle of the first such element."""
        left, top, width, height = self.box(selector)
        self.click(left + width / 2, top + height / 2)

    def key(self, key: str) -> None:
        """Press a key by its name, such as Enter."""
        code = {"Enter": 13, "Escape": 27, "ArrowRight": 39, "ArrowLeft": 37, "Tab": 9}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        self("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **text)
        self("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, path: Path, whole: bool = False) -> None:
        """Write what is seen (or the whole page) as PNG."""
        found = self("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def __call__(self, method: str, session: str | None = "", **params):
        """A command of the DevTools protocol, and its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session == "" and self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._read()
            if found.get("id") == self._number:
                assert "error" not in found, (method, found["error"])
                return found["result"]

    def _read(self):
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError("chromium does not answer")
            self._buffer += os.read(self._in, 1 << 16)
        text, self._buffer = self._buffer.split(b"\0", 1)
        found = json.loads(text)
        method, params = found.get("method"), found.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Log.entryAdded":
            self.console.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.console.append(" ".join(str(one.get("value", one.get("description"))) for one in params["args"]))
        elif method == "Runtime.exceptionThrown":
            self.console.append(params["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        return found
