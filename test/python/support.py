"""Where the code under test is, and a small HTTP server to test it against."""

import contextlib
import importlib.util
import os
import sys
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / 'images' / 'model-runtime'
PROGRAMS = ROOT / 'test' / 'e2e' / 'python'
PROJECT = ROOT / 'examples' / 'models' / 'cancer'

for directory in (RUNTIME, PROGRAMS, PROJECT):
    sys.path.insert(0, str(directory))


def requires(*modules: str):
    """Skip a test case where a library of the image is missing: in the image itself nothing is skipped."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    return unittest.skipIf(missing, f'not installed here: {", ".join(missing)}; the model runtime image has it')


def environment(**values: str):
    """Set the environment to exactly these values, and restore it at the end."""
    kept = {name: os.environ[name] for name in ('PATH', 'HOME') if name in os.environ}
    return mock.patch.dict(os.environ, {**kept, **values}, clear=True)


@contextlib.contextmanager
def http_server(answer):
    """Serve HTTP; `answer(method, path, headers, body)` returns status and body. Yields the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
            status, content = answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = handle_one

        def log_message(self, *_) -> None:
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True)
    thread.start()
    try:
        yield f'http://127.0.0.1:{server.server_port}'
    finally:
        server.shutdown()
        server.server_close()
