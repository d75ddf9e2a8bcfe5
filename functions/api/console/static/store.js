// A value that parts of the page share; components that use it are drawn again when it changes.
import { useEffect, useState } from "./vendor/hooks.mjs";

export function createStore(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const listener of [...listeners]) listener(next);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useStore(store) {
  const [value, setValue] = useState(store.get());
  useEffect(() => {
    setValue(store.get()); // it may have changed since it was drawn
    return store.subscribe(setValue);
  }, [store]);
  return value;
}
