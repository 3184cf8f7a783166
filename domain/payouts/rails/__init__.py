"""Rails: those who carry money to winners."""
