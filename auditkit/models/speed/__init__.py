"""What makes answers fast; each piece is checked against the plain forward pass, and removable."""
