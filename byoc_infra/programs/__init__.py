"""The two Pulumi programs that the components are composed into."""
