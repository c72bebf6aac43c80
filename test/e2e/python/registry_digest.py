"""Write down all that a registry holds, to the byte: runs with their parameters, metrics and tags, versions, artifacts.

  registry_digest.py --output FILE    writes it, and prints how much it is and one digest of all
"""

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path

from registry import add_registry_options, log_in


def describe() -> dict:
    """Everything by name: the same registry gives the same document."""
    import mlflow

    client = mlflow.MlflowClient()
    experiments = pages(client.search_experiments, {})
    runs = pages(client.search_runs, {'experiment_ids': [one.experiment_id for one in experiments]})
    versions = pages(client.search_model_versions, {})
    return {
        'experiments': sorted(f'{one.experiment_id} {one.name}' for one in experiments),
        'runs': {
            run.info.run_id: {
                'status': run.info.status,
                'params': run.data.params,
                'tags': run.data.tags,
                'metrics': {
                    name: sorted(
                        [point.step, point.timestamp, point.value]
                        for point in client.get_metric_history(run.info.run_id, name)
                    )
                    for name in run.data.metrics
                },
                'artifacts': digests(run.info.artifact_uri),
            }
            for run in runs
        },
        'versions': {
            f'{one.name}/{one.version}': {'run': one.run_id, 'artifacts': digests(f'models:/{one.name}/{one.version}')}
            for one in versions
        },
    }


def pages(search, arguments: dict) -> list:
    """Everything that a search finds."""
    found, token = [], None
    while True:
        page = search(**arguments, max_results=500, page_token=token)
        found.extend(page)
        token = page.token
        if not token:
            return found


def digests(uri: str) -> dict[str, str]:
    """The digest of each file below an artifact's address."""
    import mlflow

    with tempfile.TemporaryDirectory() as directory:
        try:
            root = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=directory))
        except mlflow.exceptions.MlflowException as error:
            # A run that logged none.
            if 'No such artifact' in str(error) or 'does not exist' in str(error):
                return {}
            raise
        files = [path for path in root.rglob('*') if path.is_file()]
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--output', type=Path, required=True, help='file to write')
    add_registry_options(parser)
    options = parser.parse_args()
    log_in(options)
    document = describe()
    text = json.dumps(document, indent=2, sort_keys=True)
    options.output.write_text(text, encoding='utf-8')
    artifacts = sum(
        len(entry['artifacts']) for kind in ('runs', 'versions') for entry in document[kind].values()
    )
    print(
        f'{len(document["runs"])} runs, {len(document["versions"])} versions, {artifacts} artifacts, '
        f'sha256 {hashlib.sha256(text.encode()).hexdigest()}'
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
