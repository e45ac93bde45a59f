"""What all components share: a type token, and children that inherit by parentage alone."""

from typing import ClassVar

import pulumi

__all__ = ["Component"]


class Component(pulumi.ComponentResource):
    """The base: `TYPE` is the identity in every stack's state and never changes."""

    TYPE: ClassVar[str]
    """`byoc:aws:<class name>`."""
    PROMISES: ClassVar[tuple[str, ...]]
    """What the component guarantees; each has a test named `test_<promise>`."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, {}, opts)

    def child(
        self,
        *,
        depends_on: list[pulumi.Resource] | None = None,
        ignore_changes: list[str] | None = None,
        retain_on_delete: bool | None = None,
    ) -> pulumi.ResourceOptions:
        """Options of a child: its parent, and what only this child needs."""
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=depends_on,
            ignore_changes=ignore_changes,
            retain_on_delete=retain_on_delete,
        )
