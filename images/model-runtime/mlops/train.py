"""Run an MLflow Project, register the model that it logs where a name is given, and report the outcome.

Settings from the environment:
  MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD_FILE   the registry
  MLOPS_REGISTRY_PUBLIC_URL      where people reach the registry, for the link to the run (MLFLOW_TRACKING_URI)
  MLOPS_RUNNER                   the name of the training runner (the host's name)
  MLOPS_PUSHGATEWAY_URL          where to push the outcome; nothing is pushed without it
  MLOPS_REGISTRY_WAIT_SECONDS    how long to wait for a registry that does not answer yet (90)

The last line on standard output is one JSON object: status, run_id, run_url, experiment_id, model, version.
Leaves with 0 when the run succeeded and its version is registered, 143 when it was told to stop, and something else after a failure.
"""

import argparse
import getpass
import json
import os
import platform
import re
import signal
import sys
import time
from importlib import metadata

import yaml

from mlops.pushgateway import push_outcome
from mlops.registry import (
    ConfigurationError,
    MlopsError,
    explain,
    limit_threads,
    load_credentials,
    say,
    tracking_uri,
    wait_for_registry,
)

COMMAND = 'mlops-train'
TAG_PREFIX = 'mlops.'
# What decides whether a served model computes what the trained one did.
LIBRARIES = ('mlflow', 'scikit-learn', 'numpy', 'pandas', 'scipy', 'skops')


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. A KeyboardInterrupt, so that MLflow stops the project's process before it passes it on."""


def _terminate(*_) -> None:
    # Once is enough: a second signal must not interrupt the clearing up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--register', metavar='NAME', help='registered model that gets the new version (none)')
    parser.add_argument('--project', default='/project', help='directory with the MLproject file (/project)')
    parser.add_argument('--entry-point', default='main', help='entry point of the project (main)')
    parser.add_argument(
        '-P', '--param', action='append', default=[], metavar='KEY=VALUE', help='parameter of the entry point'
    )
    parser.add_argument('--experiment', metavar='NAME', help="experiment that gets the run (the project's name)")
    parser.add_argument('--run-name', metavar='NAME', help="name of the run (MLflow's choice)")
    parser.add_argument('--git-commit', metavar='SHA', help='commit that the project comes from')
    parser.add_argument('--tag', action='append', default=[], metavar='KEY=VALUE', help='tag of run and version')
    return parser.parse_args(arguments)


def pairs(option: str, items: list[str]) -> dict[str, str]:
    """Split KEY=VALUE items; a key may be given once."""
    result: dict[str, str] = {}
    for item in items:
        key, separator, value = item.partition('=')
        if not key or not separator:
            raise ConfigurationError(f"{option} is '{item}', wanted KEY=VALUE")
        if key in result:
            raise ConfigurationError(f"{option} names '{key}' twice")
        result[key] = value
    return result


def read_project(directory: str) -> dict:
    """Read the MLproject file."""
    path = os.path.join(directory, 'MLproject')
    try:
        with open(path, encoding='utf-8') as file:
            project = yaml.safe_load(file)
    except OSError as error:
        raise ConfigurationError(f'{path} cannot be read: {error.strerror}') from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f'{path} is not YAML: {error}') from None
    if not isinstance(project, dict):
        raise ConfigurationError(f'{path} is not a mapping')
    return project


def entry_point_parameters(project: dict, entry_point: str, given: dict[str, str]) -> dict[str, str]:
    """Complete the given parameters by the entry point's defaults; one that it does not have is refused."""
    entry_points = project.get('entry_points') or {}
    if entry_point not in entry_points:
        raise ConfigurationError(
            f"the project has no entry point '{entry_point}', it has: {', '.join(sorted(entry_points)) or 'none'}"
        )
    declared = entry_points[entry_point].get('parameters') or {}
    unknown = sorted(set(given) - set(declared))
    if unknown:
        # MLflow would append it to the command line, where a misspelt parameter changes nothing or everything.
        raise ConfigurationError(
            f"the project has no parameter '{unknown[0]}', it has: {', '.join(sorted(declared)) or 'none'}"
        )
    defaults = {
        name: str(spec['default']) for name, spec in declared.items() if isinstance(spec, dict) and 'default' in spec
    }
    missing = sorted(set(declared) - set(defaults) - set(given))
    if missing:
        raise ConfigurationError(f"the project wants the parameter '{missing[0]}': give it with -P")
    return {**defaults, **given}


def library_tags() -> dict[str, str]:
    """Tell Python's and the libraries' versions."""
    tags = {f'{TAG_PREFIX}python_version': platform.python_version()}
    for library in LIBRARIES:
        try:
            tags[f'{TAG_PREFIX}library.{library}'] = metadata.version(library)
        except metadata.PackageNotFoundError:
            pass
    return tags


class Training:
    """One training run, from its creation in the registry to the registered version."""

    def __init__(self, arguments: argparse.Namespace, runner: str, uri: str, project: dict) -> None:
        self.arguments = arguments
        self.uri = uri
        self.project_name = str(project.get('name') or os.path.basename(os.path.abspath(arguments.project)))
        self.given = pairs('--param', arguments.param)
        self.parameters = entry_point_parameters(project, arguments.entry_point, self.given)
        self.tags = {
            **library_tags(),
            **pairs('--tag', arguments.tag),
            f'{TAG_PREFIX}runner': runner,
            f'{TAG_PREFIX}project': self.project_name,
        }
        if arguments.git_commit:
            self.tags[f'{TAG_PREFIX}git_commit'] = arguments.git_commit
        self.run_id: str | None = None
        self.run_url: str | None = None
        self.client = None

    def start(self) -> None:
        """Create the run, so that its page can be opened while it trains."""
        import mlflow

        self.client = mlflow.MlflowClient()
        name = self.arguments.experiment or self.project_name
        experiment = mlflow.set_experiment(name)
        tags = {
            **self.tags,
            'mlflow.user': _user(),
            'mlflow.source.type': 'PROJECT',
            'mlflow.source.name': self.project_name,
            'mlflow.project.entryPoint': self.arguments.entry_point,
        }
        if self.arguments.git_commit:
            tags['mlflow.source.git.commit'] = self.arguments.git_commit
        run = self.client.create_run(experiment.experiment_id, tags=tags, run_name=self.arguments.run_name)
        self.experiment_id, self.run_id = experiment.experiment_id, run.info.run_id
        pages = os.environ.get('MLOPS_REGISTRY_PUBLIC_URL', '').strip().rstrip('/') or self.uri
        self.run_url = f'{pages}/#/experiments/{self.experiment_id}/runs/{self.run_id}'
        for key, value in self.parameters.items():
            self.client.log_param(self.run_id, key, value)
        say(COMMAND, f'run {self.run_id} of project {self.project_name}: {self.run_url}')

    def train(self) -> None:
        """Run the project; what it prints goes straight to our own output."""
        import mlflow
        from mlflow.exceptions import ExecutionException

        try:
            mlflow.projects.run(
                self.arguments.project,
                entry_point=self.arguments.entry_point,
                parameters=self.given,
                experiment_id=self.experiment_id,
                run_id=self.run_id,
                env_manager='local',
            )
        except ExecutionException:
            raise MlopsError(
                f'the training of run {self.run_id} failed: its command ended with an error, its last lines are above'
            ) from None

    def register(self) -> str:
        """Register the model that the run logged. Returns the version."""
        models = self.client.search_logged_models(
            [self.experiment_id], filter_string=f"source_run_id = '{self.run_id}'"
        )
        if len(models) != 1:
            names = ', '.join(model.name for model in models) or 'none'
            raise MlopsError(f'run {self.run_id} has to log one model to register, it logged: {names}')
        import mlflow

        run = self.client.get_run(self.run_id)
        tags = {key: value for key, value in run.data.tags.items() if key.startswith(TAG_PREFIX)}
        tags.update(self.tags)
        # The version's own run_id is lost when it is copied to another registry, tags are not.
        tags[f'{TAG_PREFIX}run_id'] = self.run_id
        version = mlflow.register_model(models[0].model_uri, self.arguments.register, tags=tags)
        return str(version.version)

    def end(self, status: str) -> None:
        """Close the run, unless its training came to a good end and something failed afterwards."""
        if self.run_id is None:
            return
        try:
            if self.client.get_run(self.run_id).info.status != 'FINISHED':
                self.client.set_terminated(self.run_id, status)
        except Exception as error:
            say(COMMAND, f'run {self.run_id} could not be marked {status}: {explain(error, self.uri)}')


def _user() -> str:
    try:
        return os.environ.get('MLFLOW_TRACKING_USERNAME') or getpass.getuser()
    except (KeyError, OSError):
        return 'unknown'


def _describe(training: Training | None) -> str:
    return f'run {training.run_id}' if training is not None and training.run_id else 'the preparation'


def _report(runner: str, project: str, success: bool, started: float) -> None:
    url = os.environ.get('MLOPS_PUSHGATEWAY_URL', '').strip()
    if not url:
        return
    try:
        push_outcome(url, runner, project, success, time.monotonic() - started)
    except (OSError, ValueError) as error:
        reason = re.sub(r'\s+', ' ', str(error))
        say(COMMAND, f'the outcome could not be pushed, so the monitoring does not know of this run: {reason}')


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    limit_threads()
    # We print the address that people use, once.
    os.environ.setdefault('MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT', 'true')
    started = time.monotonic()
    runner = os.environ.get('MLOPS_RUNNER', '').strip() or platform.node()
    training, result, exit_code = None, None, 0
    signal.signal(signal.SIGTERM, _terminate)
    try:
        uri = tracking_uri()
        training = Training(options, runner, uri, read_project(options.project))
        load_credentials()
        wait_for_registry(COMMAND, uri)
        try:
            training.start()
            training.train()
            version = training.register() if options.register else None
        except MlopsError:
            training.end('FAILED')
            raise
        except Exception as error:
            training.end('FAILED')
            raise explain(error, uri) from None
        if version is not None:
            say(COMMAND, f'registered version {version} of {options.register}')
        result = {
            'status': 'succeeded',
            'run_id': training.run_id,
            'run_url': training.run_url,
            'experiment_id': training.experiment_id,
            'model': options.register,
            'version': version,
        }
    except MlopsError as error:
        say(COMMAND, f'error: {error}')
        exit_code = error.exit_code
    except KeyboardInterrupt as interrupt:
        exit_code = 143 if isinstance(interrupt, Terminated) else 130
        if training is not None:
            training.end('KILLED')
        say(COMMAND, f'error: stopped by a signal during {_describe(training)}')
    if training is not None:
        _report(runner, training.project_name, result is not None, started)
    if result is not None:
        print(json.dumps(result), flush=True)
    return exit_code


if __name__ == '__main__':
    sys.exit(main())
