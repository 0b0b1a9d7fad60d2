"""Tests of one part that take real processes, real waits or many real connections.

They run beside each other, unlike those of a whole installation, and none measures time closely.
"""
