/** The Lua scripts by which Bottleneck's limiters share their state; no part of its own types. */
declare module 'bottleneck/lib/Scripts.js' {
  const scripts: {
    readonly names: readonly string[];
    /** The keys that the script touches for the limiter `id`. */
    keys(name: string, id: string): string[];
    /** The keys of the limiter `id`. */
    allKeys(id: string): string[];
    /** Its text. */
    payload(name: string): string;
  };
  export default scripts;
}
