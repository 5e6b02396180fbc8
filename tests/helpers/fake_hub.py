"""A small Hub on this machine: repositories of files, which remembers what was asked for and how much it sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

_COMMIT = "0" * 40


@dataclass
class FakeHub:
    """`repos`: the files of every repository by name. `sent`: the bytes sent of every file."""

    repos: Mapping[str, Mapping[str, bytes]]
    address: str = ""
    sent: dict[str, int] = field(default_factory=dict)


@contextmanager
def fake_hub(repos: Mapping[str, Mapping[str, bytes]]) -> Iterator[FakeHub]:
    hub = FakeHub(repos)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0].lstrip("/")
            if path.startswith("api/models/"):
                self._tell(path.removeprefix("api/models/"))
                return
            repo, _, rest = path.partition("/resolve/")
            name = rest.partition("/")[2]  # after the revision
            content = hub.repos.get(repo, {}).get(name)
            if content is None:
                code = "EntryNotFound" if repo in hub.repos else "RepoNotFound"
                self._answer(404, b"", {"X-Error-Code": code})
                return
            start, end = 0, len(content)
            wanted = self.headers.get("Range", "").removeprefix("bytes=")
            if wanted:
                first, _, last = wanted.partition("-")
                start, end = int(first), min(end, int(last) + 1) if last else end
            part = content[start:end] if self.command == "GET" else content
            if self.command == "GET":
                hub.sent[name] = hub.sent.get(name, 0) + len(part)
            etag = hashlib.sha256(content).hexdigest()
            self._answer(206 if wanted else 200, part, {"ETag": f'"{etag}"', "X-Repo-Commit": _COMMIT})

        do_HEAD = do_GET

        def _tell(self, path: str) -> None:
            """What the Hub tells of a repository: its record, or the list of its files."""
            repo, _, tree = path.partition("/revision/")[0].partition("/tree/")
            files = hub.repos.get(repo)
            if files is None or "/" in tree:  # a folder within the repository
                self._answer(404, b"", {"X-Error-Code": "EntryNotFound" if files else "RepoNotFound"})
                return
            listed = [{"type": "file", "path": name, "size": len(files[name]), "oid": name} for name in files]
            siblings = [{"rfilename": name, "size": len(files[name])} for name in files]
            record = {"id": repo, "sha": _COMMIT, "tags": [], "private": False, "siblings": siblings}
            content = json.dumps(listed if tree else record).encode()
            self._answer(200, content, {"Content-Type": "application/json"})

        def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(content))}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler
