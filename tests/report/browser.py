"""A headless Chromium as a test sees it: opens a page, evaluates JavaScript in it, and hears every error.

It speaks the DevTools protocol over a pair of pipes (``--remote-debugging-pipe``: on descriptors 3 and 4, JSON messages
that end in a zero byte), so that there is neither a driver nor a port.
"""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
EXECUTABLE = next(filter(None, map(shutil.which, NAMES)), None)
PATIENCE_SECONDS = 60
FLAGS = """
--headless=new --remote-debugging-pipe --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars
--no-first-run --disable-extensions --disable-background-networking --disable-component-update --disable-sync
""".split()


class Browser:
    """One page in a Chromium of its own.

    Attributes:
        errors: texts of uncaught exceptions, failed loads, violations of policy and messages on the console so far.
        requests: addresses that were asked for so far.
    """

    def __init__(self, profile: Path):
        self.errors, self.requests = [], []
        to_browser, self._commands = os.pipe()
        self._answers, from_browser = os.pipe()
        self._process = subprocess.Popen(
            [
                "bash", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "bash",
                EXECUTABLE, *FLAGS, f"--user-data-dir={profile}", "about:blank",
            ],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._received, self._sent, self._session = b"", 0, None
        page = next(target for target in self.send("Target.getTargets")["targetInfos"] if target["type"] == "page")
        self._session = self.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def close(self):
        """End the browser and all its processes."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def open(self, path: Path, width=1400, height=1000, scheme="light"):
        """Open a file in a window of this size and colour scheme, and wait until its examples are there."""
        self.errors.clear()
        self.requests.clear()
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **metrics)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.send("Page.navigate", url=path.as_uri())
        self.evaluate(
            """new Promise(resolve => { const wait = () => document.readyState === "complete"
            && !document.getElementById("detail").dataset.waiting ? resolve() : setTimeout(wait, 20); wait(); })"""
        )

    def evaluate(self, expression):
        """Return the value of an expression, of a promise what it brings."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def screenshot(self, path: Path):
        """Save what the window shows."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def send(self, method, **parameters):
        """Send a command and return its result; what is heard meanwhile is noted."""
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            heard = self._receive()
            if heard.get("id") == self._sent:
                assert "error" not in heard, heard
                return heard["result"]
            self._note(heard.get("method"), heard.get("params"))

    def _receive(self):
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._answers], [], [], PATIENCE_SECONDS)
            assert ready, "the browser does not answer"
            chunk = os.read(self._answers, 1 << 20)
            assert chunk, f"the browser ended: {self._process.poll()}"
            self._received += chunk
        message, _, self._received = self._received.partition(b"\0")
        return json.loads(message)

    def _note(self, method, parameters):
        if method == "Runtime.exceptionThrown":
            self.errors.append(parameters["exceptionDetails"]["text"])
        elif method == "Log.entryAdded":
            self.errors.append(parameters["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.errors.append(str(parameters["args"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
