"""One bucket of S3 on loopback, for a tool that runs in a process of its own and uploads.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@contextmanager
def local_bucket() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Serve S3 inside the with block; return its address and the objects, by ``bucket/key``."""
    objects: dict[str, bytes] = {}

    class Bucket(BaseHTTPRequestHandler):
        """HeadObject and PutObject, in path style."""

        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(HTTPStatus.OK if self._key() in objects else HTTPStatus.NOT_FOUND)

        def do_PUT(self) -> None:
            objects[self._key()] = self._body()
            self._answer(HTTPStatus.OK)

        def _key(self) -> str:
            return self.path.partition("?")[0].lstrip("/")

        def _body(self) -> bytes:
            if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
                return self.rfile.read(int(self.headers["Content-Length"]))
            body = b""
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass  # the checksum that trails
            return body

        def _answer(self, status: HTTPStatus) -> None:
            self.send_response(status)
            self.send_header("ETag", '"0"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", objects
    finally:
        server.shutdown()
        server.server_close()
