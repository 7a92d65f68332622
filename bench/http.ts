/** The little of HTTP that the benchmarks need. */

export interface Json {
  readonly [key: string]: unknown;
}

async function request(url: string, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    throw new Error(`no answer to ${init.method ?? "GET"} ${url}`, { cause });
  }
}

async function read(url: string, response: Response): Promise<Json> {
  const body = (await response.json()) as Json;
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${JSON.stringify(body)}`);
  return body;
}

export const getJson = async (url: string): Promise<Json> => read(url, await request(url));

/** Undefined where the answer is a problem, as while a node is not ready. */
export async function answerOf(url: string): Promise<Json | undefined> {
  const response = await request(url);
  const body = (await response.json()) as Json;
  return response.ok ? body : undefined;
}

export async function postJson(url: string, body: unknown): Promise<Json> {
  const headers = { "content-type": "application/json" };
  return read(url, await request(url, { method: "POST", headers, body: JSON.stringify(body) }));
}
