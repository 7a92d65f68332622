/** Work that never lets anything else have its turn. */

import { writeSync } from "node:fs";
import { endWithParent } from "./child.ts";

endWithParent();
// Written at once, unlike by a stream.
writeSync(1, "busy\n");
for (;;);
