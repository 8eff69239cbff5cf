"""What of a pipeline's needs a workspace has: asked of the service, with your own identity."""

from __future__ import annotations

from typing import Any

from triptych.azure.needs import Needs

__all__ = ["connect", "find_missing"]


def connect(config: Any, credential: Any = None) -> Any:
    """Open the workspace that azureml.yml names.

    Args:
        config: kedro-azureml's configuration.
        credential: Of who asks; kedro-azureml's choice if not given.

    Returns:
        The client (`azure.ai.ml.MLClient`); nothing is asked yet.
    """
    from azure.ai.ml import MLClient
    from kedro_azureml.auth.utils import get_azureml_credentials

    azure, credential = config.azure, credential or get_azureml_credentials()
    return MLClient(credential, azure.subscription_id, azure.resource_group, azure.workspace_name)


def find_missing(client: Any, needs: Needs) -> list[str]:
    """Ask for clusters, environment and data assets.

    Args:
        client: Of the workspace.
        needs: What the pipeline needs.

    Returns:
        A line for everything that is missing or too small.
    """
    faults = []
    for cluster, at_once in sorted(needs.nodes_at_once.items()):
        found = _get(client.compute, cluster)
        most = max(step.nodes for step in needs.steps if step.cluster == cluster)
        if found is None:
            faults.append(f"there is no cluster {cluster}: deploy/README.md says how to make it")
        elif (allowed := getattr(found, "max_instances", None)) is not None and allowed < most:
            faults.append(f"{cluster} has {allowed} nodes at most, a step needs {most} (of {at_once} at once)")
    name, _, version = needs.environment.replace("@", ":").partition(":")
    wanted: dict[str, Any] = {"label": "latest"} if version in ("", "latest") else {"version": version}
    if _get(client.environments, name, **wanted) is None:
        faults.append(f"there is no environment {needs.environment}")
    faults += [
        f"there is no data asset {asset}: register yours under that name"
        for asset in needs.assets_read
        if _get(client.data, asset, label="latest") is None
    ]
    return faults


def _get(collection: Any, name: str, **version: Any) -> Any:
    from azure.ai.ml.exceptions import MlException, ValidationErrorType, ValidationException
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return collection.get(name, **version)
    except ResourceNotFoundError:
        return None
    except MlException as error:  # by a label the SDK looks itself, and some of its calls put the finding into words
        finding = error if isinstance(error, ValidationException) else error.__context__
        if getattr(finding, "error_type", None) != ValidationErrorType.RESOURCE_NOT_FOUND:
            raise
        return None
