"""Commands to the gateway, and its replies."""

import asyncio
import json
from typing import Any, Self
from uuid import uuid4

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

COMMAND_QUEUE = "gateway.send"
# RabbitMQ's own queue for answers, one for each channel (RabbitMQ docs, Direct Reply-to).
REPLY_QUEUE = "amq.rabbitmq.reply-to"
REPLY_TIMEOUT_S = 10


class Gateway:
    """Sends commands and waits for their replies."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}

    @classmethod
    async def open(cls, connection: AbstractConnection) -> Self:
        # A command's own answer says more than the broker's confirmation.
        channel = await connection.channel(publisher_confirms=False)
        gateway = cls(channel)
        replies = await channel.get_queue(REPLY_QUEUE)
        await replies.consume(gateway._hear, no_ack=True)
        return gateway

    async def command(self, command: dict[str, Any]) -> dict[str, Any]:
        """Sends a command and waits for its outcome.

        That is {"ok": true}, or false with "error" and "message". Raises TimeoutError
        where none comes; the command may have been carried out.
        """
        correlation_id = str(uuid4())
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._waiting[correlation_id] = outcome
        message = Message(
            json.dumps(command).encode(),
            content_type="application/json",
            delivery_mode=DeliveryMode.PERSISTENT,
            reply_to=REPLY_QUEUE,
            correlation_id=correlation_id,
            # Dropped by the broker when nobody waits for it any more.
            expiration=REPLY_TIMEOUT_S,
        )
        try:
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                await self._channel.default_exchange.publish(message, COMMAND_QUEUE)
                return await outcome
        finally:
            del self._waiting[correlation_id]

    async def _hear(self, reply: AbstractIncomingMessage) -> None:
        outcome = self._waiting.get(reply.correlation_id or "")
        if outcome is not None and not outcome.done():
            outcome.set_result(json.loads(reply.body))
