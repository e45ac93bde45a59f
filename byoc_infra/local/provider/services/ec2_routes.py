"""Route tables, routes and associations."""

import zlib
from typing import ClassVar

from botocore.exceptions import ClientError

from byoc_infra.local.provider.aws import Client, ProviderError, error_code
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import params, tag_map
from byoc_infra.local.provider.services.ec2_vpc import Ec2, first, tags_for

__all__ = ["Route", "RouteTable", "RouteTableAssociation"]

_INLINE = {
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "transitGatewayId": "TransitGatewayId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
    "vpcEndpointId": "VpcEndpointId",
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
}
_DESTINATIONS = ("cidrBlock", "ipv6CidrBlock", "destinationPrefixListId")


def _table(ec2: Client, table_id: str) -> Json:
    return first(ec2.describe_route_tables(RouteTableIds=[table_id])["RouteTables"])


class RouteTable(Ec2):
    """`aws:ec2/routeTable:RouteTable`; ec2: resourceRouteTableCreate, routeTableAddRoute."""

    type_name = "aws:ec2/routeTable:RouteTable"
    title = "EC2 Route Table"
    gone = ("InvalidRouteTableID.NotFound", "InvalidRouteTableId.NotFound")
    unmodelled = (
        "propagatingVgws",
        "routes.carrierGatewayId",
        "routes.coreNetworkArn",
        "routes.localGatewayId",
        "routes.odbNetworkArn",
    )

    def make(self, new: Props) -> str:
        """CreateRouteTable."""
        answer = self.ec2.create_route_table(VpcId=new["vpcId"], **tags_for("route-table", new))
        table_id: str = answer["RouteTable"]["RouteTableId"]
        return table_id

    def settle(self, resource_id: str, new: Props) -> None:
        """Wait until it can be read, then CreateRoute for each route given."""
        what = f"EC2 Route Table ({resource_id}) create"
        self.aws.wait(what, lambda: _table(self.ec2, resource_id))
        for route in new.get("routes") or []:
            self._add(resource_id, route)

    def _add(self, table_id: str, route: Props) -> None:
        if route.get("gatewayId") != "local":
            self.ec2.create_route(RouteTableId=table_id, **params(route, **_INLINE))

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeRouteTables; routes that AWS made itself are not the program's."""
        table = _table(self.ec2, resource_id)
        if table is None:
            return None
        routes = [
            {name: route[key] for name, key in _INLINE.items() if route.get(key)}
            for route in table.get("Routes", [])
            if route.get("Origin") == "CreateRoute" and route.get("GatewayId") != "local"
        ]
        return {
            "arn": self.aws.arn("ec2", f"route-table/{resource_id}"),
            "ownerId": table.get("OwnerId"),
            "vpcId": table["VpcId"],
            "routes": routes,
            "propagatingVgws": [vgw["GatewayId"] for vgw in table.get("PropagatingVgws", [])],
            "tags": tag_map(table.get("Tags")),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """Delete routes that are gone, add new ones, replace those with another target."""
        if "routes" not in changed:
            return None
        before = {_destination(route): route for route in old.get("routes") or []}
        after = {_destination(route): route for route in new.get("routes") or []}
        for destination in before.keys() - after.keys():
            self.ec2.delete_route(RouteTableId=resource_id, **dict([destination]))
        for destination, route in after.items():
            if destination not in before:
                self._add(resource_id, route)
            elif params(route, **_INLINE) != params(before[destination], **_INLINE):
                self.ec2.replace_route(RouteTableId=resource_id, **params(route, **_INLINE))
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """Remove all associations, then the table."""
        table = _table(self.ec2, resource_id)
        for association in (table or {}).get("Associations", []):
            self.ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
        self.ec2.delete_route_table(RouteTableId=resource_id)
        self.wait_gone(resource_id)


def _destination(route: Props) -> tuple[str, str]:
    return next((_INLINE[name], route[name]) for name in _DESTINATIONS if route.get(name))


class Route(Ec2):
    """`aws:ec2/route:Route`; ec2: resourceRouteCreate, routeCreateID, routeImportID.Parse."""

    type_name = "aws:ec2/route:Route"
    title = "Route"
    unmodelled = ("odbNetworkArn",)
    gone = ("InvalidRoute.NotFound", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.NotFound")
    names: ClassVar[dict[str, str]] = {
        "destinationCidrBlock": "DestinationCidrBlock",
        "destinationIpv6CidrBlock": "DestinationIpv6CidrBlock",
        "destinationPrefixListId": "DestinationPrefixListId",
    }
    targets: ClassVar[dict[str, str]] = {
        "gatewayId": "GatewayId",
        "natGatewayId": "NatGatewayId",
        "networkInterfaceId": "NetworkInterfaceId",
        "vpcEndpointId": "VpcEndpointId",
        "transitGatewayId": "TransitGatewayId",
        "vpcPeeringConnectionId": "VpcPeeringConnectionId",
        "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
        "carrierGatewayId": "CarrierGatewayId",
        "localGatewayId": "LocalGatewayId",
        "coreNetworkArn": "CoreNetworkArn",
    }

    def label(self, inputs: Props) -> str:
        """In the table, with the destination."""
        to = next((inputs[name] for name in self.names if inputs.get(name)), "?")
        return f" in Route Table ({inputs.get('routeTableId')}) with destination ({to})"

    def make(self, new: Props) -> str:
        """Look for a route of that destination, then CreateRoute."""
        table = _table(self.ec2, new["routeTableId"])
        taken = self._route(table, new) if table else None
        if taken and taken.get("Origin") == "CreateRoute":
            text = "RouteAlreadyExists: the table has a route with that destination"
            raise ProviderError(text)
        self.ec2.create_route(
            RouteTableId=new["routeTableId"], **params(new, **self.names, **self.targets)
        )
        to = next(new[name] for name in self.names if new.get(name))
        return f"r-{new['routeTableId']}{zlib.crc32(to.encode())}"

    def settle(self, resource_id: str, new: Props) -> None:
        """Wait until the table shows it."""
        self.aws.wait(f"Route ({resource_id}) create", lambda: self._find(new))

    def _find(self, state: Props) -> Json:
        table = _table(self.ec2, state["routeTableId"])
        return self._route(table, state) if table else None

    def _route(self, table: Json, state: Props) -> Json:
        wanted = {key: state[name] for name, key in self.names.items() if state.get(name)}
        return first(
            [
                route
                for route in table.get("Routes", [])
                if all(route.get(key) == value for key, value in wanted.items())
            ]
        )

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeRouteTables."""
        route = self._find(state)
        if route is None:
            return None
        found = {name: route.get(key) for name, key in {**self.names, **self.targets}.items()}
        return {
            **found,
            "routeTableId": state["routeTableId"],
            "origin": route.get("Origin"),
            "state": route.get("State"),
            "instanceId": route.get("InstanceId"),
            "instanceOwnerId": route.get("InstanceOwnerId"),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """ReplaceRoute."""
        self.ec2.replace_route(
            RouteTableId=new["routeTableId"], **params(new, **self.names, **self.targets)
        )
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteRoute; a local route stays."""
        if state.get("gatewayId") == "local":
            return
        self.ec2.delete_route(RouteTableId=state["routeTableId"], **params(state, **self.names))
        what = f"Route ({resource_id}) delete"
        self.aws.wait(what, lambda: None if self.state_of(resource_id, state) else True)

    def found(self, import_id: str) -> tuple[str, Props]:
        """`tableId_destination`."""
        table_id, _, to = import_id.partition("_")
        kind = "destinationIpv6CidrBlock" if ":" in to else "destinationCidrBlock"
        if to.startswith("pl-"):
            kind = "destinationPrefixListId"
        resource_id = f"r-{table_id}{zlib.crc32(to.encode())}"
        return resource_id, {"routeTableId": table_id, kind: to}


class RouteTableAssociation(Ec2):
    """`aws:ec2/routeTableAssociation:RouteTableAssociation`; ec2: resourceRouteTableAssociation."""

    type_name = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    title = "EC2 Route Table Association"
    gone = ("InvalidAssociationID.NotFound", "InvalidRouteTableID.NotFound")

    def make(self, new: Props) -> str:
        """AssociateRouteTable."""
        answer = self.ec2.associate_route_table(
            **params(new, "routeTableId", "subnetId", "gatewayId")
        )
        association_id: str = answer["AssociationId"]
        return association_id

    def _find(self, association_id: str) -> Json:
        name = "association.route-table-association-id"
        tables = self.ec2.describe_route_tables(
            Filters=[{"Name": name, "Values": [association_id]}]
        )["RouteTables"]
        return first(
            [
                each
                for table in tables
                for each in table.get("Associations", [])
                if each["RouteTableAssociationId"] == association_id
            ]
        )

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeRouteTables by the association's id."""
        association = self._find(resource_id)
        if association is None:
            return None
        return {
            "routeTableId": association["RouteTableId"],
            "subnetId": association.get("SubnetId"),
            "gatewayId": association.get("GatewayId"),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """ReplaceRouteTableAssociation; one that has vanished is made again."""
        try:
            answer = self.ec2.replace_route_table_association(
                AssociationId=resource_id, RouteTableId=new["routeTableId"]
            )
        except ClientError as refused:
            if error_code(refused) != "InvalidAssociationID.NotFound":
                raise
            return self.make(new)
        new_id: str = answer["NewAssociationId"]
        return new_id

    def remove(self, resource_id: str, state: Props) -> None:
        """DisassociateRouteTable."""
        self.ec2.disassociate_route_table(AssociationId=resource_id)
        self.wait_gone(resource_id)

    def found(self, import_id: str) -> tuple[str, Props]:
        """`subnetOrGatewayId/routeTableId`."""
        place, _, table_id = import_id.partition("/")
        for association in (_table(self.ec2, table_id) or {}).get("Associations", []):
            if place in (association.get("SubnetId"), association.get("GatewayId")):
                return association["RouteTableAssociationId"], {}
        text = f"no association of {place} with {table_id}"
        raise ProviderError(text)
