"""Credit that attribution rules give to touchpoints, compared with the true incremental effect."""
