"""What makes answers fast.

Each piece is compared with the plain forward pass on the model that is opened, by itself or by the scorer that uses it,
and can be removed: `Head` falls back to all logits, `LastLayerHead` to `Head`, `tree` and `PrefixCache` to padded rows,
`packed` to torch's own linear layers, `slots` to one group of rows after another.
"""
