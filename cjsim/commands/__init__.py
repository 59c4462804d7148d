"""The commands of the command line, by what they are for; each parses, calls one verb, shows what it gives."""
