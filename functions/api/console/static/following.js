// A live task as a component follows it.
import { useEffect, useRef, useState } from "./vendor/hooks.mjs";
import { followTask } from "./stream.js";

const GATHERED_MS = 700; // changes within this time are one

// `onChange` is called when something has happened to the task. Gives the text that its agent has written so far.
// Nothing is followed while the page is hidden; when it is seen again, `onChange` is called.
export function useFollowed(agentId, taskId, isLive, onChange) {
  const [draft, setDraft] = useState("");
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => {
    if (!isLive) return undefined;
    let following = null;
    let timer = null;
    function changed() {
      timer ??= setTimeout(() => {
        timer = null;
        latest.current();
      }, GATHERED_MS);
    }
    function turned() {
      following?.abort();
      following = document.hidden ? null : new AbortController();
      if (following) followTask(agentId, taskId, { changed, said: setDraft }, following.signal);
    }
    function seen() {
      turned();
      if (!document.hidden) changed();
    }
    document.addEventListener("visibilitychange", seen);
    turned();
    return () => {
      document.removeEventListener("visibilitychange", seen);
      clearTimeout(timer);
      following?.abort();
      setDraft("");
    };
  }, [agentId, taskId, isLive]);
  return draft;
}
