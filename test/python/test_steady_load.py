import asyncio
import contextlib
import json
import time
import unittest

import support  # noqa: F401  (makes the programs importable)
from inference import CheckFailed, max_difference, parse_answer, request_body
from steady_load import Expected, run

DOCUMENT = {
    'path': '/v2/models/m/infer',
    'columns': ['a', 'b'],
    'rows': [[1.0, 2.0], [3.0, 4.0]],
    'versions': {'1': [[0.1, 0.9], [0.2, 0.8]], '2': [[0.3, 0.7], [0.4, 0.6]]},
}


def answer_of(version: str, probabilities: list[float]) -> bytes:
    output = {'name': 'output-1', 'shape': [1, len(probabilities)], 'datatype': 'FP64', 'data': probabilities}
    return json.dumps({'model_name': 'm', 'model_version': version, 'outputs': [output]}).encode()


def row_of(request: bytes) -> int:
    return 0 if json.loads(request)['inputs'][0]['data'] == [1.0] else 1


class Server:
    """A model server whose behaviour a test decides, by `respond(number, head, body, writer)`."""

    def __init__(self, respond) -> None:
        self.respond = respond
        self.count = 0
        self.arrivals: list[float] = []
        self.tasks: set[asyncio.Task] = set()

    async def handle(self, reader, writer) -> None:
        self.tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b'\r\n\r\n')
            length = int(next(line for line in head.split(b'\r\n') if line.startswith(b'Content-Length')).split()[1])
            body = await reader.readexactly(length)
            self.count += 1
            self.arrivals.append(time.perf_counter())
            await self.respond(self.count, head, body, writer)
        writer.close()


def load(respond, rate: float = 200, seconds: float = 0.2, **options):
    """Run the load against a server of the test's own."""

    async def both():
        server = Server(respond)
        listener = await asyncio.start_server(server.handle, '127.0.0.1', 0)
        port = listener.sockets[0].getsockname()[1]
        outcome = await run(f'http://127.0.0.1:{port}', Expected(DOCUMENT), rate, seconds, **options)
        listener.close()
        await asyncio.wait(server.tasks)
        return server, outcome

    return asyncio.run(both())


async def send(writer, body: bytes, status: str = '200 OK') -> None:
    writer.write(f'HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n'.encode() + body)
    await writer.drain()


async def honest(number, head, body, writer) -> None:
    await send(writer, answer_of('1', DOCUMENT['versions']['1'][row_of(body)]))


class SteadyLoadTest(unittest.TestCase):
    def test_counts_every_answer_and_the_version_that_gave_it(self) -> None:
        async def respond(number, head, body, writer):
            version = '1' if number <= 20 else '2'
            await send(writer, answer_of(version, DOCUMENT['versions'][version][row_of(body)]))

        server, outcome = load(respond)
        self.assertEqual((outcome.sent, outcome.ok, sum(outcome.failures.values())), (40, 40, 0))
        self.assertEqual(dict(outcome.versions()), {'1': 20, '2': 20})
        self.assertEqual(server.count, 40)

    def test_a_request_that_is_lost_is_counted_and_not_repeated(self) -> None:
        async def respond(number, head, body, writer):
            if number % 4:
                await honest(number, head, body, writer)

        server, outcome = load(respond)
        self.assertEqual((outcome.ok, dict(outcome.failures)), (30, {'IncompleteReadError': 10}))
        self.assertEqual(server.count, 40)

    def test_an_answer_that_breaks_off_is_lost(self) -> None:
        async def respond(number, head, body, writer):
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"model_version"')

        _, outcome = load(respond)
        self.assertEqual((outcome.ok, dict(outcome.failures)), (0, {'IncompleteReadError': 40}))

    def test_refused_connections_errors_and_late_answers_are_lost(self) -> None:
        outcome = asyncio.run(run('http://127.0.0.1:9', Expected(DOCUMENT), 50, 0.2))
        self.assertEqual(dict(outcome.failures), {'ConnectionRefusedError': 10})

        async def unavailable(number, head, body, writer):
            await send(writer, b'no', '503 Service Unavailable')

        self.assertEqual(dict(load(unavailable)[1].failures), {'status 503': 40})

        async def late(number, head, body, writer):
            await asyncio.sleep(0.3)
            await honest(number, head, body, writer)

        self.assertEqual(dict(load(late, rate=20, seconds=0.2, timeout=0.1)[1].failures), {'TimeoutError': 4})

    def test_wrong_probabilities_and_the_other_versions_probabilities_are_lost(self) -> None:
        async def swapped(number, head, body, writer):
            await send(writer, answer_of('2', DOCUMENT['versions']['1'][row_of(body)]))

        async def unknown(number, head, body, writer):
            await send(writer, answer_of('3', DOCUMENT['versions']['1'][row_of(body)]))

        async def nonsense(number, head, body, writer):
            await send(writer, b'{"outputs": []}')

        for respond in (swapped, unknown, nonsense):
            self.assertEqual(dict(load(respond)[1].failures), {'CheckFailed': 40})

    def test_slow_answers_do_not_slow_the_sending(self) -> None:
        async def slow(number, head, body, writer):
            await asyncio.sleep(0.5)
            await honest(number, head, body, writer)

        server, outcome = load(slow, rate=50, seconds=0.4)
        self.assertEqual(outcome.ok, 20)
        self.assertLess(server.arrivals[-1] - server.arrivals[0], 0.5)
        self.assertGreater(min(outcome.latencies), 0.5)

    def test_reads_chunked_answers_and_sends_the_token(self) -> None:
        heads = []

        async def chunked(number, head, body, writer):
            heads.append(head)
            content = answer_of('1', DOCUMENT['versions']['1'][row_of(body)])
            parts = [content[:10], content[10:]]
            writer.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
            for part in parts:
                writer.write(f'{len(part):x}\r\n'.encode() + part + b'\r\n')
            writer.write(b'0\r\n\r\n')
            await writer.drain()

        _, outcome = load(chunked, token='abc')
        self.assertEqual(outcome.ok, 40)
        self.assertIn(b'\r\nAuthorization: Bearer abc\r\n', heads[0])
        self.assertIn(b'\r\nConnection: close\r\n', heads[0])


class InferenceTest(unittest.TestCase):
    def test_a_request_names_its_columns(self) -> None:
        (first, second) = json.loads(request_body({'a': [1.0, 2.0], 'b': [3.0, 4.0]}))['inputs']
        self.assertEqual(first, {'name': 'a', 'shape': [2, 1], 'datatype': 'FP64', 'data': [1.0, 2.0]})
        self.assertEqual(second['name'], 'b')

    def test_an_answer_keeps_its_rows(self) -> None:
        body = b'{"model_version": "4", "outputs": [{"shape": [2, 2], "data": [0.1, 0.9, 0.2, 0.8]}]}'
        self.assertEqual(parse_answer(body), ('4', [[0.1, 0.9], [0.2, 0.8]]))

    def test_an_answer_of_another_shape_is_refused(self) -> None:
        for body in (b'', b'[]', b'{"model_version": "4", "outputs": [{"shape": [2, 2], "data": [0.1]}]}'):
            with self.assertRaises(CheckFailed):
                parse_answer(body)

    def test_tables_of_different_shapes_differ_without_limit(self) -> None:
        self.assertEqual(max_difference([[0.5, 0.5]], [[0.5, 0.25]]), 0.25)
        self.assertEqual(max_difference([[0.5]], [[0.5, 0.5]]), float('inf'))
        self.assertEqual(max_difference([[0.5]], []), float('inf'))


if __name__ == '__main__':
    unittest.main()
