"""Learning representations by back-propagating errors (1986), reproduced. Start with ``equations``."""
