"""What is seen of a film before it is painted: its numbers, its cost, curves and an animatic. No torch."""
