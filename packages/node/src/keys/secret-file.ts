/** Small files that only their owner may read: private keys, the network identity, the API's token. */

import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { bytesToHex, hexToBytes, isHex } from "@counterpart/core/base/bytes";
import { CodedError, reasonOf, saysNoRoom } from "@counterpart/core/base/errors";

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const OTHERS = 0o077;
/** Any such file is smaller. */
export const SECRET_FILE_BYTES_MAX = 4096;
/** Windows has no mode bits; its files inherit the access list of the folder. */
const HAS_MODES = process.platform !== "win32";

/**
 * Writes a file (mode 0600) so that a crash leaves the whole of it or nothing.
 * @throws CodedError `STORE_WRITE_FAILED` when the disk has no room, else `DATA_DIR_UNUSABLE`
 */
export function writeSecretFile(path: string, text: string): void {
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const file = openSync(draft, "w", FILE_MODE);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
    syncFolder(dirname(path));
  } catch (error) {
    if (existsSync(draft)) rmSync(draft);
    const code = saysNoRoom(error) ? "STORE_WRITE_FAILED" : "DATA_DIR_UNUSABLE";
    throw new CodedError(code, `the key file ${path} cannot be written: ${reasonOf(error)}`, { path });
  }
}

/** Makes the names in the folder durable. */
export function syncFolder(path: string): void {
  if (!HAS_MODES) return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Undefined when it is larger than any such file. */
function readSmallFile(path: string): string | undefined {
  return statSync(path).size > SECRET_FILE_BYTES_MAX ? undefined : readFileSync(path, "utf8");
}

/** @throws CodedError `DATA_DIR_UNUSABLE`, or `STORE_CORRUPT` when it is larger than any such file */
export function readSecretFile(path: string): string {
  try {
    const text = readSmallFile(path);
    if (text !== undefined) return text;
    throw damagedFile(path, "it is too large");
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError("DATA_DIR_UNUSABLE", `the key file ${path} cannot be read: ${reasonOf(error)}`, { path });
  }
}

/**
 * The password in a file, which is its one line.
 * @throws CodedError `INVALID_CONFIG`
 */
export function readPassword(path: string): string {
  const invalid = (why: string) => new CodedError("INVALID_CONFIG", `--keystore-password-file ${path}: ${why}`);
  let text: string | undefined;
  try {
    text = readSmallFile(path);
  } catch (error) {
    throw invalid(`it cannot be read: ${reasonOf(error)}`);
  }
  if (text === undefined) throw invalid("it is too large");
  const password = text.replace(/\r?\n$/, "");
  if (password === "") throw invalid("it holds no password");
  if (/[\r\n]/.test(password)) throw invalid("it holds more than one line");
  return password;
}

/**
 * The bytes kept in a file, made and kept there when there is none yet.
 * @throws CodedError `STORE_CORRUPT`, `DATA_DIR_UNUSABLE`, `STORE_WRITE_FAILED`
 */
export async function openSecret(path: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  if (!existsSync(path)) {
    const bytes = await make();
    writeSecretFile(path, `${bytesToHex(bytes)}\n`);
    return bytes;
  }
  closeToOthers(path, "file");
  const text = readSecretFile(path).trim();
  if (!isHex(text) || text.length === 2) throw damagedFile(path, "it does not hold 0x and hexadecimal digits");
  return hexToBytes(text);
}

export function damagedFile(path: string, why: string): CodedError {
  const message = `the key file ${path} is damaged: ${why}; restore it from a backup, or move it away`;
  return new CodedError("STORE_CORRUPT", message, { path });
}

/** Whether others may do anything with a file. One that is not there is closed. */
export function isOpenToOthers(path: string): boolean {
  return HAS_MODES && ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & OTHERS) !== 0;
}

/**
 * Takes away what others may do with a key file or the folder of keys. Returns whether there was anything to take.
 * @throws CodedError `DATA_DIR_UNUSABLE` when it cannot be taken away
 */
export function closeToOthers(path: string, kind: "file" | "folder"): boolean {
  try {
    if (!isOpenToOthers(path)) return false;
    chmodSync(path, kind === "file" ? FILE_MODE : FOLDER_MODE);
    return true;
  } catch (error) {
    const message = `${path} holds private keys and cannot be closed to other users: ${reasonOf(error)}`;
    throw new CodedError("DATA_DIR_UNUSABLE", message, { path });
  }
}
