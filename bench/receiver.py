"""What a pipeline delivers to in a benchmark: an HTTP server that counts lines, in a process of its own.

`python -m bench.receiver` prints its URL, and serves until its standard input ends; then it prints one JSON
object: `lines` and `requests` that came.
"""

from __future__ import annotations

import socket
import sys
import threading
import zlib

import msgspec

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Counts:
    lines = 0
    requests = 0


def serve(connection: socket.socket, counts: Counts) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as stream:
        while stream.readline():
            headers = {}
            while line := stream.readline().strip():
                name, _, value = line.partition(b":")
                headers[name.lower()] = value.strip()
            body = stream.read(int(headers[b"content-length"]))
            if headers.get(b"content-encoding") == b"gzip":
                body = zlib.decompress(body, zlib.MAX_WBITS | 16)
            counts.lines += body.count(b"\n")
            counts.requests += 1
            connection.sendall(_ANSWER)


def main() -> None:
    counts = Counts()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)

        def accept() -> None:
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection, counts), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        for _ in sys.stdin:
            print(
                msgspec.json.encode({"lines": counts.lines, "requests": counts.requests}).decode(), flush=True
            )


if __name__ == "__main__":
    main()
