"""byoc-infra: bring your own cloud for LangGraph deployments."""
