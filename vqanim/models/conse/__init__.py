"""The pocket perceptor: words, palettes and the things that a classifier knows, in one space."""
