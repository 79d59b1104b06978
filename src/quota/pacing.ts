import { localPacer, type Pacer } from './pacer.ts';

/** Where lanes get their turns, and how processes that share them tell each other of throttling. */
export interface Pacing {
  /** The pacer of the lane `id`, at `rate` attempts a second. */
  newPacer(id: string, rate: number): Pacer;
  /** Tells every other process that the service throttled the lane's calls. */
  tellThrottled(id: string): void;
  /** Has `listener` called with each lane of which that was told. */
  onThrottled(listener: (id: string) => void): void;
  close(): Promise<void>;
}

/** The pacing of a process that shares its lanes with no other. */
export function localPacing(): Pacing {
  return {
    newPacer: (_, rate) => localPacer(rate),
    tellThrottled: () => {},
    onThrottled: () => {},
    close: async () => {},
  };
}
