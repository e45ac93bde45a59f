"""Listeners of load balancers."""

from typing import Any

from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import params, tag_list
from byoc_infra.local.provider.services.elbv2 import Elb

__all__ = ["Listener"]


class Listener(Elb):
    """`aws:lb/listener:Listener`; elbv2: resourceListenerCreate, …Read, …Update."""

    type_name = "aws:lb/listener:Listener"
    title = "ELBv2 Listener"
    gone = ("ListenerNotFound", "ListenerNotFoundException")
    unmodelled = (
        "alpnPolicy",
        "defaultActions.authenticateCognito",
        "defaultActions.authenticateOidc",
        "defaultActions.forward.stickiness",
        "defaultActions.jwtValidation",
        "mutualAuthentication",
        "routingHttp*",
        "tcpIdleTimeoutSeconds",
    )

    def label(self, inputs: Props) -> str:
        """Of which balancer."""
        return f" ({inputs.get('loadBalancerArn')})"

    def make(self, new: Props) -> str:
        """CreateListener; HTTP unless the program says otherwise or gives a certificate."""
        secure = {"Protocol": "HTTPS" if new.get("certificateArn") else "HTTP"}
        answer = self.elb.create_listener(
            LoadBalancerArn=new["loadBalancerArn"],
            **({} if new.get("protocol") else secure),
            **self._asked(new),
            **({"Tags": tag_list(new["tagsAll"])} if new.get("tagsAll") else {}),
        )
        arn: str = answer["Listeners"][0]["ListenerArn"]
        return arn

    def _asked(self, new: Props) -> dict[str, Any]:
        certificate = new.get("certificateArn")
        return {
            **params(new, "port", "protocol", "sslPolicy"),
            "DefaultActions": [_action(action) for action in new["defaultActions"]],
            **({"Certificates": [{"CertificateArn": certificate}]} if certificate else {}),
        }

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeListeners, its attributes (none is modelled), its tags."""
        answer = self.elb.describe_listeners(ListenerArns=[resource_id])
        listener = next(iter(answer["Listeners"]), None)
        if listener is None:
            return None
        self.elb.describe_listener_attributes(ListenerArn=resource_id)
        certificates = listener.get("Certificates") or [{}]
        return {
            "arn": resource_id,
            "loadBalancerArn": listener["LoadBalancerArn"],
            "port": listener.get("Port"),
            "protocol": listener.get("Protocol"),
            "sslPolicy": listener.get("SslPolicy") or None,
            "certificateArn": certificates[0].get("CertificateArn"),
            "defaultActions": [_from_action(action) for action in listener["DefaultActions"]],
            "tags": self.tags_of(resource_id),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """One ModifyListener with everything."""
        self.elb.modify_listener(ListenerArn=resource_id, **self._asked(new))
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteListener."""
        self.elb.delete_listener(ListenerArn=resource_id)


def _action(action: Props) -> dict[str, Any]:
    whole: dict[str, Any] = params(action, "type", "order", "targetGroupArn")
    if action.get("fixedResponse"):
        whole["FixedResponseConfig"] = params(
            action["fixedResponse"], "contentType", "messageBody", "statusCode"
        )
    if action.get("redirect"):
        whole["RedirectConfig"] = params(
            action["redirect"], "host", "path", "port", "protocol", "query", "statusCode"
        )
    if action.get("forward"):
        whole["ForwardConfig"] = _forward(action["forward"])
    return whole


def _forward(forward: Props) -> dict[str, Any]:
    groups = [
        {"TargetGroupArn": group["arn"], "Weight": group.get("weight", 1)}
        for group in forward["targetGroups"]
    ]
    return {"TargetGroups": groups}


_BLOCKS = {
    "fixedResponse": (
        "FixedResponseConfig",
        {"contentType": "ContentType", "messageBody": "MessageBody", "statusCode": "StatusCode"},
    ),
    "redirect": (
        "RedirectConfig",
        {
            "host": "Host",
            "path": "Path",
            "port": "Port",
            "protocol": "Protocol",
            "query": "Query",
            "statusCode": "StatusCode",
        },
    ),
}


def _from_action(action: Json) -> Props:
    found: Props = {"type": action["Type"]}
    if action.get("Order"):
        found["order"] = action["Order"]
    for name, (key, fields) in _BLOCKS.items():
        if action.get(key):
            block = action[key]
            found[name] = {n: block[k] for n, k in fields.items() if block.get(k) is not None}
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    target = action.get("TargetGroupArn") or (groups[0]["TargetGroupArn"] if groups else None)
    if target and len(groups) < 2:
        found["targetGroupArn"] = target
    elif groups:
        found["forward"] = {
            "targetGroups": [
                {"arn": group["TargetGroupArn"], "weight": group.get("Weight", 1)}
                for group in groups
            ]
        }
    return found
