"""Which events have been handled, so that repeats can be dropped."""

from collections import OrderedDict


class HandledIds:
    """The newest ids of handled events; the oldest are forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._ids

    def add(self, event_id: str) -> None:
        self._ids[event_id] = None
        if len(self._ids) > self._most:
            self._ids.popitem(last=False)
