"""Tests of the module; see ../README.md for how to run them."""
