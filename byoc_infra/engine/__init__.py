"""Drives programs through the real Pulumi engine: up, preview, refresh, destroy → Outcome."""

from byoc_infra.engine.driver import Engine
from byoc_infra.engine.events import EngineEvent
from byoc_infra.engine.outcome import Change, Outcome, Planned, StackRef
from byoc_infra.engine.toolchain import Progress, Toolchain, Way
from byoc_infra.engine.workers import WorkerPool

__all__ = [
    "Change",
    "Engine",
    "EngineEvent",
    "Outcome",
    "Planned",
    "Progress",
    "StackRef",
    "Toolchain",
    "Way",
    "WorkerPool",
]
