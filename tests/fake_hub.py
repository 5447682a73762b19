"""A Hugging Face hub of one model on this machine's loopback, for what downloads do and ask."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

COMMIT = "c0ffee" + 34 * "0"


@dataclass(frozen=True)
class FakeHub:
    """What a test needs to point a process at the hub, and to see what was asked of it."""

    endpoint: str
    asked: list[str] = field(default_factory=list)
    """Paths requested, in order, without repeats that follow each other."""

    def downloaded(self) -> list[str]:
        """Names of the files that were fetched or looked at, sorted."""
        return sorted({path.rsplit("/", 1)[1] for path in self.asked if "/resolve/" in path})


@contextmanager
def serve_model(name: str, files: Mapping[str, bytes]) -> Iterator[FakeHub]:
    """Serve `files` as the model `name`, its main branch at `COMMIT`; weights as large files."""
    listing = [describe(path, content) for path, content in files.items()]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            hub.asked.append(path)
            if path in (
                f"/api/models/{name}/revision/main",
                f"/api/models/{name}/revision/{COMMIT}",
            ):
                siblings = [{"rfilename": entry["path"], **entry} for entry in listing]
                self.reply_json({"id": name, "sha": COMMIT, "siblings": siblings})
            elif path == f"/api/models/{name}/tree/{COMMIT}":
                self.reply_json(listing)
            elif path.startswith(f"/{name}/resolve/") and path.rsplit("/", 1)[1] in files:
                self.reply(files[path.rsplit("/", 1)[1]])
            else:
                self.send_error(404)

        do_HEAD = do_GET

        def reply_json(self, value: object) -> None:
            self.reply(json.dumps(value).encode())

        def reply(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: pytest shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub = FakeHub(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def describe(path: str, content: bytes) -> dict[str, object]:
    """One file as the hub's API lists it."""
    entry: dict[str, object] = {
        "type": "file",
        "path": path,
        "size": len(content),
        "oid": hashlib.sha1(content).hexdigest(),
    }
    if path.endswith((".bin", ".safetensors")):
        sha256 = hashlib.sha256(content).hexdigest()
        large = {"size": len(content), "pointerSize": 130}
        entry["lfs"] = {**large, "oid": sha256, "sha256": sha256}
    return entry
