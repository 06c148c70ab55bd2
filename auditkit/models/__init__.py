"""One adapter a model family: everything that touches a tensor to get an answer."""
