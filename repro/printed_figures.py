"""Figures of the family trees that the papers print without numbers, as data: sizes of blocks, read off the scans.

N is the Nature paper, H Hinton's of 1986. A size is the area of a block relative to the largest of its panel, good to
some 10 % of that one; 0.0 is a block too small to tell its sign. People stand in the order of
``repro.tasks.family_trees.PEOPLE``, which is that of the figures.
"""

FIGURE_4 = (
    (0.58, 0.38, -0.51, -0.25, -0.12, 0.45),  # Christopher
    (0.37, 0.41, -0.44, 0.41, 0.0, -0.34),  # Andrew
    (0.42, 0.13, 0.16, -0.23, -0.44, 0.37),  # Arthur
    (0.38, -0.27, -0.16, 0.0, -0.1, -0.43),  # James
    (0.15, 0.2, 0.12, 0.65, -0.36, -0.71),  # Charles
    (0.33, -0.76, 0.21, 0.44, -0.44, 0.34),  # Colin
    (0.58, 0.4, -0.41, -0.42, -0.18, 0.08),  # Penelope
    (0.45, 0.4, -0.5, 0.41, 0.0, -0.36),  # Christine
    (0.35, -0.16, 0.0, 0.0, -0.32, 0.34),  # Victoria
    (0.19, 0.07, 0.07, 0.64, -0.39, -0.38),  # Jennifer
    (0.45, 0.0, 0.0, -0.43, -0.42, 0.31),  # Margaret
    (0.41, -0.85, 0.6, 0.0, -0.61, -0.09),  # Charlotte
    (-0.17, 0.35, -0.33, -0.45, 0.41, 0.65),  # Roberto
    (-0.31, 0.39, -0.47, 0.15, 0.65, -0.27),  # Pierro
    (-0.33, 0.16, 0.34, -0.27, 0.0, 0.42),  # Emilio
    (-0.31, -0.29, 0.02, 0.0, 0.44, -0.31),  # Marco
    (-0.45, 0.22, 0.41, 0.45, 0.36, -0.65),  # Tomaso
    (-0.43, -0.49, 0.47, 0.36, 0.09, 0.56),  # Alfonso
    (-0.17, 0.44, -0.17, -0.57, 0.4, 0.31),  # Maria
    (-0.34, 0.4, -0.4, 0.15, 0.7, -0.28),  # Francesca
    (-0.26, -0.08, 0.33, -0.1, 0.19, 0.4),  # Lucia
    (-0.44, 0.2, 0.52, 0.34, 0.23, -0.3),  # Angela
    (-0.23, 0.05, 0.54, -0.62, 0.16, 0.43),  # Gina
    (-0.67, -0.72, 1.0, -0.16, 0.0, 0.02),  # Sophia
)
"""N Fig. 4, which is H Fig. 6: the weights from each person to the units of the person code, ``[people][units]``."""

H_FIGURE_8 = (
    (0.62, 0.13, 0.04, 0.06),  # Christopher
    (1.0, 0.13, 0.05, 0.05),  # Andrew
    (0.11, 0.06, 0.04, 0.03),  # Arthur
    (0.31, 0.07, 0.04, 0.02),  # James
    (0.31, 0.03, 0.01, 0.01),  # Charles
    (0.07, 0.11, 0.05, 0.04),  # Colin
    (0.43, 0.43, 0.19, 0.11),  # Penelope
    (0.74, 0.32, 0.12, 0.15),  # Christine
    (0.09, 1.0, 0.42, 0.4),  # Victoria
    (0.42, 0.23, 0.07, 0.11),  # Jennifer
    (0.15, 0.29, 0.13, 0.15),  # Margaret
    (0.15, 0.49, 0.1, 0.11),  # Charlotte
    (0.25, 0.06, 0.11, 0.14),  # Roberto
    (0.47, 0.03, 0.12, 0.15),  # Pierro
    (0.04, 0.02, 0.17, 0.1),  # Emilio
    (0.14, 0.02, 0.14, 0.07),  # Marco
    (0.13, 0.03, 0.07, 0.05),  # Tomaso
    (0.07, 0.03, 0.17, 0.15),  # Alfonso
    (0.21, 0.15, 0.62, 0.37),  # Maria
    (0.31, 0.16, 0.38, 0.47),  # Francesca
    (0.11, 0.45, 1.0, 1.0),  # Lucia
    (0.18, 0.11, 0.29, 0.5),  # Angela
    (0.14, 0.15, 0.5, 0.52),  # Gina
    (0.14, 0.12, 0.46, 0.44),  # Sophia
)
"""H Fig. 8: the activity of each output unit in the four cases that were held out, ``[people][cases]``."""

H_FIGURE_8_ANSWERS = ("Andrew", "Victoria", "Lucia", "Lucia")
"""The right answers of those cases, by the dots in the figure. Which cases have them is not printed."""
