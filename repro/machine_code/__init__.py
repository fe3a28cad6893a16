"""Machine code for a sweep, made from the formulas themselves.

``trace`` runs ``repro.sweeps.sweep`` once and writes down every operation that it does. ``schedule`` finds out what of
it has to be kept in memory, and the order; ``emit`` makes C++ of it, with replicas or cases side by side in the lanes
of a vector; ``program`` puts that into a function; ``build`` has it compiled, and keeps what came out; ``run`` calls
it. There is no second copy of the equations.
"""
