"""The lanes of journey maps. Each module has functions `*_data()`, which compute, and one that makes the lane of them."""
