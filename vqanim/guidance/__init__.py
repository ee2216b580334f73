"""Cutouts, loss terms and the optimisation of one frame."""
