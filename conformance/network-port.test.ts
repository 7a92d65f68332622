import { createLibp2pNetwork } from "../packages/node/src/net/libp2p-network.ts";
import { createPeerKey } from "../packages/node/src/net/peer-key.ts";
import { silentLogger, systemClock } from "../packages/node/src/net/testing/real-network.ts";
import { MemoryHub } from "./memory-network.ts";
import { testNetworkPort } from "./testing/network-port-suite.ts";

const hub = new MemoryHub(systemClock);
let peers = 0;

testNetworkPort({
  name: "memory",
  async create(peersMax) {
    peers++;
    return hub.createNetwork(`peer-${peers}`, { peersMax });
  },
  closedAddress: "/memory/1000000",
});

testNetworkPort({
  name: "libp2p",
  async create(peersMax) {
    return createLibp2pNetwork({
      privateKey: await createPeerKey(),
      host: "127.0.0.1",
      port: 0,
      logger: silentLogger,
      clock: systemClock,
      peersMax,
    });
  },
  closedAddress: "127.0.0.1:1",
});
