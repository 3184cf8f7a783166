"""Stand-ins for the outside world, so that one machine can run the whole program."""
