/**
 * Watches how wasm is compiled and instantiated in this process: the time of each, and the
 * memories. Import it before anything else (`node --import`).
 */
const { WebAssembly } = globalThis;
const time = { compile: 0, instantiate: 0 };
const memories = [];
globalThis.wasmTime = time;
globalThis.wasmMemories = memories;

const watched = (name, made) => {
  const Real = WebAssembly[made];
  WebAssembly[made] = new Proxy(Real, {
    construct(target, values) {
      const start = performance.now();
      const one = Reflect.construct(target, values, target);
      time[name] += performance.now() - start;
      if (one instanceof WebAssembly.Instance)
        for (const value of Object.values(one.exports))
          if (value instanceof WebAssembly.Memory) memories.push(value);
      return one;
    },
  });
};
watched("compile", "Module");
watched("instantiate", "Instance");
