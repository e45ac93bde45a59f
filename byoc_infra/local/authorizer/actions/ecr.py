"""ECR: what each operation on repositories and images asks."""

from byoc_infra.local.authorizer.actions._rules import (
    Row,
    asked_tags,
    at,
    needs,
    reads,
    values,
)
from byoc_infra.local.wire import Call

__all__ = ["ROWS"]

_REPOSITORY = at("ecr", "repository/{repositoryName}")


def _repositories(call: Call) -> tuple[str, ...]:
    names = call.params.get("repositoryNames") or ["*"]
    base = f"arn:aws:ecr:{call.region}:{call.account_id}:repository"
    return tuple(f"{base}/{name}" for name in names)


def _each(operations: str) -> dict[str, Row]:
    return {name: (needs(f"ecr:{name}", _REPOSITORY),) for name in operations.split()}


ROWS: dict[str, Row] = {
    "CreateRepository": (
        needs("ecr:CreateRepository", _REPOSITORY, tagged=True),
        needs(
            "ecr:TagResource", _REPOSITORY, tagged=True, when=lambda call: bool(asked_tags(call))
        ),
    ),
    "DescribeRepositories": (needs("ecr:DescribeRepositories", _repositories),),
    **_each(
        "DeleteRepository DescribeImages ListImages BatchGetImage BatchCheckLayerAvailability "
        "GetDownloadUrlForLayer PutImage InitiateLayerUpload UploadLayerPart CompleteLayerUpload "
        "BatchDeleteImage GetRepositoryPolicy SetRepositoryPolicy GetLifecyclePolicy "
        "PutLifecyclePolicy PutImageTagMutability PutImageScanningConfiguration",
    ),
    "TagResource": (needs("ecr:TagResource", values("resourceArn"), tagged=True),),
    "UntagResource": (needs("ecr:UntagResource", values("resourceArn")),),
    "ListTagsForResource": (needs("ecr:ListTagsForResource", values("resourceArn")),),
    **reads("ecr", "GetAuthorizationToken"),
}
