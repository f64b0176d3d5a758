"""Amazon S3 on a loopback address, for `sam package`, which uploads from a process of its own.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@contextmanager
def local_bucket() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Serve Amazon S3 inside the with block; return its endpoint URL and the objects by ``bucket/key``."""
    objects: dict[str, bytes] = {}

    class Bucket(BaseHTTPRequestHandler):
        """HeadObject and PutObject with path-style requests."""

        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._respond(HTTPStatus.OK if self._key() in objects else HTTPStatus.NOT_FOUND)

        def do_PUT(self) -> None:
            objects[self._key()] = self._body()
            self._respond(HTTPStatus.OK)

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
                pass  # the trailing checksum
            return body

        def _respond(self, status: HTTPStatus) -> None:
            self.send_response(status)
            self.send_header("ETag", '"0"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", objects
    finally:
        server.shutdown()
        server.server_close()
