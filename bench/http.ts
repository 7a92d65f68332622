/**
 * The little of HTTP that the benchmarks need, on connections that stay open. `fetch` takes three times as long for a request
 * as a node does to answer it: what is measured would be the client.
 */

import { Agent, request as httpRequest, type IncomingMessage } from "node:http";

export interface Json {
  readonly [key: string]: unknown;
}

interface Answer {
  readonly status: number;
  readonly json: Json;
}

const agent = new Agent({ keepAlive: true });

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function send(url: string, method: string, body: string | undefined): Promise<IncomingMessage> {
  const headers =
    body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, agent, headers }, resolve);
    request.on("error", (error: NodeJS.ErrnoException) => {
      // The node had given up a connection on which nothing came for a while: it has not seen the request.
      if (request.reusedSocket && error.code === "ECONNRESET") resolve(send(url, method, body));
      else reject(error);
    });
    request.end(body);
  });
}

async function ask(url: string, method: string, body?: string): Promise<Answer> {
  try {
    const response = await send(url, method, body);
    return { status: response.statusCode ?? 0, json: JSON.parse(await textOf(response)) as Json };
  } catch (cause) {
    throw new Error(`no answer to ${method} ${url}`, { cause });
  }
}

const isGood = ({ status }: Answer): boolean => status >= 200 && status < 300;

function read(url: string, answer: Answer): Json {
  if (!isGood(answer)) throw new Error(`${url} answered ${answer.status}: ${JSON.stringify(answer.json)}`);
  return answer.json;
}

export const getJson = async (url: string): Promise<Json> => read(url, await ask(url, "GET"));

/** Undefined where the answer is a problem, as while a node is not ready. */
export async function answerOf(url: string): Promise<Json | undefined> {
  const answer = await ask(url, "GET");
  return isGood(answer) ? answer.json : undefined;
}

export const postJson = async (url: string, body: unknown): Promise<Json> =>
  read(url, await ask(url, "POST", JSON.stringify(body)));
