import assert from "node:assert/strict";
import { OwnNetwork } from "../../harness/own_network.ts";
import { Supervisor } from "../../harness/supervisor.ts";
import { beforeDeadline } from "../deadline.ts";
import { shell } from "./processes.ts";

const ECHO_PORT = 7_007;
const ALIAS = "198.19.255.253";

/** Whether this machine lets a process have a network namespace with a wire to it. */
async function isAllowed(): Promise<boolean> {
  const probe = "unshare --net true && ip link add shl0 type veth peer name shl1 && ip link del shl0";
  return await shell(`{ ${probe}; } >/dev/null 2>&1 && echo yes`) === "yes";
}

async function echoed(connection: Deno.TcpConn): Promise<number | null> {
  await connection.write(Uint8Array.of(7));
  return await connection.read(new Uint8Array(1));
}

async function reachMachine(): Promise<void> {
  await using network = await OwnNetwork.make([{}, { alias: ALIAS }]);
  const [one, other] = network.wires;
  assert(one !== undefined && other !== undefined);
  await using machine = await Supervisor.start();
  using door = Deno.listen({ hostname: ALIAS, port: 0 });
  const { pathname } = new URL("./echo_machine.ts", import.meta.url);
  await machine.launch({
    ...network.launchThere({
      program: Deno.execPath(),
      args: ["run", "-q", "--allow-net", pathname, String(ECHO_PORT), ALIAS, String(door.addr.port)],
    }),
    output: "inherit",
  });
  // Its alias leads here by the wire that has it.
  using called = await door.accept();
  assert.equal(called.remoteAddr.hostname, other.thereAddress);

  using byOne = await Deno.connect({ hostname: one.thereAddress, port: ECHO_PORT });
  using byOther = await Deno.connect({ hostname: other.thereAddress, port: ECHO_PORT });
  assert.deepEqual([await echoed(byOne), await echoed(byOther)], [1, 1]);
  await one.sever();
  let isHeard = false;
  const heard = echoed(byOne).then((count) => {
    isHeard = true;
    return count;
  });
  assert.equal(await echoed(byOther), 1);
  assert.equal(isHeard, false);
  await one.join();
  assert.equal(await heard, 1);
}

Deno.test("OwnNetwork is a machine that is reached by each of its wires but a severed one, or says why it cannot be", async () => {
  if (await isAllowed()) {
    await beforeDeadline(reachMachine(), () => "a wire does not carry what it is to carry");
  } else await assert.rejects(OwnNetwork.make([{}]), /^Error: Cannot set up a network namespace: ./);
});
