/** What one request over JSON-RPC may cost. */

export interface RpcLimits {
  /** Bytes of a request, a whole batch included. */
  readonly requestBytesMax: number;
  /** Requests of a batch; the default as in go-ethereum and viem. */
  readonly batchMax: number;
  /** Characters of an answer, a whole batch included. */
  readonly responseCharactersMax: number;
  /** Time after which a request, a whole batch included, is answered with an error; what runs already runs on. */
  readonly timeoutMs: number;
  /** Gas of a call, an estimate, or all calls of a simulation; the default as in go-ethereum. */
  readonly gasMax: number;
}

export const RPC_LIMITS: RpcLimits = {
  requestBytesMax: 1024 * 1024,
  batchMax: 1_000,
  responseCharactersMax: 16 * 1024 * 1024,
  timeoutMs: 120_000,
  gasMax: 50_000_000,
};
