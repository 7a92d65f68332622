/** Work that never lets anything else have its turn. */

import { endWithParent } from "./child.ts";

endWithParent();
for (;;);
