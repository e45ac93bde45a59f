"""The provider's scaling types live their lives on the local cloud's own Auto Scaling."""

from typing import Any

import pytest

from tests.local.provider.conftest import RecordingAws
from tests.local.provider.lives import Surroundings
from tests.local.provider.test_actions import SCALING, check_life
from tests.local.scaling.conftest import Lab


class ChainedAws(RecordingAws):
    """Its clients speak to the local cloud in this process."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        super().__init__()

    def _make(self, service: str) -> Any:
        return self.lab.stack.client(service)


@pytest.mark.parametrize("token", sorted(SCALING))
def test_a_life_calls_what_the_table_says(token: str, lab: Lab) -> None:
    """Each operation calls all it must and nothing else; a settled object shows no difference."""
    aws = ChainedAws(lab)

    check_life(token, aws, Surroundings(aws))
