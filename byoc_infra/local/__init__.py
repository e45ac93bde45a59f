"""An AWS on this machine, to run, test and look at everything without an account."""
