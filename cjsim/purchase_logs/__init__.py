"""Reading purchase logs as people have them, and the checks of what could mislead."""
