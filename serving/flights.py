"""Work that several requests ask for at the same time is done once. Lives in one event loop."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Flights(Generic[Result]):
    """What is being worked on, by what was asked."""

    def __init__(self, *, joined: Callable[[], None], personal: type[Exception] | tuple[()] = ()) -> None:
        """Nothing is.

        Args:
            joined: Called when a request finds that its answer is being worked on already.
            personal: Errors that are about the one who asked first, and nobody else.
        """
        self._joined = joined
        self._personal = personal
        self._flights: dict[Hashable, asyncio.Future[Result]] = {}

    async def join(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """The result of the work for `key`.

        Who asks first does it, and pays nothing for the others; they get its result, or its error. When the first one
        is cancelled, or its error is personal, the next one starts again.
        """
        while (flight := self._flights.get(key)) is not None:
            self._joined()
            try:
                return await asyncio.shield(flight)
            except self._personal:
                continue
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not flight.cancelled() or (task is not None and task.cancelling()):
                    raise  # it is this request that was cancelled
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        try:
            result = await work()
        except asyncio.CancelledError:
            flight.cancel()
            raise
        except Exception as error:
            flight.set_exception(error)
            flight.exception()  # nobody else may have asked
            raise
        finally:
            del self._flights[key]
        flight.set_result(result)
        return result
