"""What a training run tells the monitoring: it pushes, because it is over before anything could scrape it."""

import time

from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway

JOB = 'training'
LAST_RUN = 'mlops_training_last_run_timestamp_seconds'
LAST_SUCCESS = 'mlops_training_last_success_timestamp_seconds'
SUCCESS = 'mlops_training_last_run_success'
DURATION = 'mlops_training_duration_seconds'
TIMEOUT_SECONDS = 5


def push_outcome(url: str, runner: str, project: str, success: bool, duration: float) -> None:
    """Report a run that ended. Raises OSError when the Pushgateway is not reachable or refuses."""
    registry = CollectorRegistry()
    now = time.time()
    Gauge(LAST_RUN, 'When the last training run ended, as a Unix timestamp.', registry=registry).set(now)
    Gauge(SUCCESS, '1 when the last training run succeeded, else 0.', registry=registry).set(1 if success else 0)
    Gauge(DURATION, 'How long the last training run took, in seconds.', registry=registry).set(duration)
    if success:
        # Left out after a failure: a push keeps the metrics of its group that it does not name.
        Gauge(LAST_SUCCESS, 'When the last successful training run ended, as a Unix timestamp.', registry=registry).set(
            now
        )
    # Runner and project belong to the grouping key: with `job` alone, one runner's push would drop the others' series.
    pushadd_to_gateway(
        url, job=JOB, grouping_key={'runner': runner, 'project': project}, registry=registry, timeout=TIMEOUT_SECONDS
    )
