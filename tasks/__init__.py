"""Jobs. Arguments are ids; a body loads, calls the domain and decides what follows."""
