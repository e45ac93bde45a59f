"""`python -m byoc_infra.control_plane.supervisor`: what a worker starts for its operations."""

from byoc_infra.memory import collect_rarely

if __name__ == "__main__":
    collect_rarely()
    from byoc_infra.control_plane.supervisor.desk import main

    main()
