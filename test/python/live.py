"""Trains and serves for real, against an MLflow server of its own. Takes a minute or two, so it is not found by discovery:

  python3 test/python/live.py -v

Needs what the model runtime image holds.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import PROGRAMS, PROJECT, RUNTIME  # noqa: E402

import inference  # noqa: E402

SLOW_MODEL = '''
import time

import mlflow
import pandas


class Slow(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: pandas.DataFrame, params=None):
        time.sleep(2)
        return model_input[['a', 'a']].to_numpy()


frame = pandas.DataFrame({'a': [1.0]})
with mlflow.start_run():
    mlflow.pyfunc.log_model(
        name='model',
        python_model=Slow(),
        signature=mlflow.models.infer_signature(frame, frame[['a', 'a']].to_numpy()),
        registered_model_name='slow',
        pip_requirements=['mlflow'],
    )
'''


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def wait_for(url: str, process: subprocess.Popen, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f'{url}: the process left with {process.returncode}')
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f'{url} did not answer in {seconds:.0f} s')


class LiveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory = Path(directory.name)
        port = free_port()
        cls.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(('MLFLOW_', 'MLOPS_'))},
            'PATH': f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}',
            'PYTHONPATH': str(RUNTIME),
            'MLFLOW_TRACKING_URI': f'http://127.0.0.1:{port}',
            'MLFLOW_SERVER_ENABLE_JOB_EXECUTION': 'false',
            'MLFLOW_DISABLE_TELEMETRY': 'true',
            'PYTHONUNBUFFERED': '1',
        }
        with open(cls.directory / 'mlflow.log', 'wb') as log:
            server = subprocess.Popen(
                [
                    sys.executable, '-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', str(port),
                    '--workers', '1', '--backend-store-uri', f'sqlite:///{cls.directory}/mlflow.db',
                    '--artifacts-destination', str(cls.directory / 'artifacts'),
                ],
                env=cls.environment, stdout=log, stderr=log, cwd=cls.directory, start_new_session=True,
            )  # fmt: skip
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(os.killpg, server.pid, signal.SIGTERM)
        wait_for(f'{cls.environment["MLFLOW_TRACKING_URI"]}/health', server)
        for config in ('baseline', 'forest'):
            result = cls.train('-P', f'config=config/{config}.yaml', '--git-commit', 'abc123', '--tag', 'team=oncology')
            assert result.returncode == 0, result.stderr
            cls.last_line = json.loads(result.stdout.splitlines()[-1])

    @classmethod
    def command(cls, name: str, *arguments: str, **environment: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, '-m', f'mlops.{name}', *arguments],
            env={**cls.environment, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    @classmethod
    def train(cls, *arguments: str, project: Path = PROJECT) -> subprocess.CompletedProcess:
        process = cls.command('train', '--register', 'cancer', '--project', str(project), *arguments)
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def api(self, path: str, **query) -> dict:
        url = f'{self.environment["MLFLOW_TRACKING_URI"]}/api/2.0/mlflow/{path}'
        with urllib.request.urlopen(url + '?' + urllib.parse.urlencode(query), timeout=30) as answer:
            return json.load(answer)

    def serve(self, model: str, version: str) -> tuple[subprocess.Popen, str, str]:
        port, metrics = free_port(), free_port()
        process = self.command(
            'serve',
            MLOPS_MODEL_NAME=model,
            MLOPS_MODEL_URI=f'models:/{model}/{version}',
            MLOPS_HTTP_PORT=str(port),
            MLOPS_METRICS_PORT=str(metrics),
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        wait_for(f'http://127.0.0.1:{port}/v2/models/{model}/ready', process)
        return process, f'http://127.0.0.1:{port}', f'http://127.0.0.1:{metrics}'

    def program(self, name: str, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, str(PROGRAMS / name), *arguments], env=self.environment, capture_output=True, text=True
        )

    def test_a_version_carries_where_it_comes_from(self) -> None:
        self.assertEqual((self.last_line['model'], self.last_line['version']), ('cancer', '2'))
        version = self.api('model-versions/get', name='cancer', version='2')['model_version']
        tags = {tag['key']: tag['value'] for tag in version['tags']}
        self.assertEqual(tags['mlops.git_commit'], 'abc123')
        self.assertEqual(tags['mlops.run_id'], self.last_line['run_id'])
        self.assertEqual(tags['team'], 'oncology')
        self.assertEqual(tags['mlops.python_version'], '.'.join(map(str, sys.version_info[:3])))
        self.assertRegex(tags['mlops.data_fingerprint'], '^sha256:')
        self.assertIn('mlops.library.scikit-learn', tags)

    def test_two_versions_are_served_as_they_were_trained(self) -> None:
        expected = str(self.directory / 'expected.json')
        written = self.program(
            'expected_predictions.py', '--model', 'cancer', '--version', '1', '--version', '2', '--output', expected
        )
        self.assertEqual(written.returncode, 0, written.stderr)
        for version, other in (('1', '2'), ('2', '1')):
            process, url, metrics = self.serve('cancer', version)
            compare = ('compare_predictions.py', '--gateway', url, '--model', 'cancer')
            same = self.program(*compare, '--version', version)
            self.assertEqual(same.returncode, 0, same.stderr)
            self.assertIn('171 held-out rows', same.stdout)
            self.assertEqual(self.program(*compare, '--version', other).returncode, 1)
            load = self.program(
                'steady_load.py', '--url', url, '--expected', expected, '--rate', '20', '--seconds', '3',
                '--want-version', version, '--timeout', '30', '--worst-lag', '10',
            )  # fmt: skip
            self.assertEqual(load.returncode, 0, load.stderr + load.stdout)
            self.assert_closed(url, metrics, version)
            process.terminate()
            self.assertEqual(process.wait(30), 0)

    def assert_closed(self, url: str, metrics: str, version: str) -> None:
        with self.assertRaisesRegex(inference.CheckFailed, '404'):
            inference.post(f'{url}/v2/repository/models/cancer/unload', b'{}')
        with self.assertRaisesRegex(inference.CheckFailed, '404'):
            inference.post(url + inference.infer_path('cancer', '99'), inference.request_body({'a': [1.0]}))
        with self.assertRaisesRegex(inference.CheckFailed, '400: .*Failed to enforce schema'):
            inference.post(url + inference.infer_path('cancer'), inference.request_body({'mean radius': [1.0]}))
        with urllib.request.urlopen(f'{metrics}/metrics', timeout=30) as answer:
            text = answer.read().decode()
        self.assertIn(f'mlops_model_info{{model="cancer",version="{version}"}} 1.0', text)
        self.assertRegex(text, r'model_infer_request_success_total\{model="cancer",version="None"\} \d+')

    def test_a_server_that_is_told_to_stop_answers_what_it_was_asked(self) -> None:
        logged = subprocess.run(
            [sys.executable, '-c', SLOW_MODEL], env=self.environment, capture_output=True, text=True, cwd=self.directory
        )
        self.assertEqual(logged.returncode, 0, logged.stderr)
        process, url, _ = self.serve('slow', '1')
        answers = []
        body = inference.request_body({'a': [21.0]})
        clients = [
            threading.Thread(target=lambda: answers.append(inference.post(url + inference.infer_path('slow'), body)))
            for _ in range(2)
        ]
        for client in clients:
            client.start()
            time.sleep(0.3)
        process.terminate()
        for client in clients:
            client.join()
        self.assertEqual([inference.parse_answer(answer) for answer in answers], [('1', [[21.0, 21.0]])] * 2)
        self.assertEqual(process.wait(30), 0)

    def test_a_version_that_does_not_exist_is_one_line(self) -> None:
        process = self.command('serve', MLOPS_MODEL_NAME='cancer', MLOPS_MODEL_URI='models:/cancer/99')
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertRegex(err, r'\Amlops-serve: error: the registry \S+ has no models:/cancer/99\n\Z')

    def test_a_training_that_is_told_to_stop_is_marked_killed(self) -> None:
        process = self.command('train', '--register', 'cancer', '--project', str(PROJECT))
        lines = []
        for line in process.stderr:
            lines.append(line)
            if 'Running command' in line:
                break
        run_id = re.search(r'run ([0-9a-f]{32})', ''.join(lines))[1]
        process.terminate()
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143)
        self.assertEqual(self.api('runs/get', run_id=run_id)['run']['info']['status'], 'KILLED')

    def test_a_training_that_fails_registers_nothing(self) -> None:
        project = self.directory / 'broken'
        project.mkdir()
        (project / 'MLproject').write_text(
            'name: broken\nentry_points:\n  main:\n    command: "echo no data today; exit 3"\n', encoding='utf-8'
        )
        result = self.train(project=project)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, 'no data today\n')
        self.assertRegex(result.stderr, r'mlops-train: error: the training of run \w+ failed')
        run_id = re.search(r'run ([0-9a-f]{32})', result.stderr)[1]
        self.assertEqual(self.api('runs/get', run_id=run_id)['run']['info']['status'], 'FAILED')


if __name__ == '__main__':
    unittest.main()
