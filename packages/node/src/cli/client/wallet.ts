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

/** Of `GET wallets`: a replica may not know what the chain says of it. */
export interface ListedWallet extends Pick<WalletAnswer, "address" | "own"> {
  readonly balance: string | null;
  readonly next_nonce: number | null;
}

const ETHER_DECIMALS = 18;

/** Wei in ether, exactly. */
export const etherText = (wei: string): string => wholeUnits(wei, ETHER_DECIMALS) ?? wei;
