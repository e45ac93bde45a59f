"""Who may do what when: the rules between a request and the store."""
