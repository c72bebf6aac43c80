"""Put runs, artifacts and a registered model into a registry, and print a digest of all that it holds.

  registry_content.py fill      some experiments, runs with artifacts, versions with an alias, a user with a permission
  registry_content.py digest    everything that can be asked for, as JSON: the same registry gives the same bytes

MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD say which registry and as whom.
"""

import hashlib
import json
import random
import sys
import tempfile
from pathlib import Path

from mlflow import MlflowClient
from mlflow.server import get_app_client

RUNS = 4


def fill(client: MlflowClient) -> None:
    numbers = random.Random(7)
    for name in ('vision', 'speech'):
        experiment = client.create_experiment(name)
        for index in range(RUNS):
            run = client.create_run(experiment, run_name=f'{name}-{index}').info.run_id
            client.log_param(run, 'index', index)
            for step in range(20):
                client.log_metric(run, 'loss', 1 / (step + 1), step=step)
            with tempfile.TemporaryDirectory() as folder:
                # One beyond the size from which uploads come in parts, one with a name that needs quotes.
                Path(folder, 'model.bin').write_bytes(numbers.randbytes(9_000_000 if index == 0 else 50_000))
                Path(folder, 'notes & "more" é.txt').write_text(f'run {index}', encoding='utf-8')
                client.log_artifacts(run, folder, 'model')
            client.set_terminated(run)
            if name == 'vision':
                if index == 0:
                    client.create_registered_model('kept')
                client.create_model_version('kept', f'runs:/{run}/model', run)
    client.set_registered_model_alias('kept', 'champion', 2)
    users = get_app_client('basic-auth', tracking_uri=client.tracking_uri)
    users.create_user('guest', 'a-password-of-a-test')
    users.grant_user_permission('guest', 'experiment', experiment, 'MANAGE')


def digest(client: MlflowClient) -> dict:
    content = {}
    users = get_app_client('basic-auth', tracking_uri=client.tracking_uri)
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id], max_results=1000):
            content[f'run {run.info.run_id}'] = {
                **run.to_dictionary(),
                'history': [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, 'loss')],
                'artifacts': artifacts(client, run.info.run_id),
            }
    for model in client.search_registered_models():
        content[f'model {model.name}'] = dict(model.aliases)
    for version in client.search_model_versions():
        content[f'version {version.name} {version.version}'] = {
            'run': version.run_id,
            'source': version.source,
            'status': version.status,
            'created': version.creation_timestamp,
        }
    for name in ('admin', 'training', 'serving', 'guest'):
        content[f'user {name}'] = {'admin': users.get_user(name).is_admin}
    speech = client.get_experiment_by_name('speech').experiment_id
    content['permission'] = vars(users.get_user_permission('guest', 'experiment', speech))
    return content


def artifacts(client: MlflowClient, run: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        if not client.list_artifacts(run):
            return {}
        client.download_artifacts(run, '', folder)
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(Path(folder).rglob('*'))
            if path.is_file()
        }


if __name__ == '__main__':
    if sys.argv[1] == 'fill':
        fill(MlflowClient())
    else:
        print(json.dumps(digest(MlflowClient()), indent=1, sort_keys=True))
