import assert from "node:assert/strict";
import { COMMAND_OPCODES, Opcode } from "../../../gateway/protocol/opcodes.ts";

Deno.test("COMMAND_OPCODES lets bots send nothing that is the shard's own business", () => {
  assert.deepEqual([...COMMAND_OPCODES].sort((one, other) => one - other), [3, 4, 8, 31, 43]);
  for (const own of [Opcode.Heartbeat, Opcode.Identify, Opcode.Resume]) {
    assert.equal(COMMAND_OPCODES.has(own), false);
  }
});
