// Who works here: the API key, in this tab and until it is closed. It is in no address, no log and no other storage.
import { createStore } from "./store.js";

const SLOT = "a2a-tasks.key";

export const session = createStore({ key: sessionStorage.getItem(SLOT), notice: null });

export function signIn(key) {
  sessionStorage.setItem(SLOT, key);
  session.set({ key, notice: null });
}

// `notice` names a text that the sign-in form shows.
export function signOut(notice = null) {
  sessionStorage.removeItem(SLOT);
  session.set({ key: null, notice });
}
