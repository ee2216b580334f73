"""Walks the shots of a timeline: carry, guide, save; goes on where an earlier run stopped."""
