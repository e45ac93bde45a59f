"""One LangGraph deployment: database, cache, secrets and services, wired together."""

from typing import ClassVar

import pulumi

from byoc_infra.components._base import Component
from byoc_infra.components._environment import POSTGRES_SECRET, REDIS_SECRET
from byoc_infra.components.cache import Cache
from byoc_infra.components.database import Database
from byoc_infra.components.deployment_args import LangGraphDeploymentArgs
from byoc_infra.components.external_database import ExternalDatabase
from byoc_infra.components.queue import Queue, QueueArgs
from byoc_infra.components.scaling import Scaling
from byoc_infra.components.secrets import Secrets
from byoc_infra.components.service import Service

__all__ = ["LangGraphDeployment"]


class LangGraphDeployment(Component):
    """A database, a Redis and a LangGraph server behind a load balancer.

    With size `production` a second service works the queue of runs, and both scale by themselves.
    """

    TYPE: ClassVar[str] = "byoc:aws:LangGraphDeployment"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "no_secret_is_in_the_stack",
        "tasks_wait_for_their_secrets",
        "the_password_comes_from_the_managed_secret",
        "the_cache_is_reached_by_name",
        "an_external_database_takes_the_place_of_rds",
        "both_guards_are_on_by_default",
        "development_runs_one_container",
        "production_takes_runs_in_a_service_of_its_own",
        "production_scales_both_services",
        "production_keeps_its_database_in_two_zones",
    )

    url: pulumi.Output[str]
    service_name: pulumi.Output[str]
    cache_service_name: pulumi.Output[str]
    """The ECS service of Redis."""
    task_definition_arn: pulumi.Output[str]
    cache_task_definition_arn: pulumi.Output[str]
    """The revision that Redis was told to run."""
    target_group_arn: pulumi.Output[str]
    queue: dict[str, pulumi.Output[str]]
    """`service_name` and `task_definition_arn` of the queue service; empty where there is none."""
    database_identifier: pulumi.Output[str] | None
    """The RDS instance. None, as the next two, where the database is not ours."""
    database_endpoint: pulumi.Output[str] | None
    """Host name and port."""
    database_secret_arn: pulumi.Output[str] | None
    """Where AWS keeps the password."""
    secret_arns: dict[str, pulumi.Output[str]]
    """The containers that wait for a person's values, by environment name."""

    def __init__(
        self, name: str, args: LangGraphDeploymentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        secrets = Secrets(f"{name}-secrets", args.secrets_args(), self.child())
        passed = self._filled(args, secrets)
        redis = passed.pop(REDIS_SECRET)
        database = self._database(name, args, passed.pop(POSTGRES_SECRET, None))
        cache = Cache(f"{name}-cache", args.cache_args(password_secret_arn=redis), self.child())
        # By way of the cache's service: the server comes after it, and goes before it.
        passed["REDIS_URI"] = pulumi.Output.all(redis, cache.service_name).apply(
            lambda known: f"{known[0]}:uri::"
        )
        service = Service(
            f"{name}-api",
            args.service_args(database=database.connection, secrets=passed),
            self.child(),
        )
        queue = args.queue_args(database=database.connection, secrets=passed)
        self.queue = {} if queue is None else self._queue(name, args, service, queue)
        self.url, self.service_name = service.url, service.service_name
        self.cache_service_name = cache.service_name
        self.task_definition_arn = service.task_definition_arn
        self.cache_task_definition_arn = cache.task_definition_arn
        self.target_group_arn = service.target_group_arn
        self.secret_arns = {
            entry: arn for entry, arn in secrets.container_arns.items() if entry != REDIS_SECRET
        }
        self.register_outputs(
            {
                "url": self.url,
                "service_name": self.service_name,
                "cache_service_name": self.cache_service_name,
                "task_definition_arn": self.task_definition_arn,
                "cache_task_definition_arn": self.cache_task_definition_arn,
                "target_group_arn": self.target_group_arn,
                "queue": self.queue,
                "database_identifier": self.database_identifier,
                "database_endpoint": self.database_endpoint,
                "database_secret_arn": self.database_secret_arn,
                "secret_arns": self.secret_arns,
            }
        )

    def _queue(
        self, name: str, args: LangGraphDeploymentArgs, service: Service, queue_args: QueueArgs
    ) -> dict[str, pulumi.Output[str]]:
        """The service that works the queue, and the scaling of both."""
        queue = Queue(f"{name}-queue", queue_args, self.child())
        Scaling(f"{name}-api-scaling", args.scaling_args("api", service.service_name), self.child())
        Scaling(
            f"{name}-queue-scaling", args.scaling_args("queue", queue.service_name), self.child()
        )
        return {
            "service_name": queue.service_name,
            "task_definition_arn": queue.task_definition_arn,
        }

    def _database(
        self, name: str, args: LangGraphDeploymentArgs, uri_secret: pulumi.Output[str] | None
    ) -> Database | ExternalDatabase:
        self.database_identifier = self.database_endpoint = self.database_secret_arn = None
        if uri_secret is not None:
            outside = args.external_database_args(uri_secret)
            return ExternalDatabase(f"{name}-database", outside, self.child())
        made = Database(f"{name}-database", args.database_args(), self.child())
        self.database_identifier, self.database_endpoint = made.identifier, made.endpoint
        self.database_secret_arn = made.secret_arn
        return made

    def _filled(
        self, args: LangGraphDeploymentArgs, secrets: Secrets
    ) -> dict[str, pulumi.Output[str]]:
        """What ECS is told, where containers count only once they have a value."""
        host = pulumi.Output.concat(args.names.discovery, ".", args.namespace_name)
        containers = {
            entry: args.filled(entry, arn, host) for entry, arn in secrets.container_arns.items()
        }
        given = {
            entry: pulumi.Output.from_input(arn) for entry, arn in args.platform_secrets.items()
        }
        return {**given, **secrets.value_from, **containers}
