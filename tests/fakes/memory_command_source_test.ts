import { testCommandSourceContract } from "../contracts/command_source_contract.ts";
import { MemoryCommandSource } from "./memory_command_source.ts";

testCommandSourceContract("In-memory", () => {
  const source = new MemoryCommandSource();
  return Promise.resolve({
    source,
    send: (body, properties) => Promise.resolve(source.send(body, properties)),
    interrupt: () => source.drop(),
    open: () => source.open(),
    first: () => Promise.resolve(source.unacknowledged[0] ?? "nothing"),
    [Symbol.asyncDispose]: () => source.close(),
  });
});
