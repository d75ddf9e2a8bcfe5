// A task as it changes: the stream of A2A's SubscribeToTask, and what to do where it ends or is refused.
import { agentPath, send } from "./api.js";

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

// Server-sent events of a response's body, each as its data's document.
export async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const messages = (rest + value).split("\n\n");
      rest = messages.pop();
      for (const message of messages) {
        const data = message.split("\n").filter((line) => line.startsWith("data:"));
        if (data.length) yield JSON.parse(data.map((line) => line.slice(5)).join("\n"));
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// Follow a task until `signal` ends it. `changed` is called when something has happened to it, `said` with the text
// that its agent has written so far. Whoever calls ends it when the task has ended. A stream that breaks is opened
// again, later and later; `changed` is called then too, so that nothing is missed between two streams.
export async function followTask(agentId, taskId, { changed, said }, signal) {
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    let rest = 0;
    try {
      const path = agentPath(agentId, `/v1/tasks/${encodeURIComponent(taskId)}:subscribe`);
      const headers = { Accept: "text/event-stream", "A2A-Version": "1.0" };
      const response = await send("GET", path, { headers, signal });
      let text = "";
      for await (const each of eventsOf(response.body)) {
        rest = restOf(each);
        if (!each.task) wait = FIRST_WAIT_MS;
        text = textAfter(text, each.artifactUpdate);
        if (each.artifactUpdate) said(text);
        else if (each.statusUpdate) changed();
      }
    } catch (error) {
      if (signal.aborted) return;
      rest = error.retryAfterMs ?? 0;
    }
    await pause(Math.max(wait, Math.min(rest, LONGEST_WAIT_MS)), signal);
    wait = Math.min(LONGEST_WAIT_MS, wait * 2);
    if (!signal.aborted) changed();
  }
}

// How long nothing will happen to it, where the stream says so.
function restOf(update) {
  return (update.statusUpdate?.metadata?.retryAfterSeconds ?? 0) * 1000;
}

function textAfter(text, update) {
  if (update?.artifact?.artifactId !== "result") return text;
  const piece = update.artifact.parts?.map((part) => part.text ?? "").join("") ?? "";
  return update.append ? text + piece : piece;
}

// Ends early where `signal` does.
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
