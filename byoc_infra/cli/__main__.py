"""`python -m byoc_infra.cli`: the `byoc` command."""

import sys

from byoc_infra.cli.main import main

sys.exit(main())
