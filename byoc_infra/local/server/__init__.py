"""The LangGraph server that tasks run: its pinned packages and the environment built from them."""

from byoc_infra.local.server.environment import ServerEnvironment, cache_directory, find, prepare

__all__ = ["ServerEnvironment", "cache_directory", "find", "prepare"]
