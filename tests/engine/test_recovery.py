"""What a look-up is told of an object that a killed run may have made."""

from byoc_infra.engine.events import PlannedCreate
from byoc_infra.engine.outcome import Planned
from byoc_infra.engine.recovery import UNKNOWN, _found


def test_a_look_up_sees_only_inputs_that_are_known() -> None:
    """A preview writes a mark for what it cannot know; nobody must search for the mark."""
    seen: list[Planned] = []
    create = PlannedCreate(
        urn="urn:x",
        type="aws:secretsmanager/secretPolicy:SecretPolicy",
        name="x",
        inputs={"secretArn": UNKNOWN, "policy": f'{{"Resource":"{UNKNOWN}"}}', "region": "r"},
        custom=True,
        parent="",
        provider="",
    )

    def look(planned: Planned) -> None:
        seen.append(planned)

    _found(look, create)

    assert seen[0].inputs == {"region": "r"}
