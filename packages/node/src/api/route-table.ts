/** Which methods a path has, so that a wrong method is told from an unknown path. */

import type { FastifyInstance } from "fastify";

export interface RouteTable {
  /** Methods of the routes that match a path, without query; empty for an unknown path. */
  methodsOf(path: string): readonly string[];
}

function patternOf(url: string): RegExp {
  const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const parts = url.split("/").map((part) => {
    if (part === "*") return ".*";
    return part.startsWith(":") ? "[^/]+" : literal(part);
  });
  return new RegExp(`^${parts.join("/")}$`);
}

/** Watches the routes that are registered on `server` from now on. */
export function createRouteTable(server: Pick<FastifyInstance, "addHook">): RouteTable {
  const routes: { readonly pattern: RegExp; readonly method: string }[] = [];
  server.addHook("onRoute", (route) => {
    const pattern = patternOf(route.url);
    for (const method of [route.method].flat()) routes.push({ pattern, method });
  });
  return {
    methodsOf: (path) => [...new Set(routes.filter((r) => r.pattern.test(path)).map((r) => r.method))],
  };
}
