"""`vqanim preview`."""
