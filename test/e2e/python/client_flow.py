"""Use the registry as anybody would, with an unmodified MLflow client, and be refused without the right credentials.

  client_flow.py write --state FILE    logs a run with a metric and an artifact, registers a version, and notes what it did
  client_flow.py verify --state FILE   finds all of it again, unchanged
  client_flow.py refused               is refused without credentials and with wrong ones, everywhere
"""

import argparse
import base64
import json
import os
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from inference import CheckFailed
from registry import add_registry_options, log_in

EXPERIMENT = 'e2e-client'
MODEL = 'e2e-client'
ARTIFACT = 'notes/hello.txt'
CREDENTIALS = ('MLFLOW_TRACKING_USERNAME', 'MLFLOW_TRACKING_PASSWORD')


def write(state: Path) -> None:
    """Log a run, its artifact and its model, and register the model."""
    import mlflow
    from sklearn.dummy import DummyClassifier

    mlflow.set_experiment(EXPERIMENT)
    content = f'written by process {os.getpid()}\n'
    with mlflow.start_run() as run:
        mlflow.log_param('colour', 'green')
        for step, value in enumerate((0.5, 0.25, 0.125)):
            mlflow.log_metric('loss', value, step=step)
        mlflow.log_text(content, ARTIFACT)
        info = mlflow.sklearn.log_model(
            DummyClassifier(strategy='prior').fit([[0.0], [1.0]], [0, 1]),
            name='model',
            pip_requirements=['scikit-learn'],
        )
    version = mlflow.register_model(info.model_uri, MODEL)
    facts = {'run_id': run.info.run_id, 'artifact': content, 'version': str(version.version)}
    state.write_text(json.dumps(facts), encoding='utf-8')
    print(f'logged run {facts["run_id"]} with an artifact, registered version {facts["version"]} of {MODEL}')


def verify(state: Path) -> None:
    """Find the run, the artifact, the metric's history and the version again."""
    import mlflow

    facts = json.loads(state.read_text(encoding='utf-8'))
    client = mlflow.MlflowClient()
    run = client.get_run(facts['run_id'])
    expect('status', run.info.status, 'FINISHED')
    expect('parameter', run.data.params.get('colour'), 'green')
    history = client.get_metric_history(facts['run_id'], 'loss')
    expect('metric', [point.value for point in sorted(history, key=lambda point: point.step)], [0.5, 0.25, 0.125])
    with tempfile.TemporaryDirectory() as directory:
        path = client.download_artifacts(facts['run_id'], ARTIFACT, directory)
        expect('artifact', Path(path).read_text(encoding='utf-8'), facts['artifact'])
    version = client.get_model_version(MODEL, facts['version'])
    expect('run of the version', version.run_id, facts['run_id'])
    loaded = mlflow.sklearn.load_model(f'models:/{MODEL}/{facts["version"]}')
    expect('probabilities', loaded.predict_proba([[0.0]]).tolist(), [[0.5, 0.5]])
    print(f'found run {facts["run_id"]}, its parameter, metric and artifact, and version {facts["version"]} of {MODEL}')


def expect(what: str, found, wanted) -> None:
    if found != wanted:
        raise CheckFailed(f'{what}: found {found!r}, wanted {wanted!r}')


def refused(tracking: str) -> None:
    """Try each kind of call without credentials and with wrong ones."""
    import mlflow

    right = {name: os.environ.get(name) for name in CREDENTIALS}
    if not all(right.values()):
        raise CheckFailed('give the right credentials as well: a registry that refuses everybody proves nothing')
    client = mlflow.MlflowClient()
    client.search_experiments(max_results=1)
    calls = {
        'listing experiments': lambda: client.search_experiments(max_results=1),
        'creating an experiment': lambda: client.create_experiment('e2e-must-not-exist'),
        'listing models': lambda: client.search_registered_models(max_results=1),
        'registering a model': lambda: client.create_registered_model('e2e-must-not-exist'),
        'listing artifacts': lambda: _get(f'{tracking}/api/2.0/mlflow-artifacts/artifacts?path=0'),
        'the pages': lambda: _get(tracking),
        'the metrics': lambda: _get(f'{tracking}/metrics'),
    }
    attempts = {
        'without credentials': {},
        'with a wrong password': {**right, 'MLFLOW_TRACKING_PASSWORD': 'wrong-' + 'x' * 12},
        'as an unknown user': {**right, 'MLFLOW_TRACKING_USERNAME': 'e2e-nobody'},
    }
    count = 0
    try:
        for how, values in attempts.items():
            for name in CREDENTIALS:
                os.environ.pop(name, None)
            os.environ.update(values)
            for what, call in calls.items():
                try:
                    call()
                except Exception as error:
                    if getattr(error, 'code', None) != 401 and 'error code 401' not in str(error):
                        raise CheckFailed(f'{what} {how}: not refused with 401 but failed: {error}') from None
                    count += 1
                else:
                    raise CheckFailed(f'{what} {how}: not refused')
    finally:
        os.environ.update(right)
    print(f'refused {count} of {count} calls: {", ".join(attempts)}')


def _get(url: str) -> None:
    request = urllib.request.Request(url)
    username, password = (os.environ.get(name) for name in CREDENTIALS)
    if username and password:
        token = base64.b64encode(f'{username}:{password}'.encode()).decode()
        request.add_header('Authorization', f'Basic {token}')
    urllib.request.urlopen(request, timeout=30).close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('action', choices=['write', 'verify', 'refused'])
    parser.add_argument('--state', type=Path, help='file that remembers what was written')
    add_registry_options(parser)
    options = parser.parse_args()
    if options.action != 'refused' and options.state is None:
        parser.error('--state is missing')
    log_in(options)
    if options.action == 'write':
        write(options.state)
    elif options.action == 'verify':
        verify(options.state)
    else:
        refused(options.tracking.rstrip('/'))
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except CheckFailed as failure:
        sys.exit(f'failed: {failure}')
