"""MLServer as a release wants it: one model, one version, HTTP only, nothing to change from outside."""

import os

from mlflow.exceptions import MlflowException
from mlserver import MLServer, ModelSettings, Settings
from mlserver.errors import InferenceError
from mlserver.settings import ModelParameters
from mlserver_mlflow import MLflowRuntime
from prometheus_client import Gauge


class Runtime(MLflowRuntime):
    """The MLflow runtime, which answers 400 to inputs that contradict the model's signature: 500 would blame us."""

    async def predict(self, payload):
        try:
            return await super().predict(payload)
        except MlflowException as error:
            raise InferenceError(error.message) from error


class NoGrpc:
    """Stands where MLServer's gRPC server would be: nothing here speaks gRPC, so its port stays closed."""

    async def start(self) -> None:
        pass

    async def stop(self, sig=None) -> None:
        pass


class PinnedServer(MLServer):
    """An MLServer that serves what it started with: no gRPC, and no way to load or unload a model from outside."""

    failed = False
    """True when the model could not be loaded."""

    def _create_servers(self) -> None:
        super()._create_servers()
        self._grpc_server = NoGrpc()
        routes = self._rest_server._app.router.routes
        routes[:] = [route for route in routes if not getattr(route, 'path', '').startswith('/v2/repository')]

    async def stop(self, sig=None) -> None:
        # MLServer stops itself, without a signal, when a model cannot be loaded, and then ends as if all were well.
        self.failed = self.failed or sig is None
        await super().stop(sig)


def build_server(
    name: str, version: str, path: str, http_port: int, metrics_port: int
) -> tuple[PinnedServer, ModelSettings]:
    """Make the server, within a running event loop, and the description of the model that its `start` wants."""
    server = PinnedServer(
        Settings(
            debug=False,
            host='0.0.0.0',
            http_port=http_port,
            metrics_port=metrics_port,
            # Inference in this process: worker processes would each hold the libraries in memory once more.
            parallel_workers=0,
            model_repository_root=os.path.dirname(path),
            load_models_at_startup=False,
        )
    )
    model = ModelSettings(
        name=name, implementation='mlops.server.Runtime', parameters=ModelParameters(uri=path, version=version)
    )
    info = Gauge('mlops_model_info', 'Always 1; the labels say which version this server serves.', ['model', 'version'])
    info.labels(name, version).set(1)
    return server, model
