"""Pages that a browser shows from a file, without a server: a render while it is painted, its report, two
renders side by side. What strangers wrote is text there and nothing else. No torch."""
