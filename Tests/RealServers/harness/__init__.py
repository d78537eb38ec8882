"""Shared by the tests against real servers: servers on loopback, programs with a time limit, real images, comparison.

Only the standard library and Debian's python3-pydicom are used; pydicom is the referee that knows nothing of our code.
"""
