import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptLog } from './attempt-log.ts';
import { CONTROL_PATH, handleControl } from './control.ts';
import { tooLong } from './errors.ts';
import type { Faults } from './faults.ts';
import type { Random } from './generate/random.ts';
import type { ApiAnswer, ApiHandler } from './handler.ts';

/** Above the longest valid request: a page token of 131,072 characters and the other fields. */
const MAX_BODY_BYTES = 1024 * 1024;

export interface HttpOptions {
  readonly handler: ApiHandler;
  readonly attempts: AttemptLog;
  readonly faults: Faults;
  readonly random: Random;
  /** The mean time to a response; each differs by up to a fifth. */
  readonly latencyMs: number;
  /** The delay of the fault `slow`. */
  readonly slowMs: number;
}

/** The HTTP server: the service's API at `POST /`, and the control paths. */
export function createHttpServer(options: HttpOptions): Server {
  const server = createServer((request, response) => {
    respond(options, request, response).catch((error: unknown) => {
      response.destroy();
      // A client may disconnect while it sends. Any other error is a defect of the simulator.
      if (request.complete) throw error;
    });
  });
  // Longer than clients keep idle connections, so that no request meets a closing connection.
  server.keepAliveTimeout = 120_000;
  return server;
}

async function respond(
  options: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { attempts, handler } = options;
  const path = request.url ?? '/';
  if (path.startsWith(CONTROL_PATH)) {
    handleControl(
      options,
      path,
      request.method ?? 'GET',
      (await readBody(request)) ?? '',
      response,
    );
    return;
  }
  const since = performance.now();
  const sequence = attempts.arrive({ at: performance.timeOrigin + since, since });
  const id = randomUUID();
  const body = await readBody(request);
  if (body === undefined) {
    send(response, id, toSend(handler.refuse(sequence, tooLong())));
    return;
  }
  const answer = toSend(
    handler.answer({
      id,
      sequence,
      authorization: request.headers.authorization,
      target: request.headers['x-amz-target'] as string | undefined,
      body,
    }),
  );
  const delay = chooseDelay(options, answer);
  if (delay > 0) await sleep(delay);
  if (answer.cut === 'before') response.destroy();
  else send(response, id, answer);
}

/** A response with its body as bytes. */
type ToSend = Omit<ApiAnswer, 'body'> & { readonly body: Buffer };

/**
 * Flattens the body before a delayed response waits. A page is concatenated from thousands of
 * strings, and keeping those of all waiting responses took most of the server's time.
 */
function toSend(answer: ApiAnswer): ToSend {
  return { ...answer, body: Buffer.from(answer.body, 'utf8') };
}

function chooseDelay({ latencyMs, slowMs, random }: HttpOptions, answer: ToSend): number {
  const latency = latencyMs === 0 ? 0 : latencyMs * (0.8 + 0.4 * random.fraction());
  return latency + (answer.slow ? slowMs : 0);
}

function send(response: ServerResponse, id: string, answer: ToSend): void {
  const bytes = answer.body;
  const headers: Record<string, string | number> = {
    'Content-Type': 'application/x-amz-json-1.1',
    'Content-Length': bytes.length,
    'x-amzn-RequestId': id,
  };
  if (answer.error !== undefined) {
    headers['x-amzn-ErrorType'] = `${answer.error.type}:`;
    // A header must be short ASCII text without line breaks. The body has the message anyway.
    if (/^[ -~]{0,1000}$/.test(answer.error.message)) {
      headers['x-amzn-ErrorMessage'] = answer.error.message;
    }
  }
  response.writeHead(answer.status, headers);
  if (answer.cut === undefined) response.end(bytes);
  else response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
}

/** The body as text; undefined if it is too long for a valid request. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read to the end even so: the client would not see a response before.
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size <= MAX_BODY_BYTES ? Buffer.concat(chunks).toString('utf8') : undefined;
}
