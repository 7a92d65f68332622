/**
 * A hostile peer: it speaks the real codec and lies, as the dice fall. It knows what honest nodes hold better than any
 * real attacker could, so that every lie is aimed.
 */

import { encodeBlock } from "@counterpart/core/chain/block";
import type { Block } from "@counterpart/core/chain/types";
import { POA_RULES_ID } from "@counterpart/core/consensus/poa";
import type { Link, LinkHandlers } from "@counterpart/core/ports/network";
import { FRAME_BYTES_MAX, OWN_LIMITS } from "@counterpart/core/sync/limits";
import { isRequest, type Message, type Status, type VersionMessage } from "@counterpart/core/sync/message-types";
import { decodeMessage, encodeMessage } from "@counterpart/core/sync/messages";
import { PROTOCOL_VERSIONS } from "@counterpart/core/sync/messages-session";
import type { Court } from "./court.ts";
import type { Dice } from "./dice.ts";
import { type Branch, createForger, type Forger, madeUpHash } from "./forger.ts";
import { type Lie, type Occasion, told } from "./lie.ts";
import { createLies, type Lies } from "./lies.ts";
import { addressOf } from "./network.ts";
import type { Life, SimNode, World } from "./node.ts";
import { createStateLiar, type Subject } from "./state-lies.ts";

export interface HostilePeer {
  readonly name: string;
  readonly aims: "everybody" | "takers";
  /** `wild`: it says what it likes; `tame`: nothing of what it makes is valid; `resting`: it keeps its links and says no more. */
  mood: "wild" | "tame" | "resting";
  start(): void;
  /** Tells one node one lie, or comes back to one that it is not linked with. */
  step(): void;
  /** Dials a node that it is not linked with. */
  return(node: SimNode): void;
  /** Shows a node a block under a forged seal; false where the node does not take it for a peer. */
  confess(node: SimNode): Promise<boolean>;
  stop(): void;
}

export interface HostileDeps {
  readonly name: string;
  /** What it lies about, to those alone who take state over; without it, about everything to everybody. */
  readonly subject: Subject | undefined;
  readonly nodes: readonly SimNode[];
  readonly world: World;
  readonly dice: Dice;
  readonly court: Court;
  readonly onFailure: (error: unknown) => void;
}

/** A link to an honest node, and what was said on it. */
interface Contact {
  readonly node: SimNode;
  readonly link: Link;
  /** Whether the node has said that it takes this peer for one. */
  admitted: boolean;
  /** Says and answers nothing any more. */
  silent: boolean;
  sequence: number;
  claim: Pick<Status, "head" | "artifacts"> | undefined;
  branch: Branch | undefined;
  /** Requests for blocks since headers were last asked for. */
  asked: number;
}

const STATUS_MS = 2_000;
const FLOOD = 300;

const announcementOf = (block: Block): Message => ({ type: "NewBlock", kind: "block", block: encodeBlock(block) });

interface MischiefDeps extends Pick<HostileDeps, "dice" | "court" | "onFailure"> {
  readonly forger: Forger;
  readonly lies: Lies;
  readonly isTame: () => boolean;
  sayStatus(contact: Contact): void;
  tell(contact: Contact, lie: Lie): void;
  occasionOf(contact: Contact, life: Life): Occasion;
  /** A node that executes: the one spoken to, or another where that one takes state over. */
  modelFor(node: SimNode): SimNode;
  versionFor(contact: Contact, life: Life): VersionMessage;
}

/** What a hostile peer may do next, likelier things more than once. */
function createMischief(deps: MischiefDeps): readonly ((contact: Contact) => void)[] {
  const { dice, court, forger, lies, isTame, sayStatus, tell, occasionOf, modelFor, versionFor, onFailure } = deps;
  const claimBranch = async (contact: Contact): Promise<Branch> => {
    const depth = dice.below(4);
    // What is valid of it may become the chain: that is what an open chain is.
    const valid = isTame() ? Math.max(0, depth - 1) : dice.below(depth + 9);
    const forgery = dice.chance(0.5) ? "seal" : "root";
    const branch = await forger.branch(modelFor(contact.node), { depth, valid, forgery });
    const { hash, number } = branch.tip;
    contact.branch = branch;
    contact.sequence++;
    const artifacts = modelFor(contact.node).life?.contracts.artifacts();
    if (artifacts !== undefined) contact.claim = { head: { hash, number: number + dice.below(100) }, artifacts };
    return branch;
  };
  const offerBranch = (contact: Contact): void => {
    claimBranch(contact).then(() => sayStatus(contact), onFailure);
  };
  const announceBranch = (contact: Contact): void => {
    claimBranch(contact).then(({ blocks }) => {
      for (const block of blocks) {
        tell(contact, told("forged branch announced", announcementOf(block)));
      }
    }, onFailure);
  };
  const claimHeight = (contact: Contact): void => {
    const { life } = contact.node;
    if (life === undefined) return;
    contact.branch = undefined;
    contact.sequence++;
    const number = life.engine.head().number + 1 + dice.below(2 ** 40);
    contact.claim = { head: { hash: madeUpHash(dice), number }, artifacts: life.contracts.artifacts() };
    court.count("lie: fake height");
    sayStatus(contact);
  };
  const claimArtifacts = (contact: Contact): void => {
    const { life } = contact.node;
    if (life === undefined) return;
    contact.sequence++;
    const { hash, number } = life.engine.head();
    const artifacts = { count: dice.below(10), digest: madeUpHash(dice), sequence: 2 ** 50 + 1 + dice.below(2 ** 40) };
    contact.claim = { head: { hash, number }, artifacts };
    court.count("lie: fake artifacts");
    sayStatus(contact);
  };
  const fallSilent = (contact: Contact): void => {
    if (!dice.chance(0.3)) return;
    contact.silent = true;
    court.count("lie: fell silent");
  };
  const tellOnce = (contact: Contact): void => {
    const { life } = contact.node;
    if (life !== undefined) tell(contact, lies.unasked(occasionOf(contact, life)));
  };
  /** The same one again and again: more than a node keeps waiting. */
  const flood = (contact: Contact): void => {
    const { life } = contact.node;
    if (life === undefined) return;
    const lie = lies.unasked(occasionOf(contact, life));
    if (lie.frame === undefined || lie.frame.length > FRAME_BYTES_MAX / 100) return;
    for (let times = 0; times < FLOOD; times++) tell(contact, { ...lie, name: "flood" });
  };
  const speakTwice = (contact: Contact): void => {
    const { life } = contact.node;
    if (life === undefined) return;
    tell(contact, told("second Version", versionFor(contact, life), "cut"));
  };
  const askNonsense = (contact: Contact): void => {
    court.count("lie: nonsense asked");
    contact.link.request(dice.bytes(20), 1_000).catch(() => {});
  };
  return [
    ...[offerBranch, offerBranch, offerBranch, announceBranch, claimArtifacts, claimArtifacts, claimHeight],
    ...[tellOnce, tellOnce, tellOnce, flood, fallSilent, speakTwice, askNonsense],
  ];
}

export function createHostilePeer({ name, subject, nodes, world, dice, court, onFailure }: HostileDeps): HostilePeer {
  const aims = subject === undefined ? "everybody" : "takers";
  const { timeline, network, genesis } = world;
  const place = network.join(name);
  const forger = createForger({ ...world, name, dice, forgeries: court.forgeries });
  const lies = createLies(name, dice, forger, court.forgeries);
  const answers = subject === undefined ? lies.answer : createStateLiar(name, subject, dice, court.forgeries);
  const contacts = new Map<string, Contact>();
  let stopped = false;

  const modelFor = (node: SimNode): SimNode => {
    if (node.role === "full") return node;
    const executing = nodes.filter(({ role, life }) => role === "full" && life !== undefined);
    return executing[0] ?? (nodes[0] as SimNode);
  };
  const statusFor = (contact: Contact, own: Life): Status => {
    const life = modelFor(contact.node).life ?? own;
    const { hash, number } = life.engine.head();
    const { head, artifacts } = contact.claim ?? { head: { hash, number }, artifacts: life.contracts.artifacts() };
    return {
      ...{ sequence: contact.sequence, head, artifacts, applied: 2 ** 50, reinjecting: 0 },
      certifiedHead: { hash: life.engine.genesisHash, number: 0 },
      clockMs: own.clock.now(),
    };
  };
  const versionFor = (contact: Contact, life: Life): VersionMessage => ({
    ...{ type: "Version", protocolVersions: PROTOCOL_VERSIONS, chainId: genesis.chainId, forkRulesId: POA_RULES_ID },
    ...{ genesisHash: life.engine.genesisHash, consensus: "poa", instanceId: name, earliestBlock: 0, role: "full" },
    ...{ limits: OWN_LIMITS, codecs: [], client: name, explicit: dice.chance(0.5), status: statusFor(contact, life) },
  });
  const say = ({ link }: Contact, message: Message): boolean => link.send(encodeMessage(message));
  const sayStatus = (contact: Contact): void => {
    const { life } = contact.node;
    if (life !== undefined && !contact.silent) say(contact, { type: "Status", ...statusFor(contact, life) });
  };
  const sayNews = (contact: Contact): void => {
    contact.sequence++;
    sayStatus(contact);
  };
  const tell = (contact: Contact, lie: Lie): void => {
    if (lie.frame === undefined) return;
    court.told(lie.frame, lie);
    contact.link.send(lie.frame);
  };
  const occasionOf = (contact: Contact, life: Life): Occasion => ({
    ...contact,
    life: modelFor(contact.node).life ?? life,
    instanceId: name,
  });

  const answer = (contact: Contact, frame: Uint8Array): Promise<Uint8Array> => {
    const request = decodeMessage(frame);
    const { life } = contact.node;
    const isSilent = contact.silent || self.mood === "resting";
    const isDeaf = modelFor(contact.node).life === undefined;
    if (life === undefined || isDeaf || isSilent || !isRequest(request)) return new Promise(() => {});
    if (request.type === "GetHeaders") contact.asked = 0;
    if (request.type === "GetBlocks") contact.asked++;
    const lie = answers(occasionOf(contact, life), request);
    if (lie.leave === true) void contact.link.close();
    if (lie.frame === undefined) {
      court.count(`lie: ${lie.name}`);
      return new Promise(() => {});
    }
    court.told(lie.frame, lie);
    return Promise.resolve(lie.frame);
  };
  const onFrame = (contact: Contact, frame: Uint8Array): void => {
    const message = decodeMessage(frame);
    if (message.type === "Status") contact.admitted = true;
    if (message.type === "Goodbye") court.count(`goodbye ${message.code} to a hostile peer`);
  };
  const accept = (link: Link): LinkHandlers => {
    const node = nodes.find((one) => one.name === link.peerId) as SimNode;
    const contact: Contact = {
      ...{ node, link, admitted: false, silent: false, sequence: 1, asked: 0 },
      ...{ claim: undefined, branch: undefined },
    };
    contacts.set(node.name, contact);
    if (node.life !== undefined) say(contact, versionFor(contact, node.life));
    sayStatus(contact);
    return {
      onFrame: (frame) => onFrame(contact, frame),
      onRequest: (frame) => answer(contact, frame),
      onClose: () => {
        if (contacts.get(node.name) === contact) contacts.delete(node.name);
      },
    };
  };
  /** A node that crashed has left its link open here. */
  const contactWith = (node: SimNode): Contact | undefined =>
    network.linkOf(node.name, name) === undefined ? undefined : contacts.get(node.name);
  const dial = (node: SimNode): void => {
    court.count("hostile peer dialled");
    // Nobody may be there, or the way may be blocked: it comes again.
    place.dial(addressOf(node.name), new AbortController().signal).catch(() => {});
  };

  const kinds = createMischief({
    ...{ dice, court, forger, lies, sayStatus, tell, occasionOf, modelFor, versionFor, onFailure },
    isTame: () => self.mood === "tame",
  });
  const heartbeat = (): void => {
    if (stopped) return;
    for (const contact of contacts.values()) sayStatus(contact);
    timeline.at(STATUS_MS, heartbeat);
  };
  const self: HostilePeer = {
    ...{ name, aims },
    mood: "wild",
    start() {
      place.start(accept).catch(onFailure);
      heartbeat();
    },
    step() {
      if (self.mood === "resting") return;
      const node = dice.pick(aims === "takers" ? nodes.filter(({ role }) => role !== "full") : nodes);
      const contact = contactWith(node);
      if (contact === undefined) dial(node);
      else if (aims === "takers") sayNews(contact);
      else if (contact.admitted && node.life !== undefined && modelFor(node).life !== undefined) {
        dice.pick(kinds)(contact);
      }
    },
    return: (node) => void (contactWith(node) ?? dial(node)),
    async confess(node) {
      const contact = contactWith(node);
      if (contact?.admitted !== true) return false;
      const { blocks } = await forger.branch(node, { depth: 0, valid: 0, forgery: "seal" });
      for (const block of blocks) {
        tell(contact, told("forged block in a calm", announcementOf(block), "ban"));
      }
      return true;
    },
    stop() {
      stopped = true;
      void place.stop();
    },
  };
  return self;
}
