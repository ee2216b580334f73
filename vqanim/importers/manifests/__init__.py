"""Parseq's manifests.

moment     a frame, and the keyframes of a field around it
functions  those of the formulas
language   formulas -> numbers at a frame
frames     what a manifest says of every frame, rendered or worked out
merging    the same as settings of Deforum
"""
