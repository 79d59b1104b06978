/** The ids of a group's members in ascending order, four bytes each. */
export class MemberList {
  #ids: Uint32Array;
  #size: number;

  /** Takes over an array that is already in ascending order, without duplicates. */
  constructor(ids: Uint32Array = new Uint32Array(0)) {
    this.#ids = ids;
    this.#size = ids.length;
  }

  get size(): number {
    return this.#size;
  }

  has(id: number): boolean {
    const at = this.#lowerBound(id);
    return at < this.#size && this.#ids[at] === id;
  }

  /** Adds a member; false if it was there. */
  add(id: number): boolean {
    const at = this.#lowerBound(id);
    if (at < this.#size && this.#ids[at] === id) return false;
    if (this.#size === this.#ids.length) {
      const grown = new Uint32Array(Math.max(8, this.#size * 2));
      grown.set(this.#ids);
      this.#ids = grown;
    }
    this.#ids.copyWithin(at + 1, at, this.#size);
    this.#ids[at] = id;
    this.#size += 1;
    return true;
  }

  /** Takes a member out; false if it was not there. */
  delete(id: number): boolean {
    const at = this.#lowerBound(id);
    if (at >= this.#size || this.#ids[at] !== id) return false;
    this.#ids.copyWithin(at, at + 1, this.#size);
    this.#size -= 1;
    return true;
  }

  /** The members whose id is `from` or greater, ascending. */
  *from(from: number): Generator<number> {
    for (let at = this.#lowerBound(from); at < this.#size; at += 1) yield this.#ids[at] as number;
  }

  #lowerBound(id: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] as number) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
