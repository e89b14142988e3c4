/** The page's side of the worker: `await ask("nextWords", {...})`. */

let worker;
let last = 0;
const waiting = new Map();

export function ask(question, given) {
  if (!worker) {
    worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data: { id, answer, error } }) => {
      const { resolve, reject } = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) resolve(answer);
      else reject(new Error(error));
    };
    worker.onerror = (event) => {
      const error = new Error(event.message || "the models could not be loaded");
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    };
  }
  const id = ++last;
  worker.postMessage({ id, ask: question, given });
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

/**
 * Answer the newest only: while one call of `work` runs, of all that come in only the
 * last is kept. So a figure follows the hand, and never works off a queue.
 */
export function newest(work) {
  let running = false;
  let next;
  return async function call(...given) {
    next = given;
    if (running) return;
    running = true;
    try {
      while (next) {
        const now = next;
        next = undefined;
        await work(...now);
      }
    } finally {
      running = false;
    }
  };
}
