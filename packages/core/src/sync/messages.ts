/** Messages to frames and back. Caps are checked before work: size by type, then item count, then each field. */

import { assert, CodedError } from "../base/errors.ts";
import { asList, decodeRlp, encodeRlp, rlpNumber } from "../codec/rlp.ts";
import type { Codec } from "./fields.ts";
import { FRAME_BYTES_BY_TYPE } from "./limits.ts";
import { MESSAGE_NUMBERS, type Message, type MessageOf, type MessageType } from "./message-types.ts";
import {
  blocksCodec,
  getBlocksCodec,
  getHeadersCodec,
  headersCodec,
  newBlockCodec,
  newTransactionCodec,
} from "./messages-blocks.ts";
import {
  blobsCodec,
  contractsCodec,
  getBlobsCodec,
  getContractsCodec,
  newContractCodec,
  updateContractCodec,
} from "./messages-contracts.ts";
import { errorCodec, goodbyeCodec, statusCodec, versionCodec } from "./messages-session.ts";
import { getNodesCodec, getStorageCodec, nodesCodec, storageCodec } from "./messages-state.ts";

const CODECS: { readonly [T in MessageType]: Codec<MessageOf<T>> } = {
  Version: versionCodec,
  Status: statusCodec,
  Goodbye: goodbyeCodec,
  Error: errorCodec,
  GetHeaders: getHeadersCodec,
  Headers: headersCodec,
  GetBlocks: getBlocksCodec,
  Blocks: blocksCodec,
  NewBlock: newBlockCodec,
  NewTransaction: newTransactionCodec,
  GetContracts: getContractsCodec,
  Contracts: contractsCodec,
  GetBlobs: getBlobsCodec,
  Blobs: blobsCodec,
  NewContract: newContractCodec,
  UpdateContract: updateContractCodec,
  GetStorage: getStorageCodec,
  Storage: storageCodec,
  GetNodes: getNodesCodec,
  Nodes: nodesCodec,
};

const TYPE_BY_NUMBER: ReadonlyMap<number, MessageType> = new Map(
  (Object.keys(MESSAGE_NUMBERS) as MessageType[]).map((type) => [MESSAGE_NUMBERS[type], type]),
);

/** Depth of the deepest message: frame, contracts, contract, artifact, optional field. */
const DEPTH_MAX = 6;

/**
 * The frame that carries a message.
 * @throws CodedError `INVARIANT_BROKEN` when it is larger than its type allows: the caller cuts before it encodes
 */
export function encodeMessage<T extends MessageType>(message: MessageOf<T> & { readonly type: T }): Uint8Array {
  const codec: Codec<MessageOf<T>> = CODECS[message.type];
  const frame = encodeRlp([rlpNumber(MESSAGE_NUMBERS[message.type]), ...codec.encode(message)]);
  assert(frame.length <= FRAME_BYTES_BY_TYPE[message.type], `${message.type} of ${frame.length} bytes is too large`);
  return frame;
}

/**
 * Type of a frame, read from its first bytes without decoding it.
 * @throws CodedError `BAD_MESSAGE` when it is empty, no list, or of an unknown type
 */
export function frameType(frame: Uint8Array): MessageType {
  const prefix = frame[0] ?? 0;
  const at = prefix >= 0xf8 ? 1 + (prefix - 0xf7) : 1;
  const type = prefix > 0xc0 ? TYPE_BY_NUMBER.get(frame[at] ?? 0) : undefined;
  if (type === undefined) throw new CodedError("BAD_MESSAGE", "the frame is of no known type");
  return type;
}

/**
 * The message that a frame carries. Byte fields are views into `frame`.
 * @throws CodedError `BAD_MESSAGE` (unknown type, larger than its type allows), `INVALID_RLP`, `INVALID_UTF8`,
 * `INCOMPATIBLE_VERSION` (a `Version` without a common protocol version)
 */
export function decodeMessage(frame: Uint8Array): Message {
  const type = frameType(frame);
  if (frame.length > FRAME_BYTES_BY_TYPE[type]) {
    throw new CodedError("BAD_MESSAGE", `${type} of ${frame.length} bytes is larger than allowed`);
  }
  const codec: Codec<Message> = CODECS[type];
  const [, ...fields] = asList(decodeRlp(frame, { depthMax: DEPTH_MAX, itemsMax: codec.itemsMax }), type);
  // Version comes first in any protocol version, its layout beyond the versions may differ: let its codec say so.
  if (type !== "Version") asList(fields, type, codec.fields);
  return codec.decode(fields);
}
