/** Lets a number of holders work at the same time. For one caller that takes them in turn. */
export class Slots {
  readonly #count: number;
  #taken = 0;
  #wake: (() => void) | null = null;

  constructor(count: number) {
    this.#count = count;
  }

  /** Waits for a free slot and takes it. */
  async take(): Promise<void> {
    while (this.#taken >= this.#count) await this.#change();
    this.#taken += 1;
  }

  free(): void {
    this.#taken -= 1;
    this.#wake?.();
  }

  /** Waits until no slot is taken. */
  async allFree(): Promise<void> {
    while (this.#taken > 0) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
