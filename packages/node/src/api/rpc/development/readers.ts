/** Values as the helpers of development tools send them: quantities, and JSON numbers where a person calls. */

import type { JsonValue } from "../../json.ts";
import { badValue, readQuantity, readSafeQuantity } from "../params.ts";

const isWhole = (value: JsonValue): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

/** A number that JavaScript holds exactly: a quantity, a JSON number or decimal digits. */
export function readCount(value: JsonValue): number {
  if (isWhole(value)) return value;
  if (typeof value === "string" && /^\d{1,15}$/.test(value)) return Number(value);
  if (typeof value === "number") throw badValue("expected an unsigned integer");
  return readSafeQuantity(value);
}

/** An amount of up to 256 bits, in the same forms. */
export function readAmount(value: JsonValue): bigint {
  if (isWhole(value)) return BigInt(value);
  if (typeof value === "string" && /^\d{1,77}$/.test(value)) return BigInt(value);
  if (typeof value === "number") throw badValue("expected an unsigned integer");
  return readQuantity(value);
}
