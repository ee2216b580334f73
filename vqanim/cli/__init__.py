"""The command line: one module a command. Words for people live here, and nowhere deeper."""
