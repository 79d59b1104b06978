/** Loaded before a program: its clock is wrong by `CLOCK_OFFSET_MS`. */
const RightDate = Date;
const now = () => RightDate.now() + Number(process.env.CLOCK_OFFSET_MS);

globalThis.Date = new Proxy(RightDate, {
  construct: (target, parts) => Reflect.construct(target, parts.length === 0 ? [now()] : parts),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
