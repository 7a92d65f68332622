/** What a deployment sends, and the artifact that it will have. */

import { concatBytes, type Hex, hexToBytes, isHex, utf8ToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { MAX_INITCODE_BYTES } from "@counterpart/core/chain/rules";
import { encodeContent } from "@counterpart/core/sync/artifact-content";
import type { ArtifactContent } from "@counterpart/core/sync/artifact-types";
import { type ContractAbi, parseContractAbi } from "./abi.ts";
import { encodeParams, invalidParameter, toAmount } from "./params.ts";
import nftTemplate from "./templates/nft.json" with { type: "json" };
import tokenTemplate from "./templates/token.json" with { type: "json" };
import type { CustomRequest, DeployRequest } from "./types.ts";

export interface Deployment {
  /** Creation code and arguments. */
  readonly data: Uint8Array;
  readonly value: bigint;
  readonly abi: ContractAbi;
  /** Canonical content of the artifact. */
  readonly content: Uint8Array;
}

type TokenRequest = Extract<DeployRequest, { contractType: "token" }>;
type NftRequest = Extract<DeployRequest, { contractType: "nft" }>;
/** What can be deployed without asking a compiler. */
export type PreparedRequest = TokenRequest | NftRequest | CustomRequest;

const NAME_BYTES_MAX = 256;
const SYMBOL_BYTES_MAX = 64;
const URI_BYTES_MAX = 2_048;
const DECIMALS_DEFAULT = 18;

const tokenAbi = parseContractAbi(tokenTemplate.abi);
const tokenCode = hexToBytes(tokenTemplate.bytecode);
const nftAbi = parseContractAbi(nftTemplate.abi);
const nftCode = hexToBytes(nftTemplate.bytecode);

function checkText(text: string, parameter: string, bytesMax: number): void {
  if (text === "") throw invalidParameter(parameter, "string", "is empty");
  if (!text.isWellFormed()) throw invalidParameter(parameter, "string", "is not well-formed text");
  if (utf8ToBytes(text).length > bytesMax)
    throw invalidParameter(parameter, "string", `is longer than ${bytesMax} bytes`);
}

/** Code must fit with its arguments (EIP-3860). */
function initcode(code: Uint8Array, args: Uint8Array): Uint8Array {
  const data = concatBytes(code, args);
  if (data.length <= MAX_INITCODE_BYTES) return data;
  throw new CodedError("INVALID_BYTECODE", `code and arguments have more than ${MAX_INITCODE_BYTES} bytes (EIP-3860)`);
}

function prepareToken(request: TokenRequest, owner: Hex): Deployment {
  const { name, symbol, decimals = DECIMALS_DEFAULT } = request;
  checkText(name, "name", NAME_BYTES_MAX);
  checkText(symbol, "symbol", SYMBOL_BYTES_MAX);
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > 255) {
    throw invalidParameter("decimals", "uint8", `${decimals} is not a whole number from 0 to 255`);
  }
  const cap = toAmount(request.cap, "cap");
  const supply = toAmount(request.initialSupply, "initial_supply");
  if (cap > 0n && supply > cap)
    throw invalidParameter("initial_supply", "uint256", `${supply} is above the cap ${cap}`);
  const content: ArtifactContent = {
    contractType: "token",
    name,
    symbol,
    decimals,
    ...(cap > 0n && { cap: cap.toString() }),
    abi: tokenTemplate.abi,
  };
  const args = [name, symbol, String(decimals), String(cap), String(supply), owner];
  return {
    data: initcode(tokenCode, encodeParams(tokenAbi.constructorInputs, args)),
    value: 0n,
    abi: tokenAbi,
    content: encodeContent(content),
  };
}

function prepareNft(request: NftRequest, owner: Hex): Deployment {
  const { name, symbol, baseUri = "" } = request;
  checkText(name, "name", NAME_BYTES_MAX);
  checkText(symbol, "symbol", SYMBOL_BYTES_MAX);
  if (baseUri !== "") checkText(baseUri, "base_uri", URI_BYTES_MAX);
  const cap = toAmount(request.cap, "cap");
  const content: ArtifactContent = {
    contractType: "nft",
    name,
    symbol,
    ...(cap > 0n && { cap: cap.toString() }),
    abi: nftTemplate.abi,
  };
  const args = [name, symbol, baseUri, String(cap), owner];
  return {
    data: initcode(nftCode, encodeParams(nftAbi.constructorInputs, args)),
    value: 0n,
    abi: nftAbi,
    content: encodeContent(content),
  };
}

function prepareCustom(request: CustomRequest): Deployment {
  const { bytecode, name, symbol } = request;
  if (!isHex(bytecode) || bytecode.length === 2) {
    throw new CodedError("INVALID_BYTECODE", "the bytecode is not 0x and an even number of hexadecimal digits");
  }
  if (name !== undefined) checkText(name, "name", NAME_BYTES_MAX);
  if (symbol !== undefined) checkText(symbol, "symbol", SYMBOL_BYTES_MAX);
  const abi = parseContractAbi(request.abi);
  const value = toAmount(request.value, "value");
  if (value > 0n && !abi.constructorPayable)
    throw invalidParameter("value", "uint256", "the constructor takes no value");
  const content: ArtifactContent = {
    contractType: "custom",
    ...(name !== undefined && { name }),
    ...(symbol !== undefined && { symbol }),
    abi: request.abi,
  };
  return {
    data: initcode(hexToBytes(bytecode), encodeParams(abi.constructorInputs, request.args)),
    value,
    abi,
    content: encodeContent(content),
  };
}

/**
 * Checks a request and encodes it.
 * @param owner who deploys; a template's roles and initial supply go to it
 * @throws CodedError `INVALID_PARAMETER`, `MISSING_PARAMETER`, `UNKNOWN_PARAMETER`, `INVALID_BYTECODE`, `INVALID_ABI`,
 * `INVALID_ARTIFACT` when the artifact would be too large
 */
export function prepareDeployment(request: PreparedRequest, owner: Hex): Deployment {
  switch (request.contractType) {
    case "token":
      return prepareToken(request, owner);
    case "nft":
      return prepareNft(request, owner);
    case "custom":
      return prepareCustom(request);
  }
}
