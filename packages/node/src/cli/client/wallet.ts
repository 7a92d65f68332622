/** An account as the API gives it. */

import { wholeUnits } from "../render/units.ts";

/** `GET wallets/{address}`. */
export interface WalletAnswer {
  readonly address: string;
  /** Wei. */
  readonly balance: string;
  readonly nonce: number;
  readonly next_nonce: number;
  readonly held: boolean;
  readonly own: boolean;
}

const ETHER_DECIMALS = 18;

/** Wei in ether, exactly. */
export const etherText = (wei: string): string => wholeUnits(wei, ETHER_DECIMALS) ?? wei;
