"""The functions of lanes.hpp: their error against longer arithmetic, and what they do at the ends."""

import ctypes
import math

import numpy as np
import pytest

from repro.machine_code import build
from repro.machine_code.program import LANES_HPP

FUNCTIONS = {
    "exponential": np.exp,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tangens": np.tanh,
    "arcus": np.arctan,
    "logarithm": np.log,
}
EACH = """
extern "C" void {name}_of(const T *x, T *y, long count)
{{
    typedef lanes<{lanes}>::V V;
    for (long n = 0; n < count; n += {lanes}) store<V>(y + n, {name}<V>(load<V>(x + n)));
}}
"""
LARGEST = """
extern "C" void larger_of(const T *x, const T *y, T *z, long count)
{
    for (long n = 0; n < count; n++) z[n] = larger(x[n], y[n]);
}
"""
DTYPES = {"float": np.float32, "double": np.float64}
WITHIN = {"exponential": 1.0, "sigmoid": 2.5, "tangens": 2.5, "arcus": 2.5, "logarithm": 1.0}
"""Units in the last place; lanes.hpp says so."""
TINY = 1e-30
"""Below it float32 has fewer digits."""


def library(real: str, lanes: int) -> ctypes.CDLL:
    parts = [
        LANES_HPP.read_text(encoding="utf-8"),
        *(EACH.format(name=name, lanes=lanes) for name in FUNCTIONS),
        LARGEST,
    ]
    return build.library("\n".join(parts), real)


def aligned(values: np.ndarray) -> np.ndarray:
    """The same at an address that whole vectors can be loaded from."""
    room = np.empty(values.nbytes + 64, np.uint8)
    begin = -room.ctypes.data % 64
    found = room[begin : begin + values.nbytes].view(values.dtype)
    found[:] = values
    return found


def values_of(name: str, x: np.ndarray, real: str = "float", lanes: int = 4) -> np.ndarray:
    own, y = aligned(x.astype(DTYPES[real])), aligned(np.zeros(len(x), DTYPES[real]))
    at = [ctypes.c_void_p(some.ctypes.data) for some in (own, y)]
    getattr(library(real, lanes), f"{name}_of")(*at, ctypes.c_long(len(x)))
    return y


def points(name: str, real: str) -> np.ndarray:
    generator = np.random.default_rng(1986)
    if name == "logarithm":
        return generator.uniform(0, 50, 40_000).astype(DTYPES[real])
    reach = 80 if real == "float" else 700
    own = np.concatenate([generator.uniform(-reach, reach, 20_000), generator.normal(0, 2, 20_000)])
    return own.astype(DTYPES[real])


@pytest.mark.parametrize("real", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_error_in_units_in_the_last_place(name, real):
    x = points(name, real)
    exact = FUNCTIONS[name](x.astype(np.longdouble))
    found = values_of(name, x, real)
    gap = np.abs(found - exact) / np.spacing(np.abs(exact).astype(DTYPES[real]))
    assert gap[np.abs(exact) > TINY].max() <= WITHIN[name]
    assert np.abs(found - exact)[np.abs(exact) <= TINY].max(initial=0) < TINY


@pytest.mark.parametrize("real", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_same_bits_in_a_vector_of_any_length(name, real):
    x = points(name, real)
    lanes = [1, 2, 4, 8] + ([16] if real == "float" else [])
    first, *others = (values_of(name, x, real, many).tobytes() for many in lanes if many > 1)
    assert all(other == first for other in others)


def test_sigmoid_at_the_ends():
    """Far out it is 0 or 1 to the last bit, as torch's is: then y (1 - y) is 0."""
    ends = np.array([-math.inf, -200, -88.8, 0.0, 17.5, 100, math.inf, math.nan])
    y = values_of("sigmoid", ends)
    assert y[:3].tolist() == [0, 0, 0]
    assert y[3] == 0.5
    assert y[4:7].tolist() == [1, 1, 1]
    assert math.isnan(y[7])
    assert values_of("sigmoid", np.array([-87.0, -80.0, -40.0, 16.0])).min() > 0


@pytest.mark.parametrize(("name", "x", "y"), [
    ("exponential", [-math.inf, -1000, 0, 1000], [0, 0, 1, math.inf]),
    ("tangens", [-math.inf, -50, 0, 50], [-1, -1, 0, 1]),
    ("arcus", [-math.inf, 0, 1e30, math.inf], [-math.pi / 2, 0, math.pi / 2, math.pi / 2]),
])  # fmt: skip
def test_others_at_the_ends(name, x, y):
    for real, dtype in DTYPES.items():
        found = values_of(name, np.array(x, dtype), real)
        np.testing.assert_allclose(found, np.array(y, dtype), rtol=1e-7)
        assert np.isnan(values_of(name, np.full(4, math.nan, dtype), real)).all()


def test_the_larger_of_two_is_no_number_where_one_is_none():
    x, y = (aligned(np.array(some, np.float32)) for some in ([1, math.nan, 2, math.nan], [2, 1, math.nan, math.nan]))
    z = aligned(np.zeros(4, np.float32))
    library("float", 4).larger_of(*(ctypes.c_void_p(some.ctypes.data) for some in (x, y, z)), ctypes.c_long(4))
    assert z[0] == 2
    assert np.isnan(z[1:]).all()
