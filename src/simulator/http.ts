import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptLog } from './attempt-log.ts';
import { answerControl, CONTROL_PATH } from './control.ts';
import { tooLong } from './errors.ts';
import type { Faults } from './faults.ts';
import type { Random } from './generate/random.ts';
import type { ApiAnswer, ApiHandler } from './handler.ts';

/** More than the longest legal request: 131,072 characters of page token, and the rest. */
const MAX_BODY_BYTES = 1024 * 1024;

export interface HttpOptions {
  readonly handler: ApiHandler;
  readonly attempts: AttemptLog;
  readonly faults: Faults;
  readonly random: Random;
  /** The mean time to an answer; each differs from it by up to a fifth. */
  readonly latencyMs: number;
  /** What the fault `slow` adds. */
  readonly slowMs: number;
}

/** The HTTP side: the service's API at `POST /`, and the simulator's own paths. */
export function createHttpServer(options: HttpOptions): Server {
  const server = createServer((request, response) => {
    respond(options, request, response).catch((error: unknown) => {
      response.destroy();
      // A client that goes away while it sends is no fault of this program; all else is.
      if (request.complete) throw error;
    });
  });
  // Longer than any client keeps an idle connection, so that none is closed under a request.
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
    answerControl(
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
  const delay = delayOf(options, answer);
  if (delay > 0) await sleep(delay);
  if (answer.cut === 'before') response.destroy();
  else send(response, id, answer);
}

/** An answer whose body is bytes. */
type ToSend = Omit<ApiAnswer, 'body'> & { readonly body: Buffer };

/**
 * Makes the body one piece before the answer waits: the text of a page is thousands of strings put
 * together, and to keep those of every answer that waits took most of this server's time.
 */
function toSend(answer: ApiAnswer): ToSend {
  return { ...answer, body: Buffer.from(answer.body, 'utf8') };
}

function delayOf({ latencyMs, slowMs, random }: HttpOptions, answer: ToSend): number {
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
    // A header holds no line breaks and no text beyond ASCII, and clients bound its length; the
    // body has the message anyway.
    if (/^[ -~]{0,1000}$/.test(answer.error.message)) {
      headers['x-amzn-ErrorMessage'] = answer.error.message;
    }
  }
  response.writeHead(answer.status, headers);
  if (answer.cut === undefined) response.end(bytes);
  else response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
}

/** The body as text; undefined where it is longer than any legal one. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read to its end all the same, or the client would not see the answer.
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size <= MAX_BODY_BYTES ? Buffer.concat(chunks).toString('utf8') : undefined;
}
