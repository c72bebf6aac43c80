"""Receive what Alertmanager posts, and show it: GET answers everything so far, with the time of its arrival.

  webhook.py PORT
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEPT = 1000

received: list[dict] = []


class Handler(BaseHTTPRequestHandler):
    """One list for all paths."""

    def do_GET(self) -> None:
        self._answer(json.dumps(received).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get('Content-Length', '0')))
        received.append({'at': time.time(), 'path': self.path, 'body': json.loads(body)})
        del received[:-KEPT]
        self._answer(b'{}')

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Health checks come every five seconds."""


if __name__ == '__main__':
    ThreadingHTTPServer(('', int(sys.argv[1])), Handler).serve_forever()
