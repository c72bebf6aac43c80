"""Registry options that the end-to-end programs share. The MLflow client itself is used as it comes."""

import argparse
import os
from pathlib import Path


def add_registry_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the registry is and who asks."""
    parser.add_argument('--tracking', default=os.environ.get('MLFLOW_TRACKING_URI'), help='URL of the registry')
    parser.add_argument('--username', default=os.environ.get('MLFLOW_TRACKING_USERNAME'))
    parser.add_argument('--password-file', default=os.environ.get('MLFLOW_TRACKING_PASSWORD_FILE'))


def log_in(options: argparse.Namespace) -> None:
    """Give the MLflow client its settings, in the way that its documentation says: by environment variables."""
    if not options.tracking:
        raise SystemExit('give --tracking or set MLFLOW_TRACKING_URI')
    os.environ['MLFLOW_TRACKING_URI'] = options.tracking
    # A refusal should be seen at once.
    os.environ.setdefault('MLFLOW_HTTP_REQUEST_MAX_RETRIES', '2')
    os.environ['MLFLOW_DISABLE_TELEMETRY'] = 'true'
    if options.username:
        os.environ['MLFLOW_TRACKING_USERNAME'] = options.username
    if options.password_file:
        os.environ['MLFLOW_TRACKING_PASSWORD'] = Path(options.password_file).read_text(encoding='utf-8').rstrip('\r\n')


def local_probabilities(model: str, version: str, rows) -> list[list[float]]:
    """Load a registered version here, without any model server, and ask it."""
    import mlflow

    loaded = mlflow.pyfunc.load_model(f'models:/{model}/{version}')
    return [[float(value) for value in row] for row in loaded.predict(rows)]
