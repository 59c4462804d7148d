"""How the firm acts: flows, sends, guardrails, triggers."""
