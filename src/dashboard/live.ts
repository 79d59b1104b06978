import { setTimeout as sleep } from 'node:timers/promises';
import type { Right } from './session.ts';

/** An element of the overview: its id, and what it holds. */
export type Parts = Readonly<Record<string, string>>;

/** What viewers see, by their right; only of the rights that were asked for. */
type PartsByRight = Readonly<Partial<Record<Right, Parts>>>;

/** Renders what viewers with these rights see. Called every two seconds while somebody watches. */
export type RenderParts = (rights: ReadonlySet<Right>) => Promise<PartsByRight>;

/** Renders what all viewers see after a reading failed. */
export type RenderProblem = () => Promise<Parts>;

const POLL_MS = 2_000;
/** Connections are cut after 7 s of silence. */
const COMMENT_MS = 5_000;
/** Of 100 connections: probes, scrapes and pages need some too. */
const MOST_VIEWERS = 60;
/** Then the browser connects again, and its session is checked again. */
const LIFE_MS = 10 * 60_000;
/** The time for a reading when the server closes: Postgres may never answer it. */
const GRACE_MS = 500;
/** A viewer that does not read is cut off after so many unread messages. */
const MOST_UNREAD = 16;

const encoder = new TextEncoder();
const OPEN = encoder.encode(': open\n\n');
const COMMENT = encoder.encode(': \n\n');

/** A part as an event, encoded once for all viewers. */
interface Message {
  readonly id: string;
  readonly html: string;
  readonly bytes: Uint8Array;
}

type MessagesByRight = Readonly<Record<Right, readonly Message[] | undefined>>;

interface Viewer {
  readonly right: Right;
  readonly until: number;
  /** What it was sent, by id. */
  readonly seen: Map<string, string>;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
}

/** Server-sent events for everybody who watches: one reading of Postgres for all of them. */
export class LiveFeed {
  readonly #render: RenderParts;
  readonly #renderProblem: RenderProblem;
  readonly #onError: (error: unknown) => void;
  readonly #viewers = new Set<Viewer>();
  #timers: NodeJS.Timeout[] = [];
  #polling: Promise<void> | null = null;
  /** What viewers were shown last, so that a new one costs no reading. */
  #newest: { readonly messages: MessagesByRight; readonly at: number } | null = null;
  #isClosed = false;

  /** @param onError gets an error of a reading; the next one may succeed. */
  constructor(
    render: RenderParts,
    renderProblem: RenderProblem,
    onError: (error: unknown) => void,
  ) {
    this.#render = render;
    this.#renderProblem = renderProblem;
    this.#onError = onError;
  }

  /** How many watch. */
  get viewers(): number {
    return this.#viewers.size;
  }

  /** The stream of one viewer, for a body; null if there are too many. */
  open(right: Right): ReadableStream<Uint8Array> | null {
    if (this.#isClosed || this.#viewers.size >= MOST_VIEWERS) return null;
    let viewer: Viewer;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const until = performance.now() + LIFE_MS;
        viewer = { right, until, seen: new Map(), controller };
        this.#viewers.add(viewer);
        this.#send(viewer, OPEN);
        this.#start(viewer);
      },
      cancel: () => this.#remove(viewer),
    });
  }

  /** Ends all streams, and waits for a reading for half a second at most. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const viewer of this.#viewers) this.#end(viewer);
    this.#stop();
    const done = new AbortController();
    const grace = sleep(GRACE_MS, undefined, { signal: done.signal }).catch(() => {});
    await Promise.race([this.#polling, grace]);
    done.abort();
  }

  /** Shows a new viewer what others were shown within the last two seconds, or else reads. */
  #start(viewer: Viewer): void {
    if (this.#timers.length === 0) {
      this.#timers = [
        setInterval(() => this.#poll(), POLL_MS),
        setInterval(() => this.#comment(), COMMENT_MS),
      ];
    }
    const newest = this.#newest;
    const isRecent = newest !== null && performance.now() - newest.at < POLL_MS;
    const messages = isRecent ? newest.messages[viewer.right] : undefined;
    if (messages === undefined) this.#poll();
    else this.#show(viewer, messages);
  }

  #stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  #poll(): void {
    this.#polling ??= this.#push()
      .catch(this.#onError)
      .finally(() => {
        this.#polling = null;
      });
  }

  async #push(): Promise<void> {
    const rights = new Set([...this.#viewers].map(({ right }) => right));
    if (rights.size === 0) return;
    const parts = await this.#render(rights).catch(async (error: unknown) => {
      this.#onError(error);
      const problem = await this.#renderProblem();
      return { act: problem, view: problem };
    });
    const messages = { act: toMessages(parts.act), view: toMessages(parts.view) };
    this.#newest = { messages, at: performance.now() };
    for (const viewer of this.#viewers) this.#show(viewer, messages[viewer.right] ?? []);
  }

  /** Sends the parts that differ from what the viewer has. */
  #show(viewer: Viewer, messages: readonly Message[]): void {
    for (const { id, html, bytes } of messages) {
      if (viewer.seen.get(id) === html) continue;
      viewer.seen.set(id, html);
      this.#send(viewer, bytes);
    }
  }

  #comment(): void {
    const now = performance.now();
    for (const viewer of this.#viewers) {
      if (now > viewer.until) this.#end(viewer);
      else this.#send(viewer, COMMENT);
    }
  }

  #send(viewer: Viewer, bytes: Uint8Array): void {
    if (!this.#viewers.has(viewer)) return;
    if ((viewer.controller.desiredSize ?? 0) < -MOST_UNREAD) this.#end(viewer);
    else viewer.controller.enqueue(bytes);
  }

  #end(viewer: Viewer): void {
    this.#remove(viewer);
    viewer.controller.close();
  }

  #remove(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size === 0) this.#stop();
  }
}

/** Undefined if no viewer has the right. */
function toMessages(parts: Parts | undefined): readonly Message[] | undefined {
  return (
    parts &&
    Object.entries(parts).map(([id, html]) => ({
      id,
      html,
      bytes: encoder.encode(`event: part\ndata: ${JSON.stringify({ id, html })}\n\n`),
    }))
  );
}
