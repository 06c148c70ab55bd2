"""What an audit is made of, in order."""
