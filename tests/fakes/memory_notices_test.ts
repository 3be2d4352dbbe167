import { testNoticesContract } from "../contracts/notices_contract.ts";
import { MemoryNotices } from "./memory_notices.ts";

testNoticesContract("In-memory", () => {
  const newsMax = 3;
  const notices = new MemoryNotices({ newsMax });
  return Promise.resolve({
    notices,
    newsMax,
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
