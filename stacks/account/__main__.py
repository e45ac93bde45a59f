"""`pulumi up` of the account stack."""

from byoc_infra.programs.account import main

main()
