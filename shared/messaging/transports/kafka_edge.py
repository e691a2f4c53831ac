"""The edge to aiokafka: its errors become ours, and its endings cannot hang or cancel us."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka.errors import IllegalStateError, KafkaError

from shared.messaging.transports.port import LogUnavailable


@contextmanager
def translated() -> Iterator[None]:
    """Turn what aiokafka raises while a broker is away into LogUnavailable.

    It awaits tasks of its own that it has cancelled, and lets their CancelledError out: that is not our cancellation.
    """
    try:
        yield
    except IllegalStateError:
        raise
    except TimeoutError as error:
        raise LogUnavailable("Kafka không trả lời kịp [no answer in time]") from error
    except (KafkaError, OSError) as error:
        raise LogUnavailable(f"Kafka: {type(error).__name__.removesuffix('Error')}") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise LogUnavailable("Kafka: client ended") from error


async def end(closing: Coroutine[Any, Any, object], *, within: float) -> None:
    """Let `closing` run to its end in a task of its own, at most `within` seconds; how it ends does not matter."""
    task = asyncio.ensure_future(closing)
    _, late = await asyncio.wait([task], timeout=within)
    if late:
        task.cancel()
        await asyncio.wait([task], timeout=1)
    if task.done() and not task.cancelled():
        task.exception()  # taken note of, else asyncio would log it
