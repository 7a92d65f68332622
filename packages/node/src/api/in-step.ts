/** What is not answered while this node has diverged: whatever its own execution has made of the chain. */

import { divergedError } from "../driver/divergence-alarm.ts";
import type { NetworkService } from "../driver/types.ts";

/** @throws CodedError `DIVERGED` while this node's state is not to be trusted */
export function checkInStep({ divergence }: Pick<NetworkService, "divergence">): void {
  const found = divergence();
  if (found !== undefined) throw divergedError(found);
}
