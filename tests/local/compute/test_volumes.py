"""Paths below a mount point lead into the task's own folder."""

from pathlib import Path

import pytest

from byoc_infra.local.compute.volumes import Mounts

DEFINITION = {
    "mountPoints": [
        {"sourceVolume": "run", "containerPath": "/run"},
        {"sourceVolume": "ca", "containerPath": "/run/ca/"},
    ]
}


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("/run/ca", "/t/ca"),
        ("/run/ca/x.pem", "/t/ca/x.pem"),
        ("host?sslrootcert=/run/ca/x.pem&a=b", "host?sslrootcert=/t/ca/x.pem&a=b"),
        ("open('/run/x')", "open('/t/run/x')"),
        ("/run/x:/run/ca/y", "/t/run/x:/t/ca/y"),
        ("/srv/run/x", "/srv/run/x"),
        ("/running", "/running"),
        ("/run.d", "/run.d"),
    ],
)
def test_whole_paths_are_led_into_the_tasks_folder(text: str, inside: str) -> None:
    """The longest mount point wins, and nothing that only looks alike is touched."""
    assert Mounts(DEFINITION, Path("/t")).inside(text) == inside


def test_without_mount_points_everything_stays(tmp_path: Path) -> None:
    """And no folder is made."""
    mounts = Mounts({}, tmp_path)
    mounts.make()

    assert mounts.inside("/run/ca") == "/run/ca"
    assert list(tmp_path.iterdir()) == []
