"""What is said on a socket, and how changes of a board become few messages."""
