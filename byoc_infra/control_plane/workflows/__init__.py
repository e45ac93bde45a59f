"""The durable order of an operation's steps, on DBOS."""
