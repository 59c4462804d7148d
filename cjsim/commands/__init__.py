"""The commands of the command line. Each parses its options, calls one function of the package, and prints the result."""
