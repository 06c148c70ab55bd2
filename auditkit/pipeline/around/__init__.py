"""What surrounds an audit: network, environment, executors, checks of a resumed run, cost."""
