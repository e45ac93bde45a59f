"""The resource types, one file an AWS service."""
