"""Curves of a training."""

WORDS = {
    "title": "Curves of the training",
    "description": "{losses}, {scores}; the weights of epoch {epoch} were kept.",
    "losses": "Validation loss from {first} to {last}",
    "no_loss": "No validation loss",
    "scores": "{score} from {first} to {last}",
    "no_score": "no score",
    "loss": "Loss",
    "training": "training",
    "validation": "validation",
    "epoch": "epoch",
}
