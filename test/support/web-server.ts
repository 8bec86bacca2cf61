import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { onTestFinished } from 'vitest';

export interface WebServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly port: number;
  /** Everything that was asked for, in order. */
  readonly requests: readonly IncomingMessage[];
}

/** A web server on a port of its own, up to the end of the test. */
export async function startWebServer(
  answer: (request: IncomingMessage, response: ServerResponse, index: number) => void,
): Promise<WebServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response, requests.length - 1);
  });
  const port = await listen(server);
  return { origin: `http://127.0.0.1:${port}`, port, requests };
}

/** @returns the port. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return (server.address() as AddressInfo).port;
}

/** Promises the whole body, sends a part of it, and hangs up. */
export function sendCut(
  response: ServerResponse,
  headers: Readonly<Record<string, string | number>>,
  status: number,
  part: Uint8Array,
): void {
  response.writeHead(status, headers);
  response.write(part, () => {
    setImmediate(() => response.destroy());
  });
}
