"""Cutouts, loss terms and the optimization of one frame."""
