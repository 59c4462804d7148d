"""The kinds of journey maps: current state, future state, a customer's days, service blueprint."""
