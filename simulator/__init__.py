"""A Discord on loopback: REST and gateway over real sockets, for tests and demos."""
