import { type DeliveredEvent, testPublisherContract } from "../contracts/publisher_contract.ts";
import { MemoryPublisher } from "./memory_publisher.ts";

testPublisherContract("In-memory", () => {
  const publisher = new MemoryPublisher();
  return Promise.resolve({
    publisher,
    open: () => publisher.open(),
    settle: () => publisher.confirmAll(),
    interrupt: () => publisher.drop(),
    delivered: () =>
      Promise.resolve(publisher.confirmed.map(({ type, session, sequence, body }): DeliveredEvent => ({
        type,
        messageId: `${session}:${sequence}`,
        body,
      }))),
    [Symbol.asyncDispose]: () => publisher.close(),
  });
});
