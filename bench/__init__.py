"""Measurements. `make bench` prints them all; none of them passes or fails."""
