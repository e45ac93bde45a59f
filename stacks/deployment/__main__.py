"""`pulumi up` of one deployment's stack."""

from byoc_infra.programs.deployment import main

main()
