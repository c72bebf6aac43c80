import contextlib
import io
import tempfile
import unittest
from pathlib import Path

from support import PROJECT, environment, http_server, requires


@requires('requests', 'yaml', 'prometheus_client')
class TrainTest(unittest.TestCase):
    def setUp(self) -> None:
        from mlops import train

        self.train = train
        self.project = train.read_project(str(PROJECT))

    def test_completes_parameters_by_the_defaults_of_the_project(self) -> None:
        parameters = self.train.entry_point_parameters(self.project, 'main', {'config': 'config/forest.yaml'})
        self.assertEqual(parameters, {'config': 'config/forest.yaml', 'seed': '7'})

    def test_refuses_a_parameter_or_an_entry_point_that_the_project_does_not_have(self) -> None:
        with self.assertRaisesRegex(Exception, "no parameter 'confg', it has: config, seed"):
            self.train.entry_point_parameters(self.project, 'main', {'confg': 'x'})
        with self.assertRaisesRegex(Exception, "no entry point 'train', it has: main"):
            self.train.entry_point_parameters(self.project, 'train', {})

    def test_wants_a_parameter_that_has_no_default(self) -> None:
        project = {'entry_points': {'main': {'parameters': {'data': 'path'}}}}
        with self.assertRaisesRegex(Exception, "wants the parameter 'data'"):
            self.train.entry_point_parameters(project, 'main', {})

    def test_refuses_a_malformed_or_repeated_pair(self) -> None:
        self.assertEqual(self.train.pairs('--tag', ['a=b=c', 'd=']), {'a': 'b=c', 'd': ''})
        for items, reason in ((['a'], 'wanted KEY=VALUE'), (['=b'], 'wanted KEY=VALUE'), (['a=1', 'a=2'], 'twice')):
            with self.assertRaisesRegex(Exception, reason):
                self.train.pairs('--tag', items)

    def test_refuses_a_directory_without_a_project(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            with self.assertRaisesRegex(Exception, 'MLproject cannot be read'):
                self.train.read_project(directory)
            (Path(directory) / 'MLproject').write_text('just text', encoding='utf-8')
            with self.assertRaisesRegex(Exception, 'not a mapping'):
                self.train.read_project(directory)

    def run_unreachable(self, **values: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with (
            environment(MLFLOW_TRACKING_URI='http://127.0.0.1:9', MLOPS_REGISTRY_WAIT_SECONDS='0', **values),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = self.train.main(['--register', 'cancer', '--project', str(PROJECT)])
        return code, out.getvalue(), err.getvalue()

    def test_a_failed_run_is_pushed_and_leaves_the_last_success_alone(self) -> None:
        pushed = []

        def answer(method, path, headers, body):
            pushed.append((method, path, body.decode()))
            return 200, b''

        with http_server(answer) as url:
            code, out, err = self.run_unreachable(MLOPS_PUSHGATEWAY_URL=url, MLOPS_RUNNER='trainer')
        self.assertEqual((code, out), (1, ''))
        self.assertIn('mlops-train: error: the registry http://127.0.0.1:9 is not reachable', err)
        ((method, path, body),) = pushed
        self.assertEqual(method, 'POST')
        self.assertEqual(path.split('/metrics/')[1], 'job/training/project/cancer/runner/trainer')
        self.assertIn('\nmlops_training_last_run_success 0.0\n', body)
        self.assertIn('\nmlops_training_duration_seconds ', body)
        self.assertNotIn('mlops_training_last_success_timestamp_seconds', body)

    def test_a_push_that_fails_is_said_and_changes_nothing_else(self) -> None:
        code, _, err = self.run_unreachable(MLOPS_PUSHGATEWAY_URL='http://127.0.0.1:9')
        self.assertEqual(code, 1)
        self.assertIn('the outcome could not be pushed', err)

    def test_a_success_is_pushed_with_its_time(self) -> None:
        from mlops.pushgateway import push_outcome

        pushed = []
        with http_server(lambda method, path, headers, body: (pushed.append(body.decode()), (202, b''))[1]) as url:
            push_outcome(url, 'trainer', 'cancer', True, 12.5)
        self.assertIn('\nmlops_training_last_run_success 1.0\n', pushed[0])
        self.assertIn('\nmlops_training_duration_seconds 12.5\n', pushed[0])
        self.assertIn('\nmlops_training_last_success_timestamp_seconds ', pushed[0])


if __name__ == '__main__':
    unittest.main()
