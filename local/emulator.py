"""The AWS emulator, whose functions share their layers as Lambda's share /opt.

It runs as a script in the emulator's own environment, which has nothing of this project. By itself the
emulator unpacks each layer again for every execution environment of a function: 9,000 files and 75 MB for one
of the worker.
"""

import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from ministack import app
from ministack.core.lambda_runtime import Worker
from ministack.services import dynamodb, lambda_svc

LAYERS = "_LAMBDA_LAYERS_DIRS"
"""The variable in which an execution environment's process finds the folders of its layers."""


def sharing_layers(spawn: Callable[[Any], None]) -> Callable[[Any], None]:
    """`Worker._spawn` for layers that are unpacked already, once for each content.

    That is what the emulator does itself where functions run in Docker.
    """

    def spawn_sharing(worker: Any) -> None:
        configuration = worker.config
        worker.config = _with_shared_layers(configuration)
        try:
            spawn(worker)
        finally:
            worker.config = configuration

    return spawn_sharing


def _with_shared_layers(configuration: Mapping[str, Any]) -> dict[str, Any]:
    layers = [lambda_svc._resolve_layer_zip(layer) for layer in configuration.get("Layers", ())]
    folders = [lambda_svc._docker_extracted_dir(layer, "layer") for layer in layers if layer]
    environment = dict(configuration.get("Environment", {}))
    variables = dict(environment.get("Variables", {})) | {LAYERS: os.pathsep.join(folders)}
    return {**configuration, "Layers": [], "Environment": environment | {"Variables": variables}}


if __name__ == "__main__":
    # By itself it parses a filter anew for each item that a query reads.
    dynamodb._condition_syntax_error = lru_cache(maxsize=1024)(dynamodb._condition_syntax_error)
    Worker._spawn = sharing_layers(Worker._spawn)
    app.main()
