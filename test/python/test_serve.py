import contextlib
import io
import unittest

from support import environment, requires

GOOD = {'MLOPS_MODEL_NAME': 'cancer', 'MLOPS_MODEL_URI': 'models:/cancer/3'}


@requires('requests')
class ServeSettingsTest(unittest.TestCase):
    def setUp(self) -> None:
        from mlops import serve

        self.serve = serve

    def refuse(self, reason: str, **changes: str) -> None:
        with environment(**{**GOOD, **changes}):
            with self.assertRaisesRegex(Exception, reason) as caught:
                self.serve.Settings.from_environment()
        self.assertEqual(caught.exception.exit_code, 2)

    def test_reads_a_version_and_the_default_ports(self) -> None:
        with environment(**GOOD):
            settings = self.serve.Settings.from_environment()
        self.assertEqual((settings.registered_name, settings.version, settings.alias), ('cancer', '3', None))
        self.assertEqual((settings.http_port, settings.metrics_port), (8080, 8082))

    def test_reads_an_alias(self) -> None:
        with environment(**{**GOOD, 'MLOPS_MODEL_URI': 'models:/cancer@champion'}):
            settings = self.serve.Settings.from_environment()
        self.assertEqual((settings.version, settings.alias), (None, 'champion'))

    def test_refuses_what_names_no_version(self) -> None:
        for uri in ('models:/cancer', 'models:/cancer/latest', 'models:/cancer/0', 'runs:/abc/model', 's3://bucket/x'):
            self.refuse('MLOPS_MODEL_URI is .* wanted', MLOPS_MODEL_URI=uri)

    def test_refuses_a_name_that_cannot_stand_in_a_path(self) -> None:
        for name in ('a/b', 'a b', '..', 'ä'):
            self.refuse('MLOPS_MODEL_NAME is', MLOPS_MODEL_NAME=name)

    def test_refuses_ports_that_are_none_or_taken_twice(self) -> None:
        for port in ('0', '65536', 'http', '8080.0', '²'):
            self.refuse('wanted a port', MLOPS_HTTP_PORT=port)
        self.refuse('are both 8082', MLOPS_HTTP_PORT='8082')

    def test_a_missing_setting_is_one_line_and_exit_code_2(self) -> None:
        output = io.StringIO()
        with environment(MLOPS_MODEL_NAME='cancer'), contextlib.redirect_stderr(output):
            self.assertEqual(self.serve.main([]), 2)
        self.assertEqual(output.getvalue(), 'mlops-serve: error: MLOPS_MODEL_URI is not set\n')


if __name__ == '__main__':
    unittest.main()
