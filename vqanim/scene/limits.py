"""Numbers that bound a scene, and words that it may choose from."""

from __future__ import annotations

from typing import Literal

VERSION = 1  # version of the scene language
AUTO: Literal["auto"] = "auto"  # of a lead that is measured
MAX_SIDE = 4096  # pixels
MAX_FRAMES = 100_000
MAX_SECONDS = 86_400
MAX_SHOTS = 1000
MAX_STEPS = 10_000
MAX_WEIGHTS = 1_000_000
"""Painted frames times the prompts of their shots: each has a weight, and all are computed."""
LARGEST_FACTOR = 1000
"""Of zoom and scale: far beyond what a picture survives, near enough that numbers stay sound."""
BORDERS = ("reflect", "wrap", "edge")
KINDS = ("animation", "timelapse")
PACES = ("even", "linear")
"""The change of a timelapse is spread evenly over its time, or its steps are."""
THROUGH = ("perceptor", "pixels", "style")
FITS = ("cover", "contain", "stretch")
"""Fill the frame and cut what hangs over; show all of the picture with margins; fill it out of shape."""
