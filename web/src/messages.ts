// In a notebook the page stands in a frame of its own, and its questions go to the kernel as messages to what holds the
// frame (unitscope/server/widget.py).

import type { Ask } from "./served";

export const inNotebook = () => document.getElementById("app")?.dataset.host === "notebook";

interface Answer {
  id: number;
  status: number;
  content: string;
}

export function overMessages(): Ask {
  const waiting = new Map<number, (answer: Answer) => void>();
  let last = 0;
  addEventListener("message", (event: MessageEvent<Answer>) => {
    if (event.source !== parent) return;
    waiting.get(event.data.id)?.(event.data);
    waiting.delete(event.data.id);
  });
  return async <T>(path: string, question?: object): Promise<T> => {
    const id = ++last;
    const answer = await new Promise<Answer>((done) => {
      waiting.set(id, done);
      parent.postMessage({ id, path, question: question ?? null }, "*");
    });
    const said = JSON.parse(answer.content) as T & { error?: string };
    if (answer.status !== 200) throw new Error(said.error ?? `the kernel says ${answer.status}`);
    return said;
  };
}
