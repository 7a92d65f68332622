/** `counterpart import`: a chain that was sealed elsewhere. */

import { createLogger } from "../../telemetry/logger.ts";
import { defineCommand, flag, required } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { dataDirOf, dataDirOptions } from "../local-options.ts";
import { createWorkOutput } from "../render/progress.ts";

/** A signal ends it after the block that it is at. */
export const importCommand = defineCommand({
  args: {
    genesis: required("genesis file of other clients, with its config"),
    file: required("blocks, one RLP encoding after the other, compressed by gzip or not"),
  },
  options: {
    ...dataDirOptions("folder to make, or to go on with"),
    json: flag("--json", "progress and result as lines of JSON"),
  },
  details: [
    "The data directory must be empty, or hold what an earlier import of the same chain left: then it goes on from there. Every block is executed and checked; one that is refused leaves those before it. A node started on the directory serves the chain, read-only.",
  ],
  examples: [
    "counterpart import genesis.json chain.rlp --data-dir data/mainnet-part",
    "counterpart import genesis.json chain.rlp.gz --json | jq .blocks_per_second",
    "counterpart start --data-dir data/mainnet-part",
  ],
  exits: [
    [EXIT.ok, "all of the file is imported"],
    [EXIT.usage, "wrong flag or genesis"],
    [EXIT.dataDir, "the data directory is in use or unusable"],
    [EXIT.chain, "the file is malformed, or a block of it breaks a rule"],
    [EXIT.interrupted, "stopped by Ctrl-C; the same command goes on"],
    [EXIT.terminated, "stopped by SIGTERM; the same command goes on"],
  ],
  async run({ args, options }, context) {
    const [{ importChain }, { chooseCrypto }] = await Promise.all([import("../import.ts"), import("../../app.ts")]);
    await chooseCrypto(createLogger({ level: "warn", format: "pretty" }));
    let stoppedWith: number | undefined;
    context.host.on("SIGINT", () => (stoppedWith ??= EXIT.interrupted));
    context.host.on("SIGTERM", () => (stoppedWith ??= EXIT.terminated));
    context.host.on("parentGone", () => (stoppedWith ??= EXIT.terminated));
    const { json = false } = options;
    const dataDir = await dataDirOf(options, context);
    const output = createWorkOutput(context, json);
    const work = { ...output, isStopped: () => stoppedWith !== undefined };
    const isWhole = await importChain({ ...args, dataDir, json }, work).finally(output.done);
    return isWhole ? EXIT.ok : (stoppedWith ?? EXIT.failure);
  },
});
