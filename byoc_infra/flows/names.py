"""What a deployment's resources and its stack are called; pure, and without the programs."""

from byoc_infra.naming import DeploymentNames, deployment_id
from byoc_infra.spec import DeploymentSpec

__all__ = ["names_of", "stack_name"]


def names_of(spec: DeploymentSpec) -> DeploymentNames:
    """What the deployment's resources are called."""
    number = deployment_id(spec.aws_account_id, spec.region, spec.installation, spec.name)
    return DeploymentNames(spec.name, number, spec.installation)


def stack_name(spec: DeploymentSpec) -> str:
    """One stack for one deployment."""
    names = names_of(spec)
    return f"{spec.aws_account_id}-{spec.region}-{spec.installation}-{spec.name}-{names.id}"
