"""A bot worker behind Shardline.

It takes events from a queue of its own and sends commands to the gateway. Settings are
in README.md.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections import defaultdict
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import AMQPConnectionError

from gateway import Gateway
from handled_ids import HandledIds

RABBIT_URL = os.environ.get("RABBIT_URL", "amqp://127.0.0.1")
QUEUE = os.environ.get("QUEUE", "python-worker")

EVENT_EXCHANGE = "gateway"
EVENTS = ("MESSAGE_CREATE", "INTERACTION_CREATE")
# Events that the broker hands out before the first of them is acknowledged.
PREFETCH = 20
# Repeats come soon after the first copy, so about an hour's are enough.
HANDLED_IDS = 100_000
STOP_TIMEOUT_S = 10

IDLE: dict[str, Any] = {"since": None, "activities": [], "status": "idle", "afk": False}

log = logging.getLogger(__name__)


class Worker:
    """Handles events, drops repeats, and acknowledges each of them afterwards."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._handled = HandledIds(HANDLED_IDS)
        # Events of one shard are handled one after the other, so that a repeat finds its
        # first copy handled.
        self._shards: defaultdict[Any, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: set[asyncio.Task[None]] = set()

    async def take(self, event: AbstractIncomingMessage) -> None:
        """Each call is a task of its own."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        event_id = event.message_id or ""
        async with self._shards[event.headers.get("shard")]:
            try:
                # One that fails is put back once; the second time it is gone, or where
                # the queue's dead letters go.
                async with event.process(requeue=True, reject_on_redelivered=True):
                    if event_id not in self._handled:
                        await handle(event, self._gateway)
                        self._handled.add(event_id)
            except Exception:
                log.exception("Cannot handle %s %s", event.type, event_id)

    async def finish(self) -> None:
        """Waits for what is being handled, but not for ever."""
        if self._running:
            await asyncio.wait(self._running, timeout=STOP_TIMEOUT_S)


async def handle(event: AbstractIncomingMessage, gateway: Gateway) -> None:
    print(event.type, event.message_id, *(["again"] if event.redelivered else []))
    data = json.loads(event.body)["d"]
    if event.type == "MESSAGE_CREATE":
        await on_message(data, gateway)
    # An INTERACTION_CREATE is answered here, by REST within three seconds.


async def on_message(message: dict[str, Any], gateway: Gateway) -> None:
    if message["content"] != "!idle":
        return
    outcome = await gateway.command(
        {"op": 0, "shard": "all", "data": {"op": 3, "d": IDLE}}
    )
    if outcome["ok"]:
        print("The bot is idle on all shards")
    else:
        print(f"The gateway refused: {outcome['error']}: {outcome['message']}")


async def declare(channel: AbstractChannel) -> AbstractQueue:
    """Whoever starts first declares."""
    exchange = await channel.declare_exchange(
        EVENT_EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True
    )
    queue = await channel.declare_queue(QUEUE, durable=True)
    for event in EVENTS:
        await queue.bind(exchange, event)
    return queue


async def main() -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)

    # Two connections: one that the broker has blocked for publishing must not hold back
    # acknowledgements.
    async with (
        await aio_pika.connect_robust(RABBIT_URL) as consuming,
        await aio_pika.connect_robust(RABBIT_URL) as commanding,
    ):
        worker = Worker(await Gateway.open(commanding))
        channel = await consuming.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await declare(channel)
        consumer = await queue.consume(worker.take)
        print("Taking events")
        await stop.wait()
        # What is not finished in time goes back to the queue with the connection's end.
        await queue.cancel(consumer)
        await worker.finish()
    print("Stopped")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    try:
        asyncio.run(main())
    except AMQPConnectionError as error:
        sys.exit(f"Cannot reach RabbitMQ: {error}")
