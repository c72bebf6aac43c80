"""Reaching the model registry: credentials from a file, a bounded wait, and errors that a person can act on."""

import os
import sys
import time
from urllib.parse import urlsplit

import requests

TRACKING_URI = 'MLFLOW_TRACKING_URI'
USERNAME = 'MLFLOW_TRACKING_USERNAME'
PASSWORD = 'MLFLOW_TRACKING_PASSWORD'
PASSWORD_FILE = 'MLFLOW_TRACKING_PASSWORD_FILE'
CA_FILE = 'MLFLOW_TRACKING_SERVER_CERT_PATH'
WAIT_SECONDS = 'MLOPS_REGISTRY_WAIT_SECONDS'
DEFAULT_WAIT_SECONDS = 90.0


class MlopsError(Exception):
    """What went wrong, in one line; the commands print it and leave with `exit_code`."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(' '.join(message.split()))
        self.exit_code = exit_code


class ConfigurationError(MlopsError):
    """A setting is missing or malformed: trying again cannot help."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=2)


def say(command: str, message: str) -> None:
    """Print a line of our own among those of the libraries."""
    print(f'{command}: {message}', file=sys.stderr, flush=True)


def limit_threads() -> None:
    """Keep numeric libraries at one thread unless told otherwise: they count the host's processors, not the limit's."""
    os.environ.setdefault('OMP_NUM_THREADS', '1')


def required(name: str) -> str:
    """Read an environment variable that has to be there."""
    value = os.environ.get(name, '').strip()
    if not value:
        raise ConfigurationError(f'{name} is not set')
    return value


def seconds(name: str, default: float) -> float:
    """Read a duration in seconds from the environment."""
    text = os.environ.get(name, '').strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float('inf'):
        raise ConfigurationError(f"{name} is '{text}', wanted a number of seconds, 0 or more")
    return value


def tracking_uri() -> str:
    """Read the registry's address; one that carries a password is refused, because addresses are printed."""
    uri = required(TRACKING_URI).rstrip('/')
    parts = urlsplit(uri)
    if parts.scheme not in ('http', 'https') or not parts.hostname:
        raise ConfigurationError(f'{TRACKING_URI} is not an http or https address')
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(f'{TRACKING_URI} carries credentials: set {USERNAME} and {PASSWORD_FILE} instead')
    return uri


def load_credentials() -> None:
    """Hand the password in the file to MLflow, within this process and the ones that it starts."""
    path = os.environ.get(PASSWORD_FILE, '').strip()
    if not path:
        return
    required(USERNAME)
    try:
        with open(path, encoding='utf-8') as file:
            password = file.read().rstrip('\r\n')
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, 'strerror', None) or 'it is not text'
        raise ConfigurationError(f'{PASSWORD_FILE}: {path} cannot be read: {reason}') from None
    if not password:
        raise ConfigurationError(f'{PASSWORD_FILE}: {path} is empty')
    os.environ[PASSWORD] = password


def wait_for_registry(command: str, uri: str) -> None:
    """Return when the registry answers; give up after `MLOPS_REGISTRY_WAIT_SECONDS`."""
    limit = seconds(WAIT_SECONDS, DEFAULT_WAIT_SECONDS)
    started = time.monotonic()
    pause, said = 0.5, False
    while True:
        try:
            answer = requests.get(f'{uri}/health', timeout=5, verify=os.environ.get(CA_FILE) or True)
            if answer.ok:
                return
            cause = f'it answers {answer.status_code}'
        except requests.exceptions.SSLError:
            raise MlopsError(f'the registry {uri} has a certificate that is not trusted here: set {CA_FILE}') from None
        except requests.exceptions.RequestException as error:
            cause = _reason(error)
        if time.monotonic() - started + pause > limit:
            raise MlopsError(f'the registry {uri} is not reachable after {limit:.0f} s: {cause}') from None
        if not said:
            say(command, f'waiting up to {limit:.0f} s for the registry {uri} ({cause})')
            said = True
        time.sleep(pause)
        pause = min(pause * 1.5, 5.0)


def _reason(error: requests.exceptions.RequestException) -> str:
    text = str(error)
    for needle, reason in (
        ('resolve', 'its name is unknown'),
        ('refused', 'it refuses the connection'),
        ('timed out', 'it does not answer in time'),
        ('unreachable', 'there is no route to it'),
    ):
        if needle in text.lower():
            return reason
    return type(error).__name__


def explain(error: Exception, uri: str) -> MlopsError:
    """Turn what the MLflow client raises into one line that says what to do."""
    code, text = getattr(error, 'error_code', ''), str(error)
    user = os.environ.get(USERNAME) or 'no user'
    if code == 'RESOURCE_DOES_NOT_EXIST':
        return MlopsError(f'the registry {uri} answers: {_first_line(text)}')
    if code == 'UNAUTHENTICATED' or 'error code 401' in text or 'not authenticated' in text:
        return MlopsError(f'the registry {uri} does not accept the credentials of {user}')
    if code == 'PERMISSION_DENIED' or 'error code 403' in text or 'Permission denied' in text:
        return MlopsError(f'the registry {uri} does not permit this to {user}')
    return MlopsError(f'the registry {uri} failed: {_first_line(text)}')


def _first_line(text: str) -> str:
    line = next((line for line in text.splitlines() if line.strip()), 'no reason given')
    return line if len(line) <= 300 else f'{line[:297]}...'
