import { testCommandLinksContract } from "../contracts/command_links_contract.ts";
import { MemoryCommandBroker } from "./memory_command_links.ts";

testCommandLinksContract("In-memory", () => {
  const broker = new MemoryCommandBroker();
  return Promise.resolve({
    router: () => {
      const link = broker.router();
      return { link, interrupt: () => link.interrupt() };
    },
    member: (member) => {
      const link = broker.member(member);
      return { link, interrupt: () => link.interrupt() };
    },
    send: (body, properties) => broker.send(body, properties),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
