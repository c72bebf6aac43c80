"""What the end-to-end programs share: Open Inference Protocol v2 requests and answers, and where things are.

Standard library only.
"""

import json
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

SAMPLE_PROJECT = Path(__file__).resolve().parents[3] / 'examples' / 'models' / 'cancer'


class CheckFailed(Exception):
    """Something that was checked is not as it should be."""


def use_project(path: str | Path) -> None:
    """Make the sample model's own modules importable: its `data` gives the rows that it never saw."""
    sys.path.insert(0, str(path))


def infer_path(model: str, version: str | None = None) -> str:
    """The path that a model is asked at."""
    return f'/v2/models/{model}/versions/{version}/infer' if version else f'/v2/models/{model}/infer'


def request_body(columns: dict[str, list[float]]) -> bytes:
    """Encode rows, given as columns, as one named input for each column."""
    inputs = [
        {'name': name, 'shape': [len(values), 1], 'datatype': 'FP64', 'data': values}
        for name, values in columns.items()
    ]
    return json.dumps({'inputs': inputs}).encode()


def parse_answer(body: bytes) -> tuple[str, list[list[float]]]:
    """Decode an answer. Returns the version that answered and a row of probabilities for each row asked for."""
    try:
        answer = json.loads(body)
        (output,) = answer['outputs']
        rows, width = output['shape']
        data = output['data']
        version = str(answer['model_version'])
    except (ValueError, KeyError, TypeError) as error:
        raise CheckFailed(f'the answer is not a v2 inference answer: {error!r}: {body[:200]!r}') from None
    if len(data) != rows * width:
        raise CheckFailed(f'the answer has {len(data)} values in the shape {rows} x {width}')
    return version, [data[row * width : (row + 1) * width] for row in range(rows)]


def max_difference(left: list[list[float]], right: list[list[float]]) -> float:
    """The largest difference between two tables of numbers; infinite when their shapes differ."""
    if [len(row) for row in left] != [len(row) for row in right]:
        return float('inf')
    return max((abs(a - b) for x, y in zip(left, right) for a, b in zip(x, y)), default=0.0)


def read_token(path: str | None) -> str | None:
    """Read a bearer token from a file."""
    return Path(path).read_text(encoding='utf-8').strip() if path else None


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Trust the system's authorities, or only the given one."""
    return ssl.create_default_context(cafile=ca_file)


def post(url: str, body: bytes, token: str | None = None, ca_file: str | None = None, timeout: float = 30) -> bytes:
    """Send one request on a connection of its own. Raises CheckFailed unless it is answered with 200."""
    headers = {'Content-Type': 'application/json'}
    if token:
        headers['Authorization'] = f'Bearer {token}'
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=tls_context(ca_file)) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        raise CheckFailed(f'{url} answers {error.code}: {error.read()[:300]!r}') from None
    except OSError as error:
        raise CheckFailed(f'{url} is not reachable: {error}') from None
