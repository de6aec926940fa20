"""One analysis per file; the file's name is its name on the command line, in reports and in the docs."""
