/** One request by HTTP at a time: proxies, credentials, redirects. */
import type { Readable } from 'node:stream';

import type { Dispatcher } from 'undici';

import { SystemError } from '../../../errors/errors.ts';
import type { InputContext } from '../byte-input.ts';
import { loginOf, nameOf } from './address.ts';
import { findLogin, type Login } from './netrc.ts';

const MAX_REDIRECTS = 10;
/** For a server to accept the connection, to begin its answer, and between any two pieces of it. */
const CONNECT_TIMEOUT_MS = 30_000;
const ANSWER_TIMEOUT_MS = 60_000;

export interface HttpAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  readonly body: Readable & AsyncIterable<Uint8Array>;
}

export class HttpClient {
  readonly #url: URL;
  readonly #login: Login | undefined;
  readonly #context: InputContext;
  readonly #agents = new Map<string, Dispatcher>();

  constructor(url: URL, context: InputContext) {
    this.#url = new URL(url);
    this.#login = loginOf(url) ?? findLogin(url.hostname, context.env ?? {});
    this.#url.username = '';
    this.#url.password = '';
    this.#url.hash = '';
    this.#context = context;
  }

  /**
   * Asks for the address, and follows redirects. Credentials go to the server of the address only.
   * @throws {SystemError} with the errno name or undici's code.
   */
  async get(headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
    let url = this.#url;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const answer = await this.#request(url, headers);
      const target = answer.header('location');
      if (![301, 302, 303, 307, 308].includes(answer.status) || target === undefined) return answer;
      answer.body.destroy();
      url = this.#redirect(url, target);
    }
    const text = `the server redirects more than ${MAX_REDIRECTS} times`;
    throw new SystemError('redirects', nameOf(this.#url), text);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map(async (agent) => agent.destroy()));
  }

  #redirect(from: URL, target: string): URL {
    const url = URL.canParse(target, from.href) ? new URL(target, from) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) {
      const text = `the server redirects to something that is not an address of http or https`;
      throw new SystemError('redirects', nameOf(this.#url), text);
    }
    url.username = '';
    url.password = '';
    if (from.protocol === 'https:' && url.protocol === 'http:') {
      this.#context.onFinding({
        level: 'warning',
        code: 'source.downgrade',
        text: `${nameOf(from)} redirects to ${nameOf(url)}: anyone on the way can change what is sent`,
      });
    }
    this.#context.onDebug(`${nameOf(from)}: redirected to ${nameOf(url)}`);
    return url;
  }

  async #request(url: URL, headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
    const { request } = await import('undici');
    try {
      const answer = await request(url, {
        dispatcher: await this.#agentFor(url.protocol),
        signal: this.#context.signal,
        headers: {
          // Compressed files must arrive as they are.
          'accept-encoding': 'identity',
          'user-agent': 'bmap-cli',
          ...headers,
          ...(url.origin === this.#url.origin && this.#authorization()),
        },
      });
      // A body that nobody wants any more fails; whoever reads one sees its failure all the same.
      answer.body.on('error', () => {});
      return {
        status: answer.statusCode,
        header: (name) => [answer.headers[name]].flat()[0],
        body: answer.body as unknown as HttpAnswer['body'],
      };
    } catch (error) {
      this.#context.signal.throwIfAborted();
      throw fromHttpError(error, nameOf(url));
    }
  }

  #authorization(): { authorization?: string } {
    if (this.#login === undefined) return {};
    const { user, password } = this.#login;
    return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
  }

  /** The proxy of one scheme is not for the other, as undici would have it. */
  async #agentFor(protocol: string): Promise<Dispatcher> {
    const known = this.#agents.get(protocol);
    if (known !== undefined) return known;
    const { EnvHttpProxyAgent } = await import('undici');
    const env = this.#context.env ?? {};
    const variable = `${protocol.slice(0, -1)}_proxy`;
    const proxy = withScheme(env[variable] ?? env[variable.toUpperCase()] ?? '');
    const agent = new EnvHttpProxyAgent({
      httpProxy: proxy,
      httpsProxy: proxy,
      noProxy: env['no_proxy'] ?? env['NO_PROXY'] ?? '',
      // Plain requests are not tunnelled: many proxies allow tunnels to port 443 only.
      proxyTunnel: false,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: ANSWER_TIMEOUT_MS,
    });
    this.#agents.set(protocol, agent);
    return agent;
  }
}

/** The text of an error may be empty, or have several in it; the code says what it is. */
export function fromHttpError(error: unknown, name: string): SystemError {
  const { code, message } = error as NodeJS.ErrnoException;
  const text = message === '' ? 'the connection failed' : message;
  return new SystemError(code ?? 'connection', name, `${code ?? 'connection'}: ${text}`, {
    cause: error,
  });
}

/** `proxy:3128` is common, and means http. */
function withScheme(proxy: string): string {
  return proxy === '' || /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}
