"""Machine code for a sweep, made from the formulas themselves.

``trace`` runs ``repro.sweeps.sweep`` once and writes down every operation that it does; ``emit`` makes C++ of them, with
replicas or cases side by side in the lanes of a vector; ``program`` puts it into a function; ``build`` has it compiled,
and keeps what came out; ``run`` calls it. There is no second copy of the equations.
"""
