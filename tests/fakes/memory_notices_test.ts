import { testNoticesContract } from "../contracts/notices_contract.ts";
import { MemoryNotices } from "./memory_notices.ts";

testNoticesContract("In-memory", () => {
  const notices = new MemoryNotices();
  return Promise.resolve({
    notices,
    away: () => Promise.resolve(notices.hold()),
    back: () => notices.release(),
    rejections: () => Promise.resolve(notices.rejections),
    news: () => Promise.resolve(notices.newsItems),
    clientQueue: "client",
    replies: () =>
      Promise.resolve(notices.replies.map(({ correlationId, body }) => ({ correlationId, body }))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
