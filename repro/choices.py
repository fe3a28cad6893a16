"""What may be chosen by name, typed once: for the formulas here and for the options of an experiment. Without torch.

A choice is a string too: ``ErrorMeasure(satisfied="unit")`` and ``satisfied=Satisfied.unit`` are the same.
"""

from enum import Enum


class BackwardPass(str, Enum):
    """How the backward pass is run: written out (``Plan.derivatives``), or by ``backward`` through the Functions."""

    explicit = "explicit"
    autograd = "autograd"


class DecayOf(str, Enum):
    """What the decay takes a part of.

    weight: the weight, after each change (N Fig. 4). carried: the weight too, but carried on by α as a part of the
    change. change: the change alone, which leaves the size of the weight to itself.
    """

    weight = "weight"
    carried = "carried"
    change = "change"


class ErrorForm(str, Enum):
    """The form of E: (3), or cross-entropy; see ``repro.errors``."""

    squared = "squared"
    cross_entropy = "cross_entropy"


class Satisfied(str, Enum):
    """Whether an output beyond its bound counts no error: never, unit by unit, or for a whole case."""

    never = "never"
    unit = "unit"
    case = "case"


class MeasuredFrom(str, Enum):
    """What the error of an output is measured from: its desired value, or the bound."""

    target = "target"
    bound = "bound"


class UnitFunction(str, Enum):
    """The output functions of units; see ``repro.output_functions``, which has a formula for each."""

    logistic = "logistic"
    symmetric = "symmetric"
    tanh = "tanh"
    softsign = "softsign"
    arctan = "arctan"
    gaussian = "gaussian"
    threshold = "threshold"
