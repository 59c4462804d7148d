"""How much of a difference between scenarios depends on assumed effects of messages."""
