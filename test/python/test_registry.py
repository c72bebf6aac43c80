import tempfile
import time
import unittest
from pathlib import Path

import support
from support import environment, http_server, requires


@requires('requests')
class RegistryTest(unittest.TestCase):
    def setUp(self) -> None:
        from mlops import registry

        self.registry = registry

    def credentials_file(self, content: bytes) -> str:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = Path(directory.name) / 'password'
        path.write_bytes(content)
        return str(path)

    def test_hands_the_password_of_the_file_to_mlflow_without_its_line_end(self) -> None:
        path = self.credentials_file(b'two words \n')
        with environment(MLFLOW_TRACKING_USERNAME='a', MLFLOW_TRACKING_PASSWORD_FILE=path):
            self.registry.load_credentials()
            self.assertEqual(support.os.environ['MLFLOW_TRACKING_PASSWORD'], 'two words ')

    def test_refuses_a_password_file_that_is_missing_empty_or_not_text(self) -> None:
        for path, reason in (
            ('/nowhere/password', 'No such file'),
            (self.credentials_file(b'\n'), 'is empty'),
            (self.credentials_file(b'\xff\xfe'), 'it is not text'),
        ):
            with environment(MLFLOW_TRACKING_USERNAME='a', MLFLOW_TRACKING_PASSWORD_FILE=path):
                with self.assertRaisesRegex(self.registry.ConfigurationError, reason):
                    self.registry.load_credentials()

    def test_refuses_a_password_without_a_user(self) -> None:
        with environment(MLFLOW_TRACKING_PASSWORD_FILE=self.credentials_file(b'x')):
            with self.assertRaisesRegex(self.registry.ConfigurationError, 'MLFLOW_TRACKING_USERNAME is not set'):
                self.registry.load_credentials()

    def test_refuses_an_address_that_carries_a_password_and_does_not_repeat_it(self) -> None:
        with environment(MLFLOW_TRACKING_URI='http://user:s3cret@registry:5000'):
            with self.assertRaises(self.registry.ConfigurationError) as caught:
                self.registry.tracking_uri()
        self.assertIn('carries credentials', str(caught.exception))
        self.assertNotIn('s3cret', str(caught.exception))

    def test_refuses_an_address_that_is_not_http(self) -> None:
        for uri in ('sqlite:///x.db', '/tmp/mlruns', 'http://'):
            with environment(MLFLOW_TRACKING_URI=uri):
                with self.assertRaisesRegex(self.registry.ConfigurationError, 'not an http or https address'):
                    self.registry.tracking_uri()

    def test_waits_until_the_registry_answers(self) -> None:
        calls = []

        def answer(method, path, headers, body):
            calls.append(path)
            return (200, b'OK') if len(calls) > 2 else (503, b'')

        with http_server(answer) as url, environment(MLOPS_REGISTRY_WAIT_SECONDS='10'):
            self.registry.wait_for_registry('test', url)
        self.assertEqual(calls, ['/health'] * 3)

    def test_gives_up_in_time_and_says_why(self) -> None:
        started = time.monotonic()
        with environment(MLOPS_REGISTRY_WAIT_SECONDS='1'):
            with self.assertRaisesRegex(self.registry.MlopsError, 'not reachable after 1 s: it refuses the connection'):
                self.registry.wait_for_registry('test', 'http://127.0.0.1:9')
        self.assertLess(time.monotonic() - started, 3)

    def test_refuses_a_wait_that_is_not_a_number_of_seconds(self) -> None:
        for text in ('soon', '-1', 'inf', 'nan'):
            with environment(MLOPS_REGISTRY_WAIT_SECONDS=text):
                with self.assertRaisesRegex(self.registry.ConfigurationError, 'wanted a number of seconds'):
                    self.registry.wait_for_registry('test', 'http://127.0.0.1:9')

    def test_an_error_is_one_line(self) -> None:
        error = self.registry.explain(RuntimeError('first\n  second'), 'http://registry')
        self.assertEqual(str(error), 'the registry http://registry failed: first')
        self.assertNotIn('\n', str(self.registry.MlopsError('a\nb')))


if __name__ == '__main__':
    unittest.main()
