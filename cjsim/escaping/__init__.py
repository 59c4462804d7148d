"""Text from files and addresses, made safe for each kind of output: terminals, Markdown and messages that could show passwords."""
