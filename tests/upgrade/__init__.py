"""A deployment of the release before, upgraded and taken back: `make upgrade-test`."""
