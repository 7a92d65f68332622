/** Forks as a genesis file of other clients names them. */

/** All that came before London, from the genesis on. */
export const FORKS_TO_BERLIN = {
  homesteadBlock: 0,
  eip150Block: 0,
  eip155Block: 0,
  eip158Block: 0,
  byzantiumBlock: 0,
  constantinopleBlock: 0,
  petersburgBlock: 0,
  istanbulBlock: 0,
  berlinBlock: 0,
};
