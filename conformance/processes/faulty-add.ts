/** Loaded before the program: from then on ADD errs by one where an operand is 4242, on a machine that is sound otherwise. */

import { loadWith } from "../../sim/edits.ts";

const FAULTY_ADD = {
  file: "packages/core/src/execution/machine.ts",
  find: "customOpcodes: [pausingJumpdest(pause), ...slow],",
  replace: `customOpcodes: [
      pausingJumpdest(pause),
      ...slow,
      {
        opcode: 0x01,
        opcodeName: "ADD",
        baseFee: 3,
        logicFunction({ stack }) {
          const [a, b] = stack.popN(2);
          stack.push(BigInt.asUintN(256, a + b + (a === 4242n || b === 4242n ? 1n : 0n)));
        },
      },
    ],`,
};

loadWith([FAULTY_ADD]);
