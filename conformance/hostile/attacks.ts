/** The attacks that today's messages allow, and what each must come to. */

import { ANNOUNCEMENT_ATTACKS } from "./attacks-announcements.ts";
import { ARTIFACT_ATTACKS } from "./attacks-artifacts.ts";
import { CHAIN_ATTACKS } from "./attacks-chain.ts";
import { FRAMING_ATTACKS } from "./attacks-framing.ts";
import type { Attack } from "./judge.ts";

export const ATTACKS: readonly Attack[] = [
  ...ANNOUNCEMENT_ATTACKS,
  ...ARTIFACT_ATTACKS,
  ...CHAIN_ATTACKS,
  ...FRAMING_ATTACKS,
];
