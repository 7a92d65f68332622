import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Stand, standOf, type Voice, verdictOn } from "./divergence.ts";

const voices = (stands: readonly Stand[], chosen = false): Voice[] => stands.map((stand) => ({ stand, chosen }));
const anyStand = fc.constantFrom<Stand>("holds", "other", "silent");
const anyVoices = fc.array(fc.record({ stand: anyStand, chosen: fc.boolean() }), { maxLength: 12 });
const heldBy = (given: readonly Voice[]): number => given.filter(({ stand }) => stand === "holds").length;

describe("the verdict on a block that execution contradicts", () => {
  it("is that this node has diverged when most peers hold the block", () => {
    assert.equal(verdictOn(voices(["holds", "holds"])), "diverged");
    assert.equal(verdictOn(voices(["holds", "holds", "silent"])), "diverged");
    assert.equal(verdictOn(voices(["holds", "holds", "holds", "other", "silent"])), "diverged");
  });

  it("is that the block is bad when one peer alone holds it, whatever else is known", () => {
    assert.equal(verdictOn([]), "refused");
    assert.equal(verdictOn(voices(["holds"])), "refused");
    assert.equal(verdictOn(voices(["holds", "other", "other"])), "refused");
  });

  it("is that the block is bad when two of five hold it, or half", () => {
    assert.equal(verdictOn(voices(["holds", "holds", "other", "other", "other"])), "refused");
    assert.equal(verdictOn(voices(["holds", "holds", "other", "other"])), "refused");
  });

  it("stays open while peers that are silent can still turn it", () => {
    assert.equal(verdictOn(voices(["holds", "silent"])), "open");
    assert.equal(verdictOn(voices(["holds", "holds", "silent", "silent", "silent"])), "open");
  });

  it("follows no crowd of strangers against the peers that this node chose", () => {
    const crowd = voices(Array<Stand>(40).fill("holds"));
    assert.equal(verdictOn([...crowd, ...voices(["other", "other"], true)]), "refused");
    assert.equal(verdictOn([...crowd, ...voices(["silent"], true)]), "open");
    assert.equal(verdictOn([...crowd, ...voices(["holds", "other"], true)]), "diverged");
  });

  it("needs two holders and more than half of all, and depends on no order", () => {
    fc.assert(
      fc.property(anyVoices, (given) => {
        const verdict = verdictOn(given);
        if (verdict === "diverged") assert.ok(heldBy(given) >= 2 && heldBy(given) * 2 > given.length);
        assert.equal(verdictOn([...given].reverse()), verdict);
      }),
    );
  });

  it("is final once it is given: what silent peers say later does not turn it", () => {
    fc.assert(
      fc.property(anyVoices, fc.infiniteStream(anyStand), (given, answers) => {
        const later = given.map((voice) => {
          const stand = voice.stand === "silent" ? (answers.next().value as Stand) : voice.stand;
          return { ...voice, stand };
        });
        const [before, after] = [verdictOn(given), verdictOn(later)];
        if (before === "refused") assert.equal(after, "refused");
        if (before === "diverged") assert.equal(after, "diverged");
      }),
    );
  });
});

describe("a peer's stand on a block", () => {
  const block = { hash: "0x01", number: 5 } as const;
  const at = (number: number) => ({ hash: "0x02", number }) as const;

  it("is told by the chain it serves, and by its height where the block is not on it", () => {
    assert.equal(standOf(block, true, undefined), "holds");
    assert.equal(standOf(block, false, at(5)), "other");
    assert.equal(standOf(block, false, at(4)), "silent");
    assert.equal(standOf(block, undefined, at(9)), "silent");
    assert.equal(standOf(block, false, undefined), "silent");
  });
});
