"""Ask at a fixed rate, whatever the answers do, and count every request that is lost.

Each request goes out at its own time on a new connection and is never repeated. Its body has to hold the probabilities
of the version that the answer names. A TERM ends it early, with all answers waited for. Standard library only. Leaves
with 1 when a request failed, when the client could not keep the rate, or when a version that `--want-version` names
never answered.
"""

import argparse
import asyncio
import json
import math
import signal
import ssl
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from inference import CheckFailed, max_difference, parse_answer, read_token, request_body, tls_context


@dataclass
class Outcome:
    """What a run of the load saw."""

    sent: int = 0
    ok: int = 0
    failures: Counter = field(default_factory=Counter)
    first_failures: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    by_second: dict[int, Counter] = field(default_factory=lambda: defaultdict(Counter))
    worst_lag: float = 0.0
    """How late the client itself sent a request, at worst, in seconds."""

    def versions(self) -> Counter:
        """Count the answers of each version."""
        total: Counter = Counter()
        for counts in self.by_second.values():
            total.update(counts)
        total.pop('failed', None)
        return total


class Expected:
    """Rows to ask for, and what each version answers."""

    def __init__(self, document: dict) -> None:
        self.path: str = document['path']
        self.versions: dict[str, list[list[float]]] = document['versions']
        columns = document['columns']
        self.bodies = [
            request_body({name: [value] for name, value in zip(columns, row)}) for row in document['rows']
        ]

    def check(self, row: int, body: bytes, tolerance: float) -> str:
        """Check an answer. Returns the version that gave it."""
        version, probabilities = parse_answer(body)
        if version not in self.versions:
            raise CheckFailed(f'version {version} answered, expected one of {", ".join(self.versions)}')
        difference = max_difference(probabilities, [self.versions[version][row]])
        if not difference <= tolerance:
            raise CheckFailed(f'row {row}: the answer of version {version} is off by {difference:.3g}')
        return version


def build_request(host: str, path: str, body: bytes, token: str | None) -> bytes:
    """Write an HTTP/1.1 request that closes its connection."""
    head = [
        f'POST {path} HTTP/1.1',
        f'Host: {host}',
        'Content-Type: application/json',
        f'Content-Length: {len(body)}',
        'Connection: close',
    ]
    if token:
        head.append(f'Authorization: Bearer {token}')
    return '\r\n'.join([*head, '', '']).encode() + body


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer. Raises when the connection ends before the answer does."""
    head = await reader.readuntil(b'\r\n\r\n')
    status_line, *lines = head.decode('latin-1').split('\r\n')
    status = int(status_line.split()[1])
    headers = {}
    for line in lines:
        name, separator, value = line.partition(':')
        if separator:
            headers[name.strip().lower()] = value.strip()
    if headers.get('transfer-encoding', '').lower() == 'chunked':
        body = bytearray()
        while size := int((await reader.readuntil(b'\r\n')).split(b';')[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b'\r\n')
        return status, bytes(body)
    if 'content-length' in headers:
        return status, await reader.readexactly(int(headers['content-length']))
    return status, await reader.read()


async def ask(host: str, port: int, context: ssl.SSLContext | None, request: bytes) -> tuple[int, bytes]:
    """Send a request on a connection of its own."""
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        writer.write(request)
        await writer.drain()
        return await read_answer(reader)
    finally:
        writer.close()


async def run(
    url: str,
    expected: Expected,
    rate: float,
    seconds: float,
    timeout: float = 10.0,
    tolerance: float = 1e-9,
    token: str | None = None,
    ca_file: str | None = None,
    progress=None,
    stop: asyncio.Event | None = None,
) -> Outcome:
    """Send `rate` requests a second for `seconds`, or until `stop` is set, then wait for the last answers."""
    parts = urlsplit(url)
    host = parts.hostname or ''
    context = tls_context(ca_file) if parts.scheme == 'https' else None
    port = parts.port or (443 if context else 80)
    path = parts.path.rstrip('/') + expected.path
    requests = [build_request(parts.netloc.rpartition('@')[2], path, body, token) for body in expected.bodies]
    outcome = Outcome()
    start = time.perf_counter()

    async def one(number: int) -> None:
        row = number % len(requests)
        began = time.perf_counter()
        second = int(began - start)
        try:
            status, body = await asyncio.wait_for(ask(host, port, context, requests[row]), timeout)
            if status != 200:
                raise CheckFailed(f'status {status}: {body[:200]!r}')
            version = expected.check(row, body, tolerance)
        except Exception as error:
            kind = str(error)[:10] if str(error).startswith('status ') else type(error).__name__
            outcome.failures[kind] += 1
            outcome.by_second[second]['failed'] += 1
            if len(outcome.first_failures) < 5:
                outcome.first_failures.append(f'second {second}: {type(error).__name__}: {error}')
            return
        outcome.latencies.append(time.perf_counter() - began)
        outcome.ok += 1
        outcome.by_second[second][version] += 1

    async def report() -> None:
        # A second late, so that the answers to its requests are there.
        for second in range(math.ceil(seconds)):
            while not over.is_set() and time.perf_counter() < start + second + 2:
                await asyncio.sleep(0.1)
            if over.is_set() and second not in outcome.by_second:
                break
            progress(second, outcome)

    over = asyncio.Event()
    reporter = asyncio.create_task(report()) if progress else None
    tasks: set[asyncio.Task] = set()
    for number in range(round(rate * seconds)):
        if stop is not None and stop.is_set():
            break
        due = start + number / rate
        delay = due - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        outcome.worst_lag = max(outcome.worst_lag, time.perf_counter() - due)
        task = asyncio.create_task(one(number))
        outcome.sent += 1
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    if tasks:
        await asyncio.wait(tasks)
    over.set()
    if reporter:
        await reporter
    return outcome


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float('nan')


def describe(second: int, outcome: Outcome) -> str:
    """One line about one second of the load."""
    counts = outcome.by_second.get(second, Counter())
    parts = [
        f'{count} failed' if name == 'failed' else f'{count} by version {name}' for name, count in sorted(counts.items())
    ]
    return f'second {second:>3}: {", ".join(parts) or "nothing answered yet"}'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--url', required=True, help='base URL of the gateway, or of a model server')
    parser.add_argument('--expected', required=True, help='file that expected_predictions.py wrote')
    parser.add_argument('--rate', type=float, required=True, help='requests for each second')
    parser.add_argument('--seconds', type=float, required=True, help='how long to send')
    parser.add_argument('--timeout', type=float, default=10.0, help='seconds after which a request is lost (10)')
    parser.add_argument('--tolerance', type=float, default=1e-9, help='largest difference that passes (1e-9)')
    parser.add_argument('--worst-lag', type=float, default=2.0, help='seconds by which the client may be late (2)')
    parser.add_argument('--want-version', action='append', default=[], help='a version that has to answer in the run')
    parser.add_argument('--token-file', help='file with a bearer token')
    parser.add_argument('--ca-file', help="PEM file of the authority that signed the gateway's certificate")
    parser.add_argument('--summary', help='file for the figures, as JSON')
    options = parser.parse_args()
    if options.rate <= 0 or options.seconds <= 0:
        parser.error('--rate and --seconds have to be above 0')

    expected = Expected(json.loads(Path(options.expected).read_text(encoding='utf-8')))
    print(f'sending {options.rate:g} requests a second for {options.seconds:g} s to {options.url}', flush=True)

    async def load() -> Outcome:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        return await run(
            options.url,
            expected,
            options.rate,
            options.seconds,
            options.timeout,
            options.tolerance,
            read_token(options.token_file),
            options.ca_file,
            progress=lambda second, seen: print(describe(second, seen), flush=True),
            stop=stop,
        )

    outcome = asyncio.run(load())
    failed = sum(outcome.failures.values())
    versions = outcome.versions()
    figures = {
        'sent': outcome.sent,
        'ok': outcome.ok,
        'failed': failed,
        'failures': dict(outcome.failures),
        'versions': dict(versions),
        'latency_ms': {
            name: round(1000 * percentile(outcome.latencies, share), 2)
            for name, share in (('p50', 0.5), ('p95', 0.95), ('p99', 0.99), ('max', 1.0))
        },
        'worst_lag_ms': round(1000 * outcome.worst_lag, 2),
        'by_second': {second: dict(counts) for second, counts in sorted(outcome.by_second.items())},
    }
    if options.summary:
        Path(options.summary).write_text(json.dumps(figures, indent=2) + '\n', encoding='utf-8')
    latency = figures['latency_ms']
    print(f'sent {outcome.sent}, ok {outcome.ok}, failed {failed} {dict(outcome.failures) or ""}'.rstrip())
    print(f'answers by version: {", ".join(f"{v}: {n}" for v, n in sorted(versions.items())) or "none"}')
    print(
        f'latency ms: median {latency["p50"]}, 95 % {latency["p95"]}, 99 % {latency["p99"]}, worst {latency["max"]}; '
        f'the client was late by at most {figures["worst_lag_ms"]} ms'
    )
    for line in outcome.first_failures:
        print(f'  {line}')
    problems = []
    if failed or outcome.ok != outcome.sent:
        problems.append(f'{outcome.sent - outcome.ok} requests were lost')
    if outcome.worst_lag > options.worst_lag:
        problems.append(f'the client could not keep the rate: it was late by {outcome.worst_lag:.2f} s')
    problems += [f'version {version} never answered' for version in options.want_version if not versions[version]]
    for problem in problems:
        print(f'failed: {problem}', file=sys.stderr)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
