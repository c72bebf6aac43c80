"""Serve one version of a model from the registry with MLServer: Open Inference Protocol v2 over HTTP.

Settings, all from the environment:
  MLOPS_MODEL_NAME               the name in the paths: /v2/models/<name>/infer
  MLOPS_MODEL_URI                models:/<name>/<version>, or models:/<name>@<alias>, which is resolved once
  MLOPS_HTTP_PORT                8080
  MLOPS_METRICS_PORT             8082, path /metrics
  MLOPS_REGISTRY_WAIT_SECONDS    how long to wait for a registry that does not answer yet (90)
  MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD_FILE   the registry

Writes nothing outside the temporary directory. On SIGTERM it finishes the requests that it has, then leaves with 0.
"""

import argparse
import asyncio
import os
import re
import signal
import sys
import tempfile
from dataclasses import dataclass

from mlops.registry import (
    PASSWORD,
    ConfigurationError,
    MlopsError,
    explain,
    limit_threads,
    load_credentials,
    required,
    say,
    tracking_uri,
    wait_for_registry,
)

COMMAND = 'mlops-serve'
MODEL_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*')
MODEL_URI = re.compile(r'models:/(?P<name>[^/@]+)(?:/(?P<version>[1-9][0-9]*)|@(?P<alias>[^/@]+))')


@dataclass(frozen=True)
class Settings:
    """What to serve, and where."""

    name: str
    source: str
    registered_name: str
    version: str | None
    alias: str | None
    http_port: int
    metrics_port: int

    @staticmethod
    def from_environment() -> 'Settings':
        """Read and check all settings, so that a wrong one is named before anything is started."""
        name, uri = required('MLOPS_MODEL_NAME'), required('MLOPS_MODEL_URI')
        if not MODEL_NAME.fullmatch(name):
            raise ConfigurationError(
                f"MLOPS_MODEL_NAME is '{name}', wanted letters, digits, '.', '_' and '-', as it stands in paths"
            )
        match = MODEL_URI.fullmatch(uri)
        if match is None:
            raise ConfigurationError(
                f"MLOPS_MODEL_URI is '{uri}', wanted 'models:/<name>/<version>' or 'models:/<name>@<alias>'"
            )
        http_port, metrics_port = _port('MLOPS_HTTP_PORT', 8080), _port('MLOPS_METRICS_PORT', 8082)
        if http_port == metrics_port:
            raise ConfigurationError(f'MLOPS_HTTP_PORT and MLOPS_METRICS_PORT are both {http_port}')
        return Settings(name, uri, match['name'], match['version'], match['alias'], http_port, metrics_port)


def _port(name: str, default: int) -> int:
    text = os.environ.get(name, '').strip() or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ConfigurationError(f"{name} is '{text}', wanted a port from 1 to 65535")
    return int(text)


def fetch(settings: Settings, uri: str, directory: str) -> tuple[str, str]:
    """Download the version that the settings name. Returns its number and the path of the model."""
    # The wait for the registry is over by now: a later failure is one that trying for minutes would not mend.
    os.environ.setdefault('MLFLOW_HTTP_REQUEST_MAX_RETRIES', '3')
    import mlflow

    client = mlflow.MlflowClient()
    try:
        if settings.version is not None:
            version = client.get_model_version(settings.registered_name, settings.version).version
        else:
            version = client.get_model_version_by_alias(settings.registered_name, settings.alias).version
        path = mlflow.artifacts.download_artifacts(
            artifact_uri=f'models:/{settings.registered_name}/{version}', dst_path=directory
        )
    except Exception as error:
        if 'not found' in str(error):
            raise MlopsError(f'the registry {uri} has no {settings.source}') from None
        raise explain(error, uri) from None
    return str(version), path


async def serve(settings: Settings, version: str, path: str) -> None:
    """Serve until a signal ends it."""
    from mlops.server import build_server

    server, model = build_server(settings.name, version, path, settings.http_port, settings.metrics_port)
    say(COMMAND, f'serving {settings.registered_name} version {version} as {settings.name} on port {settings.http_port}')
    await server.start([model])
    if server.failed:
        raise MlopsError(
            f'version {version} of {settings.registered_name} cannot be loaded: the log above says why'
        )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog=COMMAND, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args(arguments)
    limit_threads()
    # The kernel drops signals for process 1 that it does not handle: be stoppable while waiting and downloading, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        settings = Settings.from_environment()
        uri = tracking_uri()
        load_credentials()
        wait_for_registry(COMMAND, uri)
        with tempfile.TemporaryDirectory(prefix='mlops-serve-') as directory:
            version, path = fetch(settings, uri, directory)
            # Serving needs no registry: what a request could reach holds no password.
            os.environ.pop(PASSWORD, None)
            os.chdir(directory)
            asyncio.run(serve(settings, version, path))
    except MlopsError as error:
        say(COMMAND, f'error: {error}')
        return error.exit_code
    say(COMMAND, 'stopped')
    return 0


if __name__ == '__main__':
    sys.exit(main())
