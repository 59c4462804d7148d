"""Commands of the command-line interface. Each parses its options, calls one function of the package, and prints the result."""
