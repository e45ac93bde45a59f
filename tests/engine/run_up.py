"""A caller that can be killed: runs `up` of a slow stack at the folder it is given."""

import sys
from pathlib import Path

from byoc_infra.engine import Engine, Toolchain, WorkerPool
from tests.engine.conftest import GRACE_S, stack_at
from tests.engine.programs_for_tests import Things

SLOW = Things(things={"slow": {"sleep": 4}, "slower": {"sleep": 4}, "fast": {"size": 1}})


def main(root: Path) -> None:
    """Run it; whoever started this kills it on the way."""
    toolchain = Toolchain.find()
    assert toolchain is not None
    with WorkerPool(preload=["pulumi"]) as pool:
        Engine(toolchain, pool, grace_s=GRACE_S).up(stack_at(root, SLOW))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
