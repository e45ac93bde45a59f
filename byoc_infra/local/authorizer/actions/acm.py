"""Certificate Manager: what looking at certificates, and bringing one's own, asks."""

from byoc_infra.local.authorizer.actions._rules import Row, Rule, at, needs, reads, values
from byoc_infra.local.wire import Call

__all__ = ["ROWS"]

_NEW = at("acm", "certificate/*")


def _import(call: Call) -> tuple[str, ...]:
    arn = call.params.get("CertificateArn")
    return (str(arn),) if arn else tuple(_NEW(call))


def _on(operation: str) -> Rule:
    return needs(f"acm:{operation}", values("CertificateArn"))


ROWS: dict[str, Row] = {
    "ImportCertificate": (
        needs("acm:ImportCertificate", _import, tagged=True),
        needs(
            "acm:AddTagsToCertificate",
            _import,
            tagged=True,
            when=lambda call: bool(call.params.get("Tags")),
        ),
    ),
    "RequestCertificate": (needs("acm:RequestCertificate", tagged=True),),
    "DescribeCertificate": (_on("DescribeCertificate"),),
    "DeleteCertificate": (_on("DeleteCertificate"),),
    "GetCertificate": (_on("GetCertificate"),),
    "ListTagsForCertificate": (_on("ListTagsForCertificate"),),
    **reads("acm", "ListCertificates"),
}
