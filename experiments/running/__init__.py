"""One run: its command line, its directory, and everything that it leaves there."""
