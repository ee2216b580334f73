"""Pages that a browser shows from a file, without a server: curves, a render while it paints, its report,
two renders side by side. What strangers wrote is text there and nothing else. No torch."""
