"""What explaining may cost, in passes rather than seconds, so that it ends at the same item on every machine."""

from __future__ import annotations

from auditkit.errors import MeasurementError


class PassBudget:
    """Counts rows through the model, each direction one pass, and ends at a limit."""

    def __init__(self, limit: int) -> None:
        """Allow `limit` passes, one a row and direction; none is spent yet."""
        self.limit = limit
        self.spent = 0
        self.used_up = False

    def spend(self, count: int) -> None:
        """Count passes that are about to be made.

        Raises:
            MeasurementError: they would exceed the limit; from then on `used_up` is true.
        """
        if self.used_up or self.spent + count > self.limit:
            self.used_up = True
            raise MeasurementError(f"explanation budget of {self.limit} passes used up")
        self.spent += count
