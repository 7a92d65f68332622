/**
 * The crypto port on native code: libsecp256k1 and a WebAssembly keccak, 20 and 5 times as fast as the portable ones, and
 * the curves of the precompiled contracts in WebAssembly, 3 to 11 times as fast. Each part that cannot be had or does not
 * pass a check is replaced by the portable one, and named in `fallbacks`, because the difference shows only as slowness
 * otherwise.
 */

import { createRequire } from "node:module";
import { equalBytes, HEAP_BYTES_MAX, hexToBytes } from "@counterpart/core/base/bytes";
import { assert, reasonOf } from "@counterpart/core/base/errors";
import type { CryptoProvider } from "@counterpart/core/crypto/crypto";
import { createPortableCrypto } from "@counterpart/core/crypto/portable";
import { createKeccak } from "hash-wasm";
import { checkBls12381, checkBn254, checkP256 } from "./curve-checks.ts";
import { createBls12381, createBn254, createP256 } from "./curves.ts";
import { loadMclModule } from "./mcl.ts";

type Secp256k1 = Pick<typeof import("secp256k1"), "ecdsaRecover" | "ecdsaSign" | "publicKeyCreate">;
type Signer = Pick<CryptoProvider, "sign" | "recover" | "publicKey">;
type Keccak = CryptoProvider["keccak256"];

/** A part of the provider that is the portable one, and why. */
export interface CryptoFallback {
  readonly part: "secp256k1" | "keccak256" | "bn254" | "bls12-381" | "p256";
  readonly reason: string;
}

export interface NativeCrypto extends CryptoProvider {
  /** Empty when everything is native. Whoever creates the provider logs a warning for each. */
  readonly fallbacks: readonly CryptoFallback[];
}

/** How the native parts are loaded; tests replace it. */
export interface NativeLoaders {
  secp256k1(): Secp256k1;
  keccak256(): Promise<Keccak>;
  curves(): Promise<WebAssembly.Module>;
}

/**
 * Copies of arrays with bytes on V8's heap, which are moved when somebody asks for the buffer, as the hasher does.
 * They are used again and again: to copy is cheaper than to have each array moved.
 */
function createCopies(): (bytes: Uint8Array) => Uint8Array {
  const copies = Array.from({ length: HEAP_BYTES_MAX + 1 }, (_, size) => new Uint8Array(new ArrayBuffer(size)));
  return (bytes) => {
    const copy = copies[bytes.length];
    copy?.set(bytes);
    return copy ?? bytes;
  };
}

const LOADERS: NativeLoaders = {
  // The package's main module falls back to slow JavaScript without a word: its bindings alone throw instead.
  secp256k1: () => createRequire(import.meta.url)("secp256k1/bindings.js") as Secp256k1,
  async keccak256() {
    const hasher = await createKeccak(256);
    const copies = createCopies();
    return (bytes) => hasher.init().update(copies(bytes)).digest("binary");
  },
  curves: loadMclModule,
};

function signerOn(native: Secp256k1): Signer {
  // Filled by every call, so that what is given is a copy.
  const recovered = new Uint8Array(1 + 64);
  return {
    sign(digest, privateKey) {
      const { signature, recid } = native.ecdsaSign(digest, privateKey);
      // 2 and 3 need an r that nobody has ever seen; such a signature would not be an Ethereum one.
      assert(recid === 0 || recid === 1, "the signature's r exceeds the order of the curve");
      return { rs: signature, yParity: recid };
    },
    recover: (digest, rs, yParity) => native.ecdsaRecover(rs, yParity, digest, false, recovered).slice(1),
    publicKey: (privateKey) => native.publicKeyCreate(privateKey, false).slice(1),
  };
}

const CHECK_KEY = hexToBytes(`0x${"01".repeat(32)}`);
const CHECK_MESSAGES = [new Uint8Array(0), new Uint8Array(135), new Uint8Array(136).fill(7), new Uint8Array(20_000)];

function checkKeccak(keccak: Keccak, portable: CryptoProvider): void {
  for (const message of CHECK_MESSAGES) {
    assert(equalBytes(keccak(message), portable.keccak256(message)), "it gives a wrong hash");
  }
}

function checkSigner(signer: Signer, portable: CryptoProvider): void {
  const digest = portable.keccak256(CHECK_KEY);
  const key = portable.publicKey(CHECK_KEY);
  const { rs, yParity } = signer.sign(digest, CHECK_KEY);
  assert(equalBytes(signer.publicKey(CHECK_KEY), key), "it gives a wrong public key");
  assert(equalBytes(signer.recover(digest, rs, yParity), key), "it recovers a wrong public key");
  assert(equalBytes(portable.recover(digest, rs, yParity), key), "it makes a wrong signature");
}

function nameOf(fallbacks: readonly CryptoFallback[], parts: number): string {
  if (fallbacks.length === 0) return "native";
  return fallbacks.length === parts ? "portable" : `native (${fallbacks.map(({ part }) => part).join(", ")} portable)`;
}

/** What `load` gives; undefined, and noted, when it throws. */
type TryPart = <T>(part: CryptoFallback["part"], load: () => Promise<T>) => Promise<T | undefined>;

const createTrials =
  (fallbacks: CryptoFallback[]): TryPart =>
  async (part, load) => {
    try {
      return await load();
    } catch (error) {
      fallbacks.push({ part, reason: reasonOf(error) });
      return undefined;
    }
  };

async function loadSigning(
  loaders: NativeLoaders,
  tryPart: TryPart,
): Promise<Signer & Pick<CryptoProvider, "keccak256">> {
  const portable = createPortableCrypto();
  const signer = await tryPart("secp256k1", async () => {
    const native = signerOn(loaders.secp256k1());
    checkSigner(native, portable);
    return native;
  });
  const keccak256 = await tryPart("keccak256", async () => {
    const native = await loaders.keccak256();
    checkKeccak(native, portable);
    return native;
  });
  const { sign, recover, publicKey } = signer ?? portable;
  return { sign, recover, publicKey, keccak256: keccak256 ?? portable.keccak256 };
}

/** Loads the native parts that signers need, without the curves, and checks them. Never rejects. */
export async function createNativeSigning(loaders: NativeLoaders = LOADERS): Promise<NativeCrypto> {
  const fallbacks: CryptoFallback[] = [];
  const signing = await loadSigning(loaders, createTrials(fallbacks));
  return { name: nameOf(fallbacks, 2), fallbacks, ...signing };
}

/** Loads all native parts and checks them. Never rejects. */
export async function createNativeCrypto(loaders: NativeLoaders = LOADERS): Promise<NativeCrypto> {
  const fallbacks: CryptoFallback[] = [];
  const tryPart = createTrials(fallbacks);
  const signing = await loadSigning(loaders, tryPart);
  const module = loaders.curves();
  const bn254 = await tryPart("bn254", async () => checkBn254(await createBn254(await module)));
  const bls12381 = await tryPart("bls12-381", async () => checkBls12381(await createBls12381(await module)));
  const verifyP256 = await tryPart("p256", async () => checkP256(await createP256(await module)));
  return {
    name: nameOf(fallbacks, 5),
    fallbacks,
    ...signing,
    ...(bn254 && { bn254 }),
    ...(bls12381 && { bls12381 }),
    ...(verifyP256 && { verifyP256 }),
  };
}
