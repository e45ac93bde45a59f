"""Which action of an ALB listener a request meets; pure."""

import random
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["choose_action", "choose_group", "redirect_location"]

Data = Mapping[str, Any]


def choose_action(
    rules: Iterable[tuple[int, Sequence[Data], Sequence[Data]]],
    default: Sequence[Data],
    *,
    host: str,
    path: str,
    method: str,
) -> Data | None:
    """The last action of the first rule, by priority, whose conditions all hold."""
    for _priority, conditions, actions in sorted(rules, key=lambda rule: rule[0]):
        if all(_holds(condition, host, path, method) for condition in conditions):
            return actions[-1] if actions else None
    return default[-1] if default else None


def choose_group(action: Data) -> str | None:
    """The target group of a forward action, by weight where there are several."""
    groups = action.get("ForwardConfig", {}).get("TargetGroups") or []
    if not groups:
        return action.get("TargetGroupArn")
    weights = [int(group.get("Weight", 1)) for group in groups]
    if not any(weights):
        return None
    chosen = random.choices(groups, weights)[0]  # noqa: S311 - spreading load, not a secret
    return str(chosen["TargetGroupArn"])


def redirect_location(config: Data, *, scheme: str, host: str, path: str, query: str) -> str:
    """Where a redirect action leads; `#{…}` stands for the request's own parts (ELB user guide)."""
    name, _, port = host.partition(":")
    own = {
        "#{protocol}": scheme,
        "#{host}": name,
        "#{port}": port or ("443" if scheme == "https" else "80"),
        "#{path}": path.lstrip("/"),
        "#{query}": query,
    }

    def fill(key: str, otherwise: str) -> str:
        text = str(config.get(key) or otherwise)
        for mark, value in own.items():
            text = text.replace(mark, value)
        return text

    protocol = fill("Protocol", "#{protocol}").lower()
    target = fill("Port", "#{port}")
    usual = {"http": "80", "https": "443"}[protocol]
    where = fill("Host", "#{host}") + ("" if target == usual else f":{target}")
    asked = fill("Query", "#{query}")
    return f"{protocol}://{where}{fill('Path', '/#{path}')}" + (f"?{asked}" if asked else "")


def _holds(condition: Data, host: str, path: str, method: str) -> bool:
    field = condition.get("Field")
    if field == "path-pattern":
        return any(fnmatchcase(path, pattern) for pattern in _values(condition, "PathPattern"))
    if field == "host-header":
        name = host.partition(":")[0].lower()
        return any(fnmatchcase(name, p.lower()) for p in _values(condition, "HostHeader"))
    if field == "http-request-method":
        return method in _values(condition, "HttpRequestMethod")
    return False  # a condition that is not modelled never sends traffic anywhere


def _values(condition: Data, kind: str) -> Sequence[str]:
    return condition.get("Values") or condition.get(f"{kind}Config", {}).get("Values") or []
