"""A server on this machine that takes uploads as the Hugging Face Hub does, as far as ``upload_folder`` asks it."""

import base64
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Hub(ThreadingHTTPServer):
    """One dataset repository, which holds ``files`` already.

    Attributes:
        created: what was asked for when it was created.
        cards: what was to be validated.
        tokens: tokens that came with requests.
        added: content of uploaded files by path.
        deleted: paths of deleted files.
    """

    daemon_threads = True

    def __init__(self, files=()):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.created, self.cards = files, None, []
        self.tokens, self.added, self.deleted = set(), {}, set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.tokens.add(self.headers["Authorization"])
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/repos/create":
            self.server.created = json.loads(body)
            self._answer({"url": f"{self.server.url}/datasets/owner/name"})
        elif self.path == "/api/validate-yaml":
            self.server.cards.append(json.loads(body))
            self._answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            self._answer({"files": files})
        elif "/commit/" in self.path:
            for operation in map(json.loads, body.splitlines()):
                if operation["key"] == "file":
                    self.server.added[operation["value"]["path"]] = base64.b64decode(operation["value"]["content"])
                elif operation["key"] == "deletedFile":
                    self.server.deleted.add(operation["value"]["path"])
            self._answer(
                {"success": True, "commitUrl": f"{self.server.url}/datasets/owner/name/commit/1", "commitOid": "1"}
            )
        else:
            self._answer({"error": self.path}, 404)

    def do_GET(self):
        if re.search(r"/tree/main", self.path):
            self._answer([{"type": "file", "path": path, "size": 1, "oid": "0"} for path in self.server.files])
        elif re.search(r"/api/datasets/owner/name(/revision/main)?(\?|$)", self.path):
            siblings = [{"rfilename": path} for path in self.server.files]
            self._answer(
                {
                    "id": "owner/name",
                    "sha": "0",
                    "private": True,
                    "tags": [],
                    "downloads": 0,
                    "likes": 0,
                    "siblings": siblings,
                }
            )
        else:
            self._answer({"error": self.path}, 404)

    def _answer(self, content, code=200):
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""
