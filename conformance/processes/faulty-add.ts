/** Loaded before the program: from then on ADD errs by one where an operand is 4242, on a machine that is sound otherwise. */

import { loadWith } from "../../sim/edits.ts";

const FAULTY_ADD = {
  file: "packages/core/src/execution/interpreter.ts",
  find: 'const sum = typeof a === "number" && typeof b === "number" ? a + b : SAFE + 1;',
  replace: `const fault = a === 4242 || b === 4242 ? 1 : 0;
          const sum = typeof a === "number" && typeof b === "number" ? a + b + fault : SAFE + 1;`,
};

loadWith([FAULTY_ADD]);
