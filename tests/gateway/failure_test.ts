import assert from "node:assert/strict";
import { failureText, isNetworkFailure } from "../../gateway/failure.ts";

Deno.test("failureText() finds the words of an error of several addresses", () => {
  const refused = new Error("connect ECONNREFUSED ::1:5672");
  assert.equal(failureText(new AggregateError([refused, new Error("another")])), refused.message);
});

Deno.test("failureText() says why a request failed", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const error = await fetch(`http://127.0.0.1:${port}`).catch((error: unknown) => error);
  assert.match(failureText(error), /refused/i);
});

Deno.test("failureText() takes whatever was thrown", () => {
  assert.equal(failureText(new Error("words")), "words");
  assert.equal(failureText("text"), "text");
  assert.equal(failureText(undefined), "undefined");
});

Deno.test("isNetworkFailure() tells a server that is not there from one that refused us", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const { connect } = await import("amqplib");
  const error = await connect(`amqp://127.0.0.1:${port}`).catch((error: unknown) => error);
  assert.equal(isNetworkFailure(error), true);
  assert.equal(isNetworkFailure(new Error("ACCESS_REFUSED")), false);
});
