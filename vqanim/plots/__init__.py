"""Curves over the time of a film or song: as text for terminals, as SVG for pages, as pictures."""
