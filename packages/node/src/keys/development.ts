/** The ten accounts every Ethereum tool knows: their keys are public, so they are for development only. */

import { mnemonicToAccount } from "viem/accounts";

/** The mnemonic of Hardhat and Foundry. */
const MNEMONIC = "test test test test test test test test test test test junk";
const ACCOUNTS = 10;

/** Private keys at m/44'/60'/0'/0/0 … 9 of the public mnemonic, 32 bytes each. */
export function developmentKeys(): Uint8Array[] {
  return Array.from({ length: ACCOUNTS }, (_, addressIndex) => {
    const key = mnemonicToAccount(MNEMONIC, { addressIndex }).getHdKey().privateKey;
    if (key === null) throw new Error("a key derived from a mnemonic is private");
    return Uint8Array.from(key);
  });
}
