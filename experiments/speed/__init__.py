"""How fast a sweep is against other ways of doing the same, and what logging and derivatives cost: one program."""
