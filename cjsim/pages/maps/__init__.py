"""Journey maps: grids of lanes below the stages of a journey, with figures from simulations."""
