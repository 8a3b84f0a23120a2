"""Small wheels made on the spot, and a package index on this machine that can be slow or break off."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import threading
import time
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PIECE = 65_536


def make_wheel(folder: Path, name: str, version: str, size: int = 1000) -> Path:
    """A wheel whose one module says its version; `size` bytes of noise beside it."""
    padding = "#" * (hash_of(version) % 97)  # another size: Python tells sources apart by it within one second
    files = {
        f"{name}.py": f"VERSION = {version!r}\n{padding}".encode(),
        f"{name}_data.bin": random.Random(name).randbytes(size),
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{name}-{version}.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in files.items()]
    record = f"{name}-{version}.dist-info/RECORD"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
        archive.writestr(record, "\n".join([*lines, f"{record},,"]) + "\n")
    return wheel


def hash_of(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


class Index:
    """A package index over the wheels in a folder. bytes_a_second None is as fast as can be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bytes_a_second: float | None = None
        self.asked: Counter[str] = Counter()  # wheel -> how often it was sent whole
        self.requests = 0
        self._closing = False
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.requests += 1
                index.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}/simple"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Break off what is being sent, and answer no more."""
        self._closing = True
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = request.path.strip("/").split("/")
        if parts[0] == "simple":
            found = [w for w in self.folder.glob("*.whl") if _same(w.name.split("-")[0], parts[1])]
            link = '<a href="/files/{0}" data-core-metadata="true">{0}</a>'
            body = "".join(link.format(w.name) for w in found).encode()
            request.send_response(200 if found else 404)
            request.send_header("Content-Type", "text/html")
        else:
            body = _content(self.folder / parts[-1])
            request.send_response(200)
            request.send_header("Content-Type", "application/octet-stream")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        self._send(request, body, parts[-1])

    def _send(self, request: BaseHTTPRequestHandler, body: bytes, name: str) -> None:
        for i in range(0, len(body), PIECE):
            if self._closing:
                request.connection.close()
                return
            try:
                request.wfile.write(body[i : i + PIECE])
            except OSError:
                return  # the client went away
            if self.bytes_a_second is not None and len(body) > PIECE:
                time.sleep(PIECE / self.bytes_a_second)
        if name.endswith(".whl"):
            self.asked[name.split("-")[0]] += 1


def _content(path: Path) -> bytes:
    """A wheel, or under its name with .metadata behind what is in it of that name (PEP 658)."""
    if path.suffix != ".metadata":
        return path.read_bytes()
    with zipfile.ZipFile(path.with_suffix("")) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA")))


def _same(a: str, b: str) -> bool:
    return re.sub(r"[-_.]+", "-", a).lower() == re.sub(r"[-_.]+", "-", b).lower()
