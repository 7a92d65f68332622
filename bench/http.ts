/** The little of HTTP that the benchmarks need. */

export interface Json {
  readonly [key: string]: unknown;
}

async function read(url: string, response: Response): Promise<Json> {
  const body = (await response.json()) as Json;
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${JSON.stringify(body)}`);
  return body;
}

export const getJson = async (url: string): Promise<Json> => read(url, await fetch(url));

/** Undefined where the answer is a problem, as while a node is not ready. */
export async function answerOf(url: string): Promise<Json | undefined> {
  const response = await fetch(url);
  const body = (await response.json()) as Json;
  return response.ok ? body : undefined;
}

export async function postJson(url: string, body: unknown): Promise<Json> {
  const headers = { "content-type": "application/json" };
  return read(url, await fetch(url, { method: "POST", headers, body: JSON.stringify(body) }));
}
