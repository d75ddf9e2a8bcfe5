// What comes from the API, as components use it: loaded once, or again and again while somebody looks.
import { useCallback, useEffect, useRef, useState } from "./vendor/hooks.mjs";

const NOTHING = { data: undefined, error: null, key: null };
const MOST_BACKOFF = 12;
const LONGEST_MS = 60_000;

// `load(signal)` for what `key` names; `key` null loads nothing. Gives { data, error, isLoading, reload }. Of another
// key nothing is shown, and no answer that comes too late.
export function useLoaded(load, key) {
  return usePolled(load, key, { everyMs: null });
}

// The same, again after `everyMs`: later and later while nothing changes or the API is in trouble, not before the
// time that it names, and not at all while the page is hidden.
export function usePolled(load, key, { everyMs }) {
  const [state, setState] = useState(NOTHING);
  const latest = useRef(load);
  latest.current = load;
  const wake = useRef(() => {});

  useEffect(() => {
    if (key === null) return undefined;
    const poller = startPoller((signal) => latest.current(signal), everyMs, {
      loaded: (data) => setState({ data, error: null, key }),
      failed: (error) => setState((before) => ({ data: before.key === key ? before.data : undefined, error, key })),
    });
    wake.current = poller.wake;
    return poller.stop;
  }, [key, everyMs]);

  const reload = useCallback(() => wake.current(), []);
  const shown = state.key === key ? state : NOTHING;
  return { data: shown.data, error: shown.error, isLoading: key !== null && shown.key === null, reload };
}

// Gives { wake, stop }. `wake` asks at once, or once more where the answer is on its way.
export function startPoller(load, everyMs, { loaded, failed }) {
  const ending = new AbortController();
  let timer = null;
  let isRunning = false;
  let isAskedAgain = false;
  let backoff = 1;
  let before = null;

  async function ask() {
    try {
      const data = await load(ending.signal);
      const text = JSON.stringify(data);
      backoff = text === before ? Math.min(MOST_BACKOFF, backoff * 1.5) : 1;
      before = text;
      if (!ending.signal.aborted) loaded(data);
      return 0;
    } catch (error) {
      backoff = Math.min(MOST_BACKOFF, backoff * 2);
      if (!ending.signal.aborted) failed(error);
      return error.retryAfterMs ?? 0;
    }
  }

  async function run() {
    clearTimeout(timer);
    isRunning = true;
    isAskedAgain = false;
    const leastMs = await ask();
    isRunning = false;
    if (ending.signal.aborted) return;
    if (isAskedAgain) run();
    else if (everyMs !== null && !document.hidden) {
      timer = setTimeout(run, Math.max(leastMs, Math.min(LONGEST_MS, everyMs * backoff)));
    }
  }

  function wake() {
    backoff = 1;
    if (isRunning) isAskedAgain = true;
    else if (!ending.signal.aborted) run();
  }

  function turned() {
    if (document.hidden) clearTimeout(timer);
    else if (everyMs !== null && !isRunning) run();
  }

  document.addEventListener("visibilitychange", turned);
  run();
  return {
    wake,
    stop() {
      ending.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", turned);
    },
  };
}

// The time, now and every second, as long as `isTicking`.
export function useNow(isTicking = true, everyMs = 1000) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isTicking) return undefined;
    const timer = setInterval(() => document.hidden || setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [isTicking, everyMs]);
  return isTicking ? now : Date.now();
}

// Something that a reader does: { run, isRunning, error }. It runs once at a time.
export function useAction(act) {
  const [state, setState] = useState({ isRunning: false, error: null });
  async function run(...values) {
    if (state.isRunning) return;
    setState({ isRunning: true, error: null });
    try {
      await act(...values);
      setState({ isRunning: false, error: null });
    } catch (error) {
      setState({ isRunning: false, error });
    }
  }
  return { run, ...state };
}
