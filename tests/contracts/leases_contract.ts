/**
 * What every store of leases promises.
 *
 * @module
 */
import assert from "node:assert/strict";
import { LEAD_LEASE, type Leases, type MemberCard, type SeenLease } from "../../gateway/fleet/leases.ts";

/** A store, as the processes see it that share it. */
export interface LeasesSubject extends AsyncDisposable {
  /** The store as one more process has it; resolves when it takes calls. */
  process(): Promise<Leases>;
  /** Takes the store away; resolves when every process has noticed. */
  away(): Promise<void>;
  /** Resolves when every process has noticed. */
  back(): Promise<void>;
  /** It forgets everything. */
  empty(): Promise<void>;
}

export function memberCard(changes: Partial<MemberCard> = {}): MemberCard {
  return {
    replica: "one",
    version: "1.2.3",
    ttlMs: 10_000,
    total: null,
    share: { first: 0, last: null, most: null, leaving: false, away: 0 },
    ...changes,
  };
}

const NEVER_TAKEN: SeenLease = { token: 0, holderBeat: null };

export function testLeasesContract(name: string, start: () => Promise<LeasesSubject>): void {
  Deno.test(`${name} leases show every member what each tells of itself`, async () => {
    await using subject = await start();
    const [one, other] = [await subject.process(), await subject.process()];
    const alone = memberCard({ replica: "alone", share: null });
    const part = memberCard({
      ttlMs: 2_500,
      total: 8,
      share: { first: 4, last: 7, most: 3, leaving: true, away: 2 },
    });
    assert.deepEqual([...(await one.renew("a", alone)).members.keys()], ["a"]);
    const { members, leases, reign } = await other.renew("b", part);
    const told = [...members].map(([id, { beat: _, ageMs, ...card }]) => {
      assert(ageMs >= 0 && ageMs < 60_000);
      return [id, card];
    });
    assert.deepEqual(new Map(told as [string, MemberCard][]), new Map([["a", alone], ["b", part]]));
    assert.deepEqual([leases, reign], [new Map(), null]);
  });

  Deno.test(`${name} leases show another beat with every renewal`, async () => {
    await using subject = await start();
    const [one, other] = [await subject.process(), await subject.process()];
    const beats = new Set<string | undefined>();
    for (let count = 0; count < 3; count++) {
      await one.renew("a", memberCard());
      beats.add((await other.renew("b", memberCard())).members.get("a")?.beat);
    }
    assert.equal(beats.size, 3);
  });

  Deno.test(`${name} leases are taken by one of two that saw the same`, async () => {
    await using subject = await start();
    const [one, other] = [await subject.process(), await subject.process()];
    await one.renew("a", memberCard());
    await other.renew("b", memberCard());
    const taken = await one.take("a", new Map([["0", NEVER_TAKEN], ["1", NEVER_TAKEN]]));
    assert.deepEqual([...taken.keys()], ["0", "1"]);
    const late = await other.take("b", new Map([["1", NEVER_TAKEN], ["2", NEVER_TAKEN]]));
    assert.deepEqual([...late.keys()], ["2"]);
    const { leases } = await one.renew("a", memberCard());
    assert.deepEqual(leases.get("0"), { token: taken.get("0"), holder: "a" });
    assert.deepEqual(leases.get("1"), { token: taken.get("1"), holder: "a" });
    assert.deepEqual(leases.get("2"), { token: late.get("2"), holder: "b" });
  });

  Deno.test(`${name} leases of a holder that was renewed since it was seen are not taken`, async () => {
    await using subject = await start();
    const [one, other] = [await subject.process(), await subject.process()];
    await one.renew("a", memberCard());
    const token = (await one.take("a", new Map([["0", NEVER_TAKEN]]))).get("0") ?? 0;
    const seen = await other.renew("b", memberCard());
    const holderBeat = seen.members.get("a")?.beat ?? null;
    await one.renew("a", memberCard());
    assert.equal((await other.take("b", new Map([["0", { token, holderBeat }]]))).size, 0);
    const again = (await other.renew("b", memberCard())).members.get("a")?.beat ?? null;
    const taken = await other.take("b", new Map([["0", { token, holderBeat: again }]]));
    assert((taken.get("0") ?? 0) > token);
  });

  Deno.test(`${name} leases of its own are taken anew by a member, with a greater token`, async () => {
    await using subject = await start();
    const leases = await subject.process();
    await leases.renew("a", memberCard());
    const token = (await leases.take("a", new Map([["0", NEVER_TAKEN]]))).get("0") ?? 0;
    await leases.renew("a", memberCard());
    const again = (await leases.take("a", new Map([["0", { token, holderBeat: null }]]))).get("0") ?? 0;
    assert(again > token);
  });

  Deno.test(`${name} leases that were let go of are anybody's, and keep their token`, async () => {
    await using subject = await start();
    const [one, other] = [await subject.process(), await subject.process()];
    await one.renew("a", memberCard());
    const held = await one.take("a", new Map([["0", NEVER_TAKEN], ["1", NEVER_TAKEN]]));
    const token = held.get("0") ?? 0;
    await one.letGo(new Map([["0", token]]));
    const { leases } = await other.renew("b", memberCard());
    assert.deepEqual(leases.get("0"), { token, holder: null });
    assert.equal(leases.get("1")?.holder, "a");
    const taken = (await other.take("b", new Map([["0", { token, holderBeat: null }]]))).get("0") ?? 0;
    assert(taken > token);
    // A repeat that comes late lets go of nothing.
    await one.letGo(new Map([["0", token]]));
    assert.deepEqual((await one.renew("a", memberCard())).leases.get("0"), { token: taken, holder: "b" });
  });

  Deno.test(`${name} leases are for members alone`, async () => {
    await using subject = await start();
    const [one, other] = [await subject.process(), await subject.process()];
    assert.equal((await one.take("a", new Map([["0", NEVER_TAKEN]]))).size, 0);
    await one.renew("a", memberCard());
    const token = (await one.take("a", new Map([["0", NEVER_TAKEN]]))).get("0") ?? 0;
    await one.leave("a");
    const { members, leases } = await other.renew("b", memberCard());
    assert.deepEqual([...members.keys()], ["b"]);
    assert.deepEqual(leases.get("0"), { token, holder: "a" });
    assert.equal((await other.take("b", new Map([["0", { token, holderBeat: null }]]))).size, 1);
  });

  Deno.test(`${name} leases tell of a reign that the lead proclaims, and nobody else`, async () => {
    await using subject = await start();
    const leases = await subject.process();
    await leases.renew("a", memberCard());
    const token = (await leases.take("a", new Map([[LEAD_LEASE, NEVER_TAKEN]]))).get(LEAD_LEASE) ?? 0;
    await leases.proclaim({ total: 16, token: token - 1 });
    assert.equal((await leases.renew("a", memberCard())).reign, null);
    await leases.proclaim({ total: 16, token });
    assert.deepEqual((await leases.renew("a", memberCard())).reign, { total: 16, token });
    await leases.letGo(new Map([[LEAD_LEASE, token]]));
    await leases.proclaim({ total: 32, token });
    assert.deepEqual((await leases.renew("a", memberCard())).reign, { total: 16, token });
  });

  Deno.test(`${name} leases reject what is asked while the store is away`, async () => {
    await using subject = await start();
    const leases = await subject.process();
    await leases.renew("a", memberCard());
    await subject.away();
    await assert.rejects(leases.renew("a", memberCard()));
    await assert.rejects(leases.take("a", new Map([["0", NEVER_TAKEN]])));
    await subject.back();
    assert.equal((await leases.renew("a", memberCard())).members.size, 1);
  });

  Deno.test(`${name} leases of a store that was emptied are none, and grow on from there`, async () => {
    await using subject = await start();
    const leases = await subject.process();
    await leases.renew("a", memberCard());
    const token = (await leases.take("a", new Map([["0", NEVER_TAKEN]]))).get("0") ?? 0;
    assert.equal((await leases.renew("a", memberCard())).leases.size, 1);
    await subject.empty();
    const emptied = await leases.renew("a", memberCard());
    assert.deepEqual([emptied.leases.size, emptied.members.size], [0, 1]);
    const again = (await leases.take("a", new Map([["0", NEVER_TAKEN]]))).get("0") ?? 0;
    assert(again > token);
  });
}
