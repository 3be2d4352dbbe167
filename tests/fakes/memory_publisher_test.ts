import {
  type DeliveredEvent,
  type PublisherSubject,
  testPublisherContract,
  testPublisherLimitContract,
} from "../contracts/publisher_contract.ts";
import { MemoryPublisher } from "./memory_publisher.ts";

const BODY_MAX_BYTES = 1_000;

testPublisherContract("In-memory", () => Promise.resolve(memorySubject()));

testPublisherLimitContract(
  "In-memory",
  () => Promise.resolve({ ...memorySubject(BODY_MAX_BYTES), bodyMaxBytes: BODY_MAX_BYTES }),
);

/** A publisher in memory, moved by the rules of a broker. */
function memorySubject(bodyMaxBytes = Infinity): PublisherSubject {
  const publisher = new MemoryPublisher();
  const refusedTypes = new Set<string>();
  const settle = () => {
    for (let next = publisher.unconfirmed[0]; next !== undefined; next = publisher.unconfirmed[0]) {
      if (next.body.length > bodyMaxBytes) publisher.drop({ bodyMaxBytes });
      else if (refusedTypes.has(next.type)) publisher.refuseNext();
      else publisher.confirmNext();
    }
  };
  return {
    publisher,
    open: () => publisher.open(),
    settle,
    refuse: (type) => Promise.resolve(void refusedTypes.add(type)),
    interrupt: () => publisher.drop(),
    delivered: () =>
      Promise.resolve(publisher.confirmed.map(({ type, session, sequence, body }): DeliveredEvent => ({
        type,
        messageId: `${session}:${sequence}`,
        body,
      }))),
    [Symbol.asyncDispose]: () => publisher.close(),
  };
}
