"""Names that only one stack of an account can have: those in IAM, which knows no regions."""

from collections.abc import Mapping, Sequence
from typing import Any

from byoc_infra.aws.session import Session
from byoc_infra.errors import DuplicateName
from byoc_infra.naming import INSTALLATION_TAG, AccountNames
from byoc_infra.spec import AccountSpec

__all__ = ["refuse"]

ABSENT = frozenset({"NoSuchEntity", "NoSuchEntityException"})
ROLE = "aws:iam/role:Role"


def refuse(session: Session, spec: AccountSpec, resources: Sequence[Mapping[str, Any]]) -> None:
    """Refuse roles that are there and are not this stack's: IAM would, in the middle of the run."""
    own = {str(one.get("id")) for one in resources if one["type"] == ROLE}
    names = AccountNames.of(spec.installation, spec.region, spec.first_region)
    wanted = {
        "installation": [names.access_role, names.execution_role, names.flow_log_role],
        "task_roles": [names.task_role(role) for role in spec.task_roles],
    }
    for field, roles in wanted.items():
        for role in roles:
            found = (
                {} if role in own else session.ask("iam", "get_role", absent=ABSENT, RoleName=role)
            )
            if found:
                raise _taken(field, role, spec, found["Role"].get("Tags") or ())


def _taken(
    field: str, role: str, spec: AccountSpec, tags: Sequence[Mapping[str, str]]
) -> DuplicateName:
    owner = next((tag["Value"] for tag in tags if tag["Key"] == INSTALLATION_TAG), None)
    if owner is None:
        got, step = "somebody else's role", "Take another name, or remove the role."
    elif owner != spec.installation:
        got, step = f"a role of installation {owner}", "Take another name."
    else:
        got = f"a role of installation {owner} in another region or stack"
        step = "Set first_region to the region in which the installation was set up first."
    return DuplicateName(field, wanted=f"{role} to be free", got=got, next_step=step)
