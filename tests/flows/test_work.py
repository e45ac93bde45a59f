"""What a flow works with."""

from importlib import import_module

import pytest

from byoc_infra.flows.work import PRELOAD


@pytest.mark.parametrize("name", PRELOAD)
def test_a_warm_worker_has_loaded_what_its_runs_need(name: str) -> None:
    """The program itself: the name of a module that loads its contents later would do nothing."""
    contents = vars(import_module(name)).values()

    assert any(isinstance(one, type) and one.__module__ == name for one in contents)
