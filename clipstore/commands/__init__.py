"""One file per command of `clipstore`; the file's `command` is what it adds to the command line."""
