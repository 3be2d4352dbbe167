import assert from "node:assert/strict";
import fc from "fast-check";
import { bodyMaxBytesOf } from "../../../../gateway/adapters/rabbitmq/size_refusal.ts";

/** An error as amqplib makes it when the broker closes a channel. */
function closing(text: string, code = 406, name = "PRECONDITION-FAILED"): Error {
  return Object.assign(new Error(`Channel closed by server: ${code} (${name}) with message "${text}"`), {
    code,
  });
}

const SAID: readonly [release: string, text: string, bodyMaxBytes: number][] = [
  ["3.7", "PRECONDITION_FAILED - message size 2147383649 larger than max size 2147383648", 2_147_383_648],
  ["3.8 to 4", "PRECONDITION_FAILED - message size 536870913 is larger than max size 536870912", 536_870_912],
  ["3.8 to 4", "PRECONDITION_FAILED - message size 101 is larger than configured max size 100", 100],
];

for (const [release, text, bodyMaxBytes] of SAID) {
  Deno.test(`bodyMaxBytesOf() reads "${text}" of RabbitMQ ${release}`, () => {
    assert.equal(bodyMaxBytesOf(closing(text)), bodyMaxBytes);
  });
}

const TOO_LARGE = "PRECONDITION_FAILED - message size 101 is larger than configured max size 100";

const OTHERS: readonly [title: string, error: Error][] = [
  ["another reply code", closing(TOO_LARGE, 404, "NOT-FOUND")],
  ["an error without a code", new Error(closing(TOO_LARGE).message)],
  ["another reason", closing("PRECONDITION_FAILED - unknown delivery tag 7")],
  ["the words within others", closing(`PRECONDITION_FAILED - invalid expiration '${TOO_LARGE}': none`)],
  ["a size that is within the limit", closing(TOO_LARGE.replace("101", "100"))],
  ["a number too large to count with", closing(TOO_LARGE.replace("101", "9".repeat(30)))],
  ["no number", closing(TOO_LARGE.replace("size 100", "size"))],
];

for (const [title, error] of OTHERS) {
  Deno.test(`bodyMaxBytesOf() does not take ${title} for a limit`, () => {
    assert.equal(bodyMaxBytesOf(error), null);
  });
}

Deno.test("bodyMaxBytesOf() gives the limit or nothing, whatever is said", () => {
  const anyText = fc.oneof(
    fc.string(),
    fc.tuple(fc.bigInt(), fc.bigInt()).map(([size, max]) =>
      `PRECONDITION_FAILED - message size ${size} is larger than configured max size ${max}`
    ),
  );
  fc.assert(fc.property(anyText, (text) => {
    const bodyMaxBytes = bodyMaxBytesOf(closing(text));
    if (bodyMaxBytes === null) return;
    assert.ok(Number.isSafeInteger(bodyMaxBytes) && bodyMaxBytes >= 0);
    assert.ok(text.endsWith(` ${bodyMaxBytes}`));
  }));
});
